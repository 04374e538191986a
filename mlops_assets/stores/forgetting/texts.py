"""The ID of an entity in files and databases other than tables: found, and replaced."""

import gzip
import re
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile, ZipFile, is_zipfile

import duckdb

from mlops_assets.core.errors import StoreError
from mlops_assets.core.redaction.patterns import any_spelling
from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.core.text.compact_text import compact, expanded
from mlops_assets.stores.system.disk_errors import disk_error, translated_disk_errors
from mlops_assets.stores.system.durable import flush_files

REPLACEMENT = "[forgotten]"
MIN_CHARACTERS = 5
"""Shorter IDs are parts of too many other texts."""
_BUSY_SECONDS = 60
_SQLITE, _PARQUET, _GZIP = b"SQLite format 3\0", b"PAR1", b"\x1f\x8b"
_NUMBER = re.compile(r"[-+]?[\d.]+")
_RECORDED = ("manifest.json", "MLmodel")
"""Files of a folder whose digests are recorded, so that none of its files can change."""

Outcome = Literal["found", "replaced", "kept"]


@dataclass(frozen=True)
class TextPlace:
    """A file that contains the ID.

    Attributes
    ----------
    count
        How often; 0 if the file can't be searched.
    outcome
        `found` if nothing was changed yet, `kept` if it can't be changed.
    reason
        Why it is kept.
    """

    path: Path
    count: int
    outcome: Outcome
    reason: str = ""

    def __str__(self) -> str:
        """What was found, without what was done."""
        found = f"the ID occurs {self.count:,} times" if self.count else "whether it has the ID is unknown"
        return f"{self.path}: {found}"


