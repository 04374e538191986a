"""Dagster's storage in SQLite: connections that stay open, and one event log for all runs."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import local
from typing import Any

import sqlalchemy as db

from mlops_assets.compat.dagster_storage import (
    SQLITE_BUSY_TIMEOUT_SECONDS,
    SQLITE_EVENT_LOG_FILENAME,
    ConfigurableClassData,
    ConsolidatedSqliteEventLogStorage,
    DagsterSqliteStorage,
    EventLogStorage,
    SqliteEventLogStorage,
    SqliteRunStorage,
    SqliteScheduleStorage,
    create_db_conn_string,
)
from mlops_assets.core.text.compact_text import compact, expanded


class LocalStorage(DagsterSqliteStorage):
    """Dagster's SQLite storage for projects with many small partitions.

    Dagster's own class opens the database for each statement and closes it, which takes ten times as long as
    the statement. For each run it creates a database of 27 tables and indexes, and stores the events of
    assets twice. Here connections stay open, an event is one transaction, all runs share one database, and
    events, which repeat the same names in each partition, are compressed.

    A folder whose events are in the databases of Dagster's own class keeps them there.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        # Not that of the base class, which creates the databases of its own kind.
        super(DagsterSqliteStorage, self).__init__()
        self.base_dir = base_dir
        self._inst_data = inst_data
        history = Path(base_dir, "history")
        self._run_storage = _Runs.from_local(str(history))
        # Dagster closes the connections of the other two only.
        self._schedule_storage = SqliteScheduleStorage.from_local(str(Path(base_dir, "schedules")))
        by_run = history / "runs"
        self._events: SqliteEventLogStorage | _Events = (
            SqliteEventLogStorage(str(by_run)) if (by_run / "index.db").exists() else _Events(str(history))
        )

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "LocalStorage":
        # Dagster's method returns its own class, also for a subclass.
        return cls.from_local(inst_data=inst_data, **config_value)

    @property
    def event_log_storage(self) -> EventLogStorage:
        return self._events

    def register_instance(self, instance: Any) -> None:
        super(DagsterSqliteStorage, self).register_instance(instance)
        for storage in (self._run_storage, self._events, self._schedule_storage):
            if not storage.has_instance:
                storage.register_instance(instance)


class _Database:
    """A SQLite database with a pool of open connections, which a forked process does not inherit."""

    def __init__(self, address: str, *, compact_texts: bool = False) -> None:
        self._address, self._compact_texts = address, compact_texts
        self._engine: db.Engine | None = None
        self._owner = 0
        self._current = local()

    @contextmanager
    def transaction(self) -> Iterator[db.Connection]:
        """A connection with an open transaction: that of this thread, if there is one."""
        current: db.Connection | None = getattr(self._current, "connection", None)
        if current is not None:
            yield current
            return
        with self._open_engine().connect() as connection, connection.begin():
            self._current.connection = connection
            try:
                yield connection
            finally:
                self._current.connection = None

    def dispose(self) -> None:
        """Close all connections."""
        if self._engine is not None and self._owner == os.getpid():
            self._engine.dispose()
        self._engine = None

    def _open_engine(self) -> db.Engine:
        if self._engine is None or self._owner != os.getpid():
            engine = db.create_engine(self._address, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
            db.event.listen(engine, "connect", _flush_at_checkpoints)
            if self._compact_texts:  # in the columns of this database, which Dagster declares as Text
                engine.dialect.colspecs = {**engine.dialect.colspecs, db.Text: _CompactText}
            self._engine, self._owner = engine, os.getpid()
        return self._engine


class _CompactText(db.Text):
    """A column with long texts compressed; what was stored as a text before is read as one."""

    def bind_processor(self, _: db.Dialect) -> Callable[[str | None], str | bytes | None]:
        return lambda text: None if text is None else compact(text)

    def result_processor(self, _: db.Dialect, __: object) -> Callable[[str | bytes | None], str | None]:
        return lambda stored: None if stored is None else expanded(stored)


def _flush_at_checkpoints(connection: Any, _: Any) -> None:
    """Flush the write-ahead log when it is copied into the database, and not with each transaction.

    The database stays consistent. A failure of power may lose the last events; a partition whose
    materialization is lost is computed again, with the same content.
    """
    connection.execute("pragma synchronous = normal")


class _Events(ConsolidatedSqliteEventLogStorage):
    def __init__(self, base_dir: str) -> None:
        address = create_db_conn_string(base_dir, SQLITE_EVENT_LOG_FILENAME)
        self._database = _Database(address, compact_texts=True)
        self._known_tables: set[str] = set()
        self._known_columns: set[str] = set()
        super().__init__(base_dir)

    def _init_db(self) -> None:
        """Create the database beside its place, so that one that is there is complete.

        Dagster creates it only if there is no file: a process that is killed meanwhile would leave some of
        the tables, and no later one would add the others.
        """
        path = Path(self.get_db_path())
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".new_", dir=path.parent) as folder:
            made = ConsolidatedSqliteEventLogStorage(folder).get_db_path()
            try:
                os.link(made, path)
            except FileExistsError:  # another process was first
                return
            except OSError:  # the disk has no links
                Path(made).rename(path)

    def _connect(self) -> Any:
        return self._database.transaction()

    def store_event(self, event: Any) -> None:
        with self._database.transaction():
            super().store_event(event)

    def has_table(self, table_name: str) -> bool:
        if table_name not in self._known_tables and super().has_table(table_name):
            self._known_tables.add(table_name)
        return table_name in self._known_tables

    def _has_asset_key_col_on_connection(self, conn: db.Connection, column_name: str) -> bool:
        if column_name not in self._known_columns and super()._has_asset_key_col_on_connection(
            conn, column_name
        ):
            self._known_columns.add(column_name)
        return column_name in self._known_columns

    def dispose(self) -> None:
        super().dispose()
        self._database.dispose()


class _Runs(SqliteRunStorage):
    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._database = _Database(conn_string)
        super().__init__(conn_string, inst_data)

    def connect(self) -> Any:
        return self._database.transaction()

    def dispose(self) -> None:
        self._database.dispose()
