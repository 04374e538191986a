"""A DuckDB that the steps of a process share: to start one takes longer than to write a small partition."""

import atexit
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Lock

import duckdb

from mlops_assets.core.sql_quoting import UTC_SESSION
from mlops_assets.ml.wide_queries import plan_narrow
from mlops_assets.stores.duckdb.connection import new_spill_folder, open_database, translated_errors

_LOCK, _NUMBERS = Lock(), count()


@dataclass
class _Database:
    key: tuple[Path, str, int]
    spill: Path
    connection: duckdb.DuckDBPyConnection
    users: int = field(default=0)

    def close(self) -> None:
        self.connection.close()
        shutil.rmtree(self.spill, ignore_errors=True)


_NEWEST: list[_Database] = []
"""At most one: a process works on one warehouse."""


@contextmanager
def shared_connection(root: Path, *, memory_limit: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own to the shared database, with tables that vanish with it.

    The memory limit is that of all connections together. Settings of the database must not be changed, and
    no SQL of a project may run: the spill folder is shared, and `confine` is refused.

    Raises
    ------
    StoreError
        If the disk is full, or `root` can't be written.
    """
    database = _acquire(root, memory_limit)
    name = f"step_{next(_NUMBERS)}"
    try:
        with translated_errors(root, database.spill), database.connection.cursor() as connection:
            connection.execute(f"attach ':memory:' as {name}; use {name}; {UTC_SESSION}")
            plan_narrow(connection)  # a step with a wide table may have been before
            try:
                yield connection
            finally:
                with database.connection.cursor() as other:  # the first one may have failed in a transaction
                    connection.close()
                    other.execute(f"detach {name}")
    finally:
        _release(database)


def _acquire(root: Path, memory_limit: str) -> _Database:
    key = (root.absolute(), memory_limit, os.getpid())
    with _LOCK:
        if not _NEWEST or _NEWEST[0].key != key:
            spill = new_spill_folder(root)
            with translated_errors(root, spill):
                opened = open_database(spill, memory_limit=memory_limit)
            # Data of files that were read would stay in memory while other steps need it.
            opened.execute("set enable_external_file_cache = false")
            _close_unused()
            _NEWEST[:] = [_Database(key, spill, opened)]
        database = _NEWEST[0]
        database.users += 1
        return database


def _release(database: _Database) -> None:
    with _LOCK:
        database.users -= 1
        if not database.users and database not in _NEWEST:
            database.close()


@atexit.register
def _close_unused() -> None:
    for database in _NEWEST:
        if not database.users and database.key[2] == os.getpid():  # a fork leaves it to its parent
            database.close()
