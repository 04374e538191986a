"""How MLflow is reached: opening a store, how long to wait for it, what a fault of it is called, our tags."""

import json
import logging
import os
import re
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
from mlops_assets.core.credentials import credentials_of, without_credentials
from mlops_assets.core.errors import MlopsError, TrackingError
from mlops_assets.stores.system.disk_errors import disk_error
from mlops_assets.stores.system.state_directory import HTTP, TRACKING_URI_VARIABLE

TAG = "mlops."
"""Prefix of our tags on runs and versions."""

_SQLITE = "sqlite:///"
_DEFAULTS = {
    # A server that is down or does not answer is an error within a minute (three times 15 s, and some seconds
    # between), not after MLflow's default of many minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
_BRIEF = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "3"}
_SERVER_FAULTS = (None, "INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "BAD_REQUEST")
_SCHEMA = re.compile(r"out-of-date database schema \(found version (\w+), but expected (\w+)\)")
_UNKNOWN_SCHEMA = re.compile(r"Can't locate revision identified by '(\w+)'")
_CAUSE = re.compile(r"Caused by \w+\(['\"]?(?:.*: )?([^:]+?)['\")]*$")
"""The end of what is said of a request that failed after retries."""
_REASON_LENGTH = 300


def connect(uri: str) -> MlflowClient:
    """MLflow's client, after the store was found to be there; a new SQLite store is made."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    _tell_credentials(uri)
    # It tells of every new table, and shows the stack of errors that `reachable` tells in one sentence.
    logging.getLogger(SCHEMA_LOGGER).setLevel(logging.CRITICAL)
    with translated_mlflow_errors(uri, refusals=True):
        if uri.startswith(_SQLITE):
            _make_sqlite_store(Path(uri.removeprefix(_SQLITE)))
        address = full_address(uri)
        client = MlflowClient(address, address)
        client.search_experiments(max_results=1)
    return client


def make_current(uri: str) -> None:
    """MLflow looks `models:/…` up in the process's store, whatever store it is told beside."""
    _tell_credentials(uri)
    mlflow.set_tracking_uri(full_address(uri))


def full_address(uri: str) -> str:
    """What MLflow opens: a database's address as it was declared, with user and password.

    A server's stays as it is: `_tell_credentials` gives MLflow what it asks with.
    """
    declared = os.environ.get(TRACKING_URI_VARIABLE, "")
    return declared if not uri.startswith(HTTP) and without_credentials(declared) == uri else uri


def _tell_credentials(uri: str) -> None:
    """Give MLflow, by variables of its own, user and password that the server was declared with."""
    declared = os.environ.get(TRACKING_URI_VARIABLE, "")
    found = credentials_of(declared) if declared.startswith(HTTP) else None
    if found and without_credentials(declared) == uri:
        for name, value in zip(("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"), found, strict=True):
            os.environ.setdefault(name, value)


@contextmanager
def translated_mlflow_errors(uri: str, *, refusals: bool = False) -> Iterator[None]:
    """Tell by its address a store that can't be used; what it answers to a wrong question passes.

    Parameters
    ----------
    refusals
        Whether a refusal is a fault, too, because what is asked is what every MLflow answers.

    Raises
    ------
    TrackingError
        When the server is down, too slow, or answers what MLflow does not; or the database can't be used.
    StoreError
        When the disk is full, or a folder is not to be written to.
    """
    try:
        yield
    except MlopsError:
        raise
    except (MlflowException, SQLAlchemyError, OSError, json.JSONDecodeError) as error:
        answered = isinstance(error, MlflowException) and error.error_code not in _SERVER_FAULTS
        if answered and not refusals:
            raise
        local, shown = uri.startswith(_SQLITE), without_credentials(uri)
        database = Path(uri.removeprefix(_SQLITE))
        if local and (fault := disk_error(error, "MLflow's store", database)):
            raise fault from error
        raise _schema_fault(shown, str(error)) or TrackingError(
            f"the tracking store at {shown} can't be used: {_reason(error)}",
            hint=f"bring back what is missing or damaged below {database.parent}, or move it away to start a "
            "new store, without the old one's versions"
            if local
            else "see that the address is right and the server runs, then run again: a search goes on where "
            "it was. MLFLOW_HTTP_REQUEST_TIMEOUT and MLFLOW_HTTP_REQUEST_MAX_RETRIES say how long to wait",
        ) from error


@contextmanager
def waiting_briefly() -> Iterator[None]:
    """Not another minute for a server that was just found not to answer."""
    before = {name: os.environ.get(name) for name in _BRIEF}
    os.environ.update(_BRIEF)
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
    """A method of a store that tells when the store is not `reachable`."""

    @wraps(method)
    def told(store: _Store, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        with translated_mlflow_errors(store.uri):
            return method(store, *args, **kwargs)

    return told


def lock_folder(uri: str) -> Path:
    """Where the processes of this machine that use a store take turns."""
    if uri.startswith(_SQLITE):
        return Path(uri.removeprefix(_SQLITE)).parent
    return Path(tempfile.gettempdir()) / f"mlops_assets-{os.getuid()}"


def _make_sqlite_store(database: Path) -> None:
    """Make a new store's tables beside its place, and move it there when it is whole.

    Two that make them at once, or one that is killed meanwhile, would leave a store that nothing can open.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(database.parent / "migration.lock"):
        if database.exists() and database.stat().st_size:
            return
        for left in database.parent.glob(f".{database.name}.*"):  # of a process that was killed
            left.unlink()
        new = database.with_name(f".{database.name}.{uuid.uuid4().hex[:8]}")
        try:
            create_database(new)
            new.replace(database)
        except BaseException:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            raise


def _schema_fault(uri: str, message: str) -> TrackingError | None:
    """What to do about a database of another version of MLflow."""
    ours = mlflow.__version__
    found = _SCHEMA.search(message)
    if found and found[1] in schema_revisions():
        return TrackingError(
            f"the tracking store at {uri} was made by an older MLflow: its schema is {found[1]}, and "
            f"MLflow {ours} needs {found[2]}",
            hint=f"copy the database, then: mlflow db upgrade {uri}",
        )
    if found := found or _UNKNOWN_SCHEMA.search(message):
        return TrackingError(
            f"the tracking store at {uri} was made by a newer MLflow: its schema, {found[1]}, is unknown to "
            f"MLflow {ours}",
            hint="install the MLflow that made it, or bring back a copy of the database from before",
        )
    return None


def _reason(error: BaseException) -> str:
    if cause := _CAUSE.search(str(error)):
        return cause[1]
    lines = without_credentials(str(error)).strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= _REASON_LENGTH else f"{lines[0][:_REASON_LENGTH]}…"


def facts_of(tags: Mapping[str, str]) -> dict[str, str]:
    """Our tags, without their prefix."""
    return {name.removeprefix(TAG): value for name, value in tags.items() if name.startswith(TAG)}
