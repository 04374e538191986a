"""How MLflow is reached: opening a store, what a fault of it is called, and the names of our tags.

Holds: `connect`, `reachable`, `make_current`, `facts_of`.
Add here: another fault of a store that a person can mend, or another setting of MLflow's client.
Not here: what is asked of the store (`tracking.py`, `registry.py`).
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import mlflow
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from mlops_assets.errors import TrackingError

TAG = "mlops."
"""Prefix of our tags on runs and versions."""

_SQLITE = "sqlite:///"
_DEFAULTS = {
    # A server that is down is an error within a minute, not after MLflow's default of many minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def connect(uri: str) -> MlflowClient:
    """MLflow's client, after the store was found to be there."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # it tells of every new table
    with reachable(uri), _migration_lock(uri):
        client = MlflowClient(uri, uri)  # makes a new SQLite store's tables
        client.search_experiments(max_results=1)
    return client


def make_current(uri: str) -> None:
    """MLflow looks `models:/…` up in the process's store, whatever store it is told beside."""
    mlflow.set_tracking_uri(uri)


@contextmanager
def reachable(uri: str) -> Iterator[None]:
    """Tell a store that can't be used by its address."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        if isinstance(error, MlflowException) and error.error_code not in ("INTERNAL_ERROR", None):
            raise
        reason = str(error).strip().splitlines()[0]
        raise TrackingError(
            f"the tracking store at {uri} can't be used: {reason}",
            hint="see that the address is right and the server runs, then run again",
        ) from error


@contextmanager
def _migration_lock(uri: str) -> Iterator[None]:
    """Two that make a new SQLite store's tables at once would break it for good."""
    if not uri.startswith(_SQLITE):
        yield
        return
    folder = Path(uri.removeprefix(_SQLITE)).parent
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "migration.lock"):
        yield


def facts_of(tags: Mapping[str, str]) -> dict[str, str]:
    """Our tags, without their prefix."""
    return {name.removeprefix(TAG): value for name, value in tags.items() if name.startswith(TAG)}
