"""Online features in a SQLite file, which is written beside the former one and replaces it.

A file never changes once it has its name, so readers open it as immutable, without locks. A reader notices
the next file by its inode, which costs a microsecond.
"""

import os
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock
from urllib.parse import quote

from filelock import FileLock

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.online.base import Item, Snapshot, not_written
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.system.durable import flush_files

_PAGE_BYTES = 8192
_MMAP_BYTES = 1 << 40
_BATCH = 10_000
_SCHEMA = """
    create table snapshot (description text not null);
    create table rows (entity blob primary key, features blob not null) without rowid;
"""
_FAST = f"""
    pragma page_size = {_PAGE_BYTES};
    pragma journal_mode = off;
    pragma synchronous = off;
    pragma locking_mode = exclusive;
"""
"""Settings of a file that no process reads yet, and that is removed when its writer fails."""
_Mark = tuple[int, int, int]


class SqliteOnlineStore:
    """The online features of a project in one file.

    Parameters
    ----------
    file
        The file; its folder is created by the first write.
    """

    is_local = True

    def __init__(self, project: str, file: Path) -> None:
        self.project, self.file = project, file
        self._lock = Lock()
        self._opened: tuple[_Mark, sqlite3.Connection, Snapshot] | None = None

    @property
    def display_name(self) -> str:
        return str(self.file)

    def write(self, snapshot: Snapshot, batches: Iterable[Sequence[Item]]) -> int:
        with self._replaced() as connection:
            connection.execute("insert into snapshot values (?)", (snapshot.to_text(),))
            for batch in batches:
                connection.executemany("insert into rows values (?, ?)", batch)
        return self.file.stat().st_size

    def snapshot(self) -> Snapshot | None:
        with self._lock, self._translated():
            return self._open()[1] if self.file.exists() else None

    def get(self, keys: Sequence[bytes]) -> tuple[Snapshot, list[bytes | None]]:
        with self._lock, self._translated():
            connection, snapshot = self._open()
            execute, found = connection.execute, list[bytes | None]()
            for key in keys:
                row = execute("select features from rows where entity = ?", (key,)).fetchone()
                found.append(None if row is None else row[0])
            return snapshot, found

    def items(self) -> Iterator[Sequence[Item]]:
        if not self.file.exists():
            return
        with self._translated(), closing(self._connect(self.file)) as connection:
            cursor = connection.execute("select entity, features from rows")
            while rows := cursor.fetchmany(_BATCH):
                yield rows

    def remove(self, keys: Sequence[bytes]) -> int:
        """Write a file without some entities; also files that an interrupted write has left are removed."""
        before = self.snapshot()
        if before is None:
            self._remove_left()
            return 0
        wanted = set(keys)
        with self._replaced() as connection:
            kept = 0
            for batch in self.items():
                rows = [item for item in batch if item[0] not in wanted]
                connection.executemany("insert into rows values (?, ?)", rows)
                kept += len(rows)
            after = replace(before, rows=kept)
            connection.execute("insert into snapshot values (?)", (after.to_text(),))
        return before.rows - kept

    @contextmanager
    def _replaced(self) -> Iterator[sqlite3.Connection]:
        """A new file to write into, which becomes the store's at the end."""
        folder = self.file.parent
        with translated_disk_errors(f"{self.project}: the online features", folder):
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.file.with_suffix(".lock")):
                self._remove_left()
                new = self.file.with_name(f".{self.file.name}.{uuid.uuid4().hex[:8]}")
                try:
                    with closing(sqlite3.connect(new, isolation_level=None)) as connection:
                        connection.executescript(_FAST + _SCHEMA)
                        connection.execute("begin")
                        yield connection
                        connection.execute("commit")
                    flush_files([new])
                    new.replace(self.file)
                    flush_files([], folder)
                except BaseException:
                    with suppress(OSError):
                        new.unlink(missing_ok=True)
                    raise

    def _remove_left(self) -> None:
        for left in self.file.parent.glob(f".{self.file.name}.*"):
            left.unlink(missing_ok=True)

    def _open(self) -> tuple[sqlite3.Connection, Snapshot]:
        """The connection to the present file, and its description."""
        try:
            status = os.stat(self.file)  # noqa: PTH116 - half the time of Path.stat, once for each request
        except FileNotFoundError:
            raise not_written(self.project, self.display_name) from None
        mark = (status.st_ino, status.st_mtime_ns, status.st_size)
        if self._opened is not None and self._opened[0] == mark:
            return self._opened[1:]
        connection = self._connect(self.file)
        try:
            row = connection.execute("select description from snapshot").fetchone()
            snapshot = Snapshot.from_text(row[0] if row else "", subject=self.display_name)
        except BaseException:
            connection.close()
            raise
        if self._opened is not None:
            self._opened[1].close()
        self._opened = mark, connection, snapshot
        return connection, snapshot

    @staticmethod
    def _connect(file: Path) -> sqlite3.Connection:
        address = f"file:{quote(str(file))}?mode=ro&immutable=1"
        connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        connection.execute(f"pragma mmap_size = {_MMAP_BYTES}")
        return connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with translated_disk_errors(f"{self.project}: the online features", self.file.parent):
                yield
        except sqlite3.Error as error:
            raise StoreError(
                f"{self.project}: the online features in {self.file} can't be read: {error}",
                hint=f"delete the file and write it again: materialize {self.project}/features_online",
            ) from error
