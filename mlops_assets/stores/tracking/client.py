"""The connection to MLflow: creating and opening a store, timeouts, credentials and translated errors."""

import json
import logging
import os
import re
import sqlite3
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import mlflow
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from mlops_assets.compat.mlflow import SCHEMA_LOGGER, create_database, schema_revisions
from mlops_assets.core.errors import MlopsError, TrackingError
from mlops_assets.core.redaction.addresses import credentials_of, without_credentials
from mlops_assets.core.redaction.redact import redact
from mlops_assets.stores.system.disk_errors import disk_error
from mlops_assets.stores.system.state_directory import HTTP, TRACKING_URI_VARIABLE
from mlops_assets.stores.tracking.locations import SQLITE, OwnArtifacts

TAG = "mlops."
"""Prefix of the tags of mlops_assets on runs and versions."""

_LOG = logging.getLogger(__name__)
_DEFAULTS = {
    # A server that does not answer is an error within a minute: three times 15 s and the pauses between. With
    # MLflow's defaults it takes many minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
_SHORT_TIMEOUTS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "3"}
_SERVER_ERRORS = (None, "INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "BAD_REQUEST")
_SCHEMA = re.compile(r"out-of-date database schema \(found version (\w+), but expected (\w+)\)")
_UNKNOWN_SCHEMA = re.compile(r"Can't locate revision identified by '(\w+)'")
_CAUSE = re.compile(r"Caused by \w+\(['\"]?(?:.*: )?([^:]+?)['\")]*$")
"""The end of the message of a request that failed after its retries."""
_REASON_LENGTH = 300


def connect(uri: str, artifacts: Path | None = None) -> MlflowClient:
    """Return a client of the store after a first request has succeeded; a new SQLite store is created.

    Parameters
    ----------
    artifacts
        Folder of the artifacts. A SQLite store beside it that was moved or copied is adapted to its place.
    """
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    _pass_credentials(uri)
    # It logs every new table, and the stack trace of errors that are translated below.
    logging.getLogger(SCHEMA_LOGGER).setLevel(logging.CRITICAL)
    with translated_mlflow_errors(uri, refusals=True):
        if uri.startswith(SQLITE):
            _make_sqlite_store(Path(uri.removeprefix(SQLITE)))
        address = full_address(uri)
        client = MlflowClient(address, address)
        client.search_experiments(max_results=1)
        if (own := OwnArtifacts.of(uri, artifacts)) and (changed := own.relocate()):
            _LOG.info("%s was moved or copied: %d locations were adapted", own.folder.parent, changed)
    return client


def make_current(uri: str) -> None:
    """Make the store MLflow's current one: it resolves `models:/…` there, whatever client is used."""
    _pass_credentials(uri)
    mlflow.set_tracking_uri(full_address(uri))


def full_address(uri: str) -> str:
    """Return the URI that MLflow opens: for a database, with the declared user and password.

    The URL of a server is unchanged: `_pass_credentials` sets its credentials.
    """
    declared = os.environ.get(TRACKING_URI_VARIABLE, "")
    return declared if not uri.startswith(HTTP) and without_credentials(declared) == uri else uri


def _pass_credentials(uri: str) -> None:
    """Pass the declared user and password of a server to MLflow, in its environment variables."""
    declared = os.environ.get(TRACKING_URI_VARIABLE, "")
    found = credentials_of(declared) if declared.startswith(HTTP) else None
    if found and without_credentials(declared) == uri:
        for name, value in zip(("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"), found, strict=True):
            os.environ.setdefault(name, value)


@contextmanager
def translated_mlflow_errors(uri: str, *, refusals: bool = False) -> Iterator[None]:
    """Translate errors of a store that can't be used; MLflow's answers to invalid requests pass unchanged.

    Parameters
    ----------
    refusals
        Translate refused requests, too: for a request that every MLflow server accepts.

    Raises
    ------
    TrackingError
        When the server is down, too slow or not MLflow, or the database can't be used.
    StoreError
        When the disk is full or permissions are missing.
    """
    try:
        yield
    except MlopsError:
        raise
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError, json.JSONDecodeError) as error:
        answered = isinstance(error, MlflowException) and error.error_code not in _SERVER_ERRORS
        if answered and not refusals:
            raise
        local, shown = uri.startswith(SQLITE), without_credentials(uri)
        database = Path(uri.removeprefix(SQLITE))
        if local and (translated := disk_error(error, "MLflow's store", database)):
            raise translated from error
        raise _schema_error(shown, str(error)) or TrackingError(
            f"the tracking store at {shown} can't be used: {_reason(error)}",
            hint=f"restore {database.parent} from a backup, or move it away to start a new store without the "
            "versions of the old one"
            if local
            else "check the URL and that the server runs, then run again: a search resumes after its last "
            "trial. Set MLFLOW_HTTP_REQUEST_TIMEOUT and MLFLOW_HTTP_REQUEST_MAX_RETRIES to wait longer",
        ) from error


