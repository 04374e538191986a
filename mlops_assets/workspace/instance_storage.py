"""The storage of Dagster's instance: its settings, and errors of its databases as one sentence."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from dagster import DagsterInstance

from mlops_assets.core.errors import MlopsError, ProjectError, StoreError
from mlops_assets.core.redaction.redact import redact
from mlops_assets.stores.system.database_errors import translated_database_errors
from mlops_assets.stores.system.disk_errors import translated_disk_errors

_CONNECT_SECONDS = "5"
"""Time limit of one attempt to connect to a Postgres server, of which Dagster makes six."""

_STORAGES = {"storage", "run_storage", "event_log_storage", "schedule_storage"}


def read_settings(file: Path) -> dict[str, Any]:
    """Return the settings in a `dagster.yaml`.

    Raises
    ------
    ProjectError
        When the file is not YAML with settings.
    """
    try:
        settings = yaml.safe_load(file.read_text("utf-8")) or {}
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ProjectError(f"{file} can't be read: {reason}", hint="correct the YAML syntax") from error
    if not isinstance(settings, dict):
        raise ProjectError(f"{file} has no settings", hint="start it with a setting such as `storage:`")
    return settings


def default_settings(home: Path, declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings for what a `dagster.yaml` does not declare: an instance in files below `home`."""
    found: dict[str, Any] = {
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "compute_logs": {
            "module": "mlops_assets.compute_logs",
            "class": "LocalLogs",
            "config": {"base_dir": str(home / "storage")},
        },
    }
    if not _STORAGES & declared.keys():
        found["storage"] = {
            "custom": {
                "module": "mlops_assets.dagster_storage",
                "class": "LocalStorage",
                "config": {"base_dir": str(home)},
            }
        }
    return found


@contextmanager
def usable_instance(create: Callable[[], DagsterInstance], home: Path) -> Iterator[DagsterInstance]:
    """Open an instance, and query each of its storages, before anything runs.

    Parameters
    ----------
    create
        Opens the instance and creates missing databases.
    home
        The folder of its files.

    Raises
    ------
    StoreError
        When a storage is damaged, of another version, locked or not accessible, now or later.
    """
    os.environ.setdefault("PGCONNECT_TIMEOUT", _CONNECT_SECONDS)  # libpq itself waits for minutes
    try:
        with _translated_errors("Dagster's instance", home):
            instance = create()
            with ExitStack() as unusable:
                unusable.callback(instance.dispose)
                instance.get_runs_count()
                instance.event_log_storage.get_maximum_record_id()
                if instance.schedule_storage is not None:
                    instance.schedule_storage.all_instigator_state()
                unusable.pop_all()
    except MlopsError:
        raise
    except Exception as error:  # a storage that dagster.yaml names may raise anything
        reason = redact(" ".join(str(error).split()) or type(error).__name__)
        raise StoreError(
            f"Dagster's instance can't be opened: {reason}",
            hint="set MLOPS_STATE_DIR, and DAGSTER_HOME if used, to existing writable folders, and check "
            "dagster.yaml",
        ) from error
    with _translated_errors("Dagster's run storage", home), instance:
        yield instance


@contextmanager
def _translated_errors(subject: str, home: Path) -> Iterator[None]:
    """Translate errors of disk and databases; of the disk first, because SQLite reports those, too."""
    with translated_database_errors(subject, home), translated_disk_errors(subject, home):
        yield
