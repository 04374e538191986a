"""Queries of SQLite, with the driver of the standard library.

Values in SQLite have types, columns do not. A number is extracted as the shortest text that reads back as the
same number, a blob as `\\x` and hexadecimal digits, text and null unchanged. A row's day is that of a text in
ISO format, without conversion of time zones; other values have no day.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from mlops_assets.core.errors import DataError
from mlops_assets.core.sql_quoting import quoted
from mlops_assets.stores.databases.base import DAY, DaySpan

_ROWS = 5_000
_BUSY_SECONDS = 10.0
_SYSTEM_TABLE = re.compile(r"sqlite_|pragma_|dbstat$", re.IGNORECASE)
_OF_VIRTUAL_TABLES = ("sqlite_master", "ROWID")
"""What SQLite itself reads when it opens a full-text index."""
_SYSTEM_FUNCTIONS = {"load_extension", "fts3_tokenizer"}
"""Functions that load code, or return the address of code."""


@dataclass(frozen=True)
class SqliteDatabase:
    """A SQLite file, opened read-only."""

    path: Path
    display_name: str

    @contextmanager
    def snapshot(self, query: str, *, subject: str, place: str) -> Iterator["_Snapshot"]:
        if not self.path.is_file():
            raise DataError(
                f"{subject}: no database at {self.path}",
                hint="check the path: sqlite:///data/crm.db is relative to the project's root, "
                "sqlite:////srv/crm.db is absolute",
            )
        try:
            address = f"file:{quote(str(self.path))}?mode=ro"
            with closing(
                sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
            ) as connection:
                connection.execute("pragma query_only = on")
                connection.execute("begin")
                connection.set_authorizer(_authorize)
                yield _Snapshot(connection, query)
        except sqlite3.Error as error:
            # SQLite quotes a text that is not valid UTF-8.
            reason = str(error).partition(" with text ")[0]
            raise DataError(f"{subject}: {self.display_name}: {reason}", hint=_hint(error, place)) from error


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """SQLite's question before it runs a statement: a query reads tables, and nothing of SQLite itself."""
    match action:
        case sqlite3.SQLITE_SELECT | sqlite3.SQLITE_RECURSIVE:
            allowed = True
        case sqlite3.SQLITE_READ:
            allowed = not _SYSTEM_TABLE.match(first or "") or (first, second) == _OF_VIRTUAL_TABLES
        case sqlite3.SQLITE_FUNCTION:
            allowed = (second or "").lower() not in _SYSTEM_FUNCTIONS
        case sqlite3.SQLITE_PRAGMA:  # of the full-text indexes, which read their own tables
            allowed = (first or "").lower() in ("data_version", "page_size") and second is None
        case sqlite3.SQLITE_INSERT | sqlite3.SQLITE_UPDATE | sqlite3.SQLITE_DELETE:
            allowed = True  # virtual tables prepare such statements; none runs, as the file is read-only
        case _:
            allowed = False
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


class _Snapshot:
    def __init__(self, connection: sqlite3.Connection, query: str) -> None:
        self._connection = connection
        self._rows = f"(\n{query}\n) as source_rows"
        empty = connection.execute(f"select * from {self._rows} limit 0")
        self.columns: Sequence[str] = _original_names([name for name, *_ in empty.description])

    def days(self, column: str) -> list[tuple[str | None, int]]:
        query = f"select {_day(column)} as day, count(*) from {self._rows} group by day"
        return self._connection.execute(query).fetchall()

    def extract(self, path: Path, span: DaySpan | None = None, *, day_of: str | None = None) -> None:
        where, bounds = _condition(span) if span else ("", [])
        day = f", {_day(day_of)}" if day_of else ""
        cursor = self._connection.execute(f"select *{day} from {self._rows} {where}", bounds)
        names = [*self.columns, *([DAY] if day_of else [])]
        schema = pa.schema([(name, pa.large_string()) for name in names])
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            while rows := cursor.fetchmany(_ROWS):
                columns = [
                    pa.array(map(_text, values), pa.large_string()) for values in zip(*rows, strict=True)
                ]
                writer.write_batch(pa.record_batch(columns, schema=schema))


def _original_names(names: Sequence[str]) -> list[str]:
    """Names without the suffix that SQLite adds to duplicates, as in `note:1`; those are reported later."""
    return [base if (base := re.sub(r":\d+$", "", name)) in names else name for name in names]


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return f"\\x{value.hex()}" if isinstance(value, bytes) else repr(value)


def _day(column: str) -> str:
    """The day of a text in ISO format; null for other values and for invalid dates such as 2025-02-31."""
    name = quoted(column)
    day = f"substr({name}, 1, 10)"
    return (
        f"case when typeof({name}) = 'text' and date({day}, '+0 days') = {day} "
        f"and coalesce(datetime({name}), datetime(substr({name}, 1, 19))) is not null then {day} end"
    )


def _condition(span: DaySpan) -> tuple[str, list[str]]:
    """The bounds on the column itself allow the use of an index: texts in ISO format sort by day."""
    name, day, end = quoted(span.column), _day(span.column), span.end.isoformat()
    if span.start is None:
        return f"where coalesce({day} < ?, true)", [end]
    return f"where {name} >= ? and {name} < ? and {day} is not null", [span.start.isoformat(), end]


def _hint(error: sqlite3.Error, place: str) -> str:
    text = str(error)
    if "prohibited" in text or "not authorized" in text:
        return f"read tables only, no pragma and no table of SQLite itself: correct the query in {place}"
    if "locked" in text:
        return "another process locks the database: run again when it has finished"
    if "not a database" in text or "malformed" in text or "open database" in text:
        return "check that the file is a SQLite database, undamaged and readable"
    return f"correct the query in {place}"