@contextmanager
def short_timeouts() -> Iterator[None]:
    """Shorten the timeouts, for a server that has just failed to answer."""
    before = {name: os.environ.get(name) for name in _SHORT_TIMEOUTS}
    os.environ.update(_SHORT_TIMEOUTS)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _HasAddress(Protocol):
    uri: str


_Store = TypeVar("_Store", bound=_HasAddress)
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def translate_mlflow_errors(
    method: Callable[Concatenate[_Store, _Arguments], _Result],
) -> Callable[Concatenate[_Store, _Arguments], _Result]:
    """Decorate a method of a store with `translated_mlflow_errors`."""

    @wraps(method)
    def translated(store: _Store, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        with translated_mlflow_errors(store.uri):
            return method(store, *args, **kwargs)

    return translated


def lock_folder(uri: str) -> Path:
    """Return the folder for locks between the processes of this machine that use a store."""
    if uri.startswith(SQLITE):
        return Path(uri.removeprefix(SQLITE)).parent
    return Path(tempfile.gettempdir()) / f"mlops_assets-{os.getuid()}"


def _make_sqlite_store(database: Path) -> None:
    """Create a new database under a temporary name, and rename it when it is complete.

    Two processes that create the tables at once, or one that is killed meanwhile, would leave a database that
    MLflow can't open.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(database.parent / "migration.lock"):
        if database.exists() and database.stat().st_size:
            return
        for partial in database.parent.glob(f".{database.name}.*"):  # of a killed process
            partial.unlink()
        new = database.with_name(f".{database.name}.{uuid.uuid4().hex[:8]}")
        try:
            create_database(new)
            new.replace(database)
        except BaseException:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            raise


def _schema_error(uri: str, message: str) -> TrackingError | None:
    """Return the error of a database that another version of MLflow has created."""
    ours = mlflow.__version__
    found = _SCHEMA.search(message)
    if found and found[1] in schema_revisions():
        return TrackingError(
            f"the tracking store at {uri} was created by an older MLflow: its schema is {found[1]}, and "
            f"MLflow {ours} requires {found[2]}",
            hint=f"back up the database, then run: mlflow db upgrade {uri}",
        )
    if found := found or _UNKNOWN_SCHEMA.search(message):
        return TrackingError(
            f"the tracking store at {uri} was created by a newer MLflow: its schema, {found[1]}, is unknown "
            f"to MLflow {ours}",
            hint="install the MLflow version that created it, or restore an older backup of the database",
        )
    return None


def _reason(error: BaseException) -> str:
    text = redact(str(error))  # before it is cut, which would leave a part of a secret
    if cause := _CAUSE.search(text):
        return cause[1]
    lines = text.strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= _REASON_LENGTH else f"{lines[0][:_REASON_LENGTH]}…"


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of mlops_assets, without their prefix."""
    return {name.removeprefix(TAG): value for name, value in tags.items() if name.startswith(TAG)}