@dataclass(frozen=True)
class TextSearch:
    """The search for an ID in texts.

    Parameters
    ----------
    state
        The state directory.
    value
        The ID.
    """

    state: Path
    value: str

    @property
    def skipped(self) -> str:
        """Why texts are not searched; empty if they are."""
        if len(self.value) < MIN_CHARACTERS:
            return f"an ID of less than {MIN_CHARACTERS} characters is part of too many other texts"
        return ""

    def places(self, *, replace: bool) -> Iterator[TextPlace]:
        """Yield the files that contain the ID, as a word of its own.

        Parameters
        ----------
        replace
            Replace it by `[forgotten]`. These are reported and kept: files with a recorded digest, zip and
            Parquet files, and an ID that is a number, which may stand for something else.
        """
        if self.skipped:
            return
        with translated_disk_errors("the state directory", self.state):
            for path in sorted(self.state.rglob("*")):
                if path.is_file() and not path.is_symlink() and not self._is_table(path):
                    try:
                        yield from self._in_file(path, replace=replace)
                    except (sqlite3.DatabaseError, duckdb.Error, BadZipFile, zlib.error, EOFError) as error:
                        _require_no_other_cause(error, path)
                        yield TextPlace(path, 0, "kept" if replace else "found", _damaged(error))

    @cached_property
    def _word(self) -> re.Pattern[str]:
        """The ID as itself or escaped, as JSON, HTML and addresses write it."""
        return re.compile(rf"(?<!\.){any_spelling(self.value)}")

    @cached_property
    def _trace(self) -> str:
        """The longest part that no encoding changes, for a fast search; empty if there is none."""
        return max(re.findall(r"[A-Za-z0-9]+", self.value), key=len, default="")

    def _is_table(self, path: Path) -> bool:
        relative = path.relative_to(self.state)
        return relative.parts[0] == "warehouse" or path.name.endswith((".db-wal", ".db-shm"))

    def _in_file(self, path: Path, *, replace: bool) -> Iterator[TextPlace]:
        with path.open("rb") as stream:
            start = stream.read(len(_SQLITE))
        if start == _SQLITE:
            yield from self._in_database(path, replace=replace)
        elif start.startswith(_PARQUET):
            if count := _count_parquet(path, self.value):
                yield TextPlace(path, count, *self._kept(path, replace, "remove it and train again"))
        elif is_zipfile(path) or start.startswith(_GZIP):
            count = self._count_gzip(path) if start.startswith(_GZIP) else self._count_zip(path)
            if count:
                yield TextPlace(path, count, *self._kept(path, replace, "it is compressed: remove the file"))
        elif self._trace.encode() in (content := path.read_bytes()):
            text = content.decode("utf-8", "surrogateescape")
            changed, count = self._word.subn(REPLACEMENT, text)
            if not count:
                return
            reason = self._reason(path)
            if replace and not reason:
                _overwrite(path, changed.encode("utf-8", "surrogateescape"))
                yield TextPlace(path, count, "replaced")
            else:
                yield TextPlace(path, count, *self._kept(path, replace, reason))

    def _count_zip(self, path: Path) -> int:
        """How often the members of a zip file contain the ID, such as the parts of a fitted pipeline."""
        with ZipFile(path) as archive:
            members = (archive.read(name) for name in archive.namelist())
            return sum(len(self._word.findall(one.decode("utf-8", "surrogateescape"))) for one in members)

    def _count_gzip(self, path: Path) -> int:
        text = gzip.decompress(path.read_bytes()).decode("utf-8", "surrogateescape")
        return len(self._word.findall(text))

    def _kept(self, path: Path, replace: bool, reason: str) -> tuple[Outcome, str]:
        return ("kept" if replace else "found"), self._reason(path) or reason

    def _reason(self, path: Path) -> str:
        """Why a file can't be changed; empty if it can."""
        if _NUMBER.fullmatch(self.value):
            return "the ID is a number, which may stand for something else there"
        inside = [parent for parent in path.parents if parent.is_relative_to(self.state)]
        if any((parent / name).is_file() for parent in inside for name in _RECORDED):
            return "a model has learned the value: train a new version, and delete this one"
        if path.parent.name == "code":
            return "it is a copy of the project's files, whose digest is recorded"
        return ""

    def _in_database(self, path: Path, *, replace: bool) -> Iterator[TextPlace]:
        """Replace texts in a SQLite database, such as the messages of Dagster's events."""
        count, reason = 0, self._reason(path)
        with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
            connection.execute("pragma secure_delete = on")
            for table, column in _text_columns(connection):
                name, found = quoted(column), self._rows_of(connection, table, column)
                for row, stored in found:
                    changed, times = self._word.subn(REPLACEMENT, expanded(stored))
                    count += times
                    if times and replace and not reason:
                        value = changed if isinstance(stored, str) else compact(changed)
                        connection.execute(
                            f"update {quoted(table)} set {name} = ? where rowid = ?", (value, row)
                        )
            if count and replace and not reason:
                connection.execute("pragma wal_checkpoint(truncate)")
                connection.execute("vacuum")  # older texts in free pages
        if count:
            outcome: Outcome = "replaced" if replace and not reason else "kept" if replace else "found"
            yield TextPlace(path, count, outcome, reason)

    def _rows_of(
        self, connection: sqlite3.Connection, table: str, column: str
    ) -> list[tuple[int, str | bytes]]:
        """The rows whose text may contain the ID, with the text as it is stored, maybe compressed."""
        name = quoted(column)
        connection.create_function("may_contain", 1, self._may_contain, deterministic=True)
        query = f"select rowid, {name} from {quoted(table)} where may_contain({name})"
        try:
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError as error:
            if "no such column: rowid" not in str(error):
                raise
            return []

    def _may_contain(self, stored: object) -> bool:
        if isinstance(stored, bytes):
            try:
                stored = expanded(stored)
            except ValueError:  # other bytes
                return False
        return isinstance(stored, str) and self._trace in stored


def _require_no_other_cause(error: Exception, path: Path) -> None:
    """Raise an error that is no damage of a file: the search must be repeated."""
    if disk_error(error, "a file of the state directory", path.parent):
        raise error
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        raise StoreError(
            f"{path} is in use by another process, and was not searched for the ID",
            hint="stop `mlops ui` and other programs that write it, and run the command again",
        ) from error


def _damaged(error: Exception) -> str:
    first = next(iter(str(error).splitlines()), "")
    return f"it can't be read ({first or type(error).__name__}): repair or remove it"


def _text_columns(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    tables = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
    for (table,) in tables:
        if not table.startswith("sqlite_"):
            for column in connection.execute(f"pragma table_info({quoted(table)})").fetchall():
                yield table, column[1]


def _count_parquet(path: Path, value: str) -> int:
    """The number of rows of a Parquet file that have the value in any column."""
    with duckdb.connect() as connection:
        rows = connection.read_parquet(str(path))
        terms = " or ".join(f"{quoted(name)}::varchar = {literal(value)}" for name in rows.columns)
        return int(rows.filter(terms).count("*").fetchall()[0][0])


def _overwrite(path: Path, content: bytes) -> None:
    written = path.with_name(f".{path.name}.forgotten")
    written.write_bytes(content)
    written.chmod(path.stat().st_mode & 0o777)
    flush_files([written])
    written.replace(path)
