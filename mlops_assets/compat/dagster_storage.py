"""Dagster's SQLite storages, which have no public import path; they import watchdog."""

from dagster._core.storage.event_log.base import EventLogStorage
from dagster._core.storage.event_log.sqlite.consolidated_sqlite_event_log import (
    SQLITE_EVENT_LOG_FILENAME,
    ConsolidatedSqliteEventLogStorage,
)
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS, create_db_conn_string
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

__all__ = [
    "SQLITE_BUSY_TIMEOUT_SECONDS",
    "SQLITE_EVENT_LOG_FILENAME",
    "ConfigurableClassData",
    "ConsolidatedSqliteEventLogStorage",
    "DagsterSqliteStorage",
    "EventLogStorage",
    "SqliteEventLogStorage",
    "SqliteRunStorage",
    "SqliteScheduleStorage",
    "create_db_conn_string",
]
