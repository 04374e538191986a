"""SQLite, through the standard library's driver.

SQLite has no column types, only values: a number becomes the shortest text that reads back the same, a blob
`\\x` and hexadecimal digits, text stays as it is, and null stays null. A row's day is that of a text in ISO
form, as its digits stand; any other value has none.
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
from mlops_assets.stores.databases.base import DAY, Cut

_ROWS = 5_000
_BUSY_SECONDS = 10.0


@dataclass(frozen=True)
class SqliteDatabase:
    """A SQLite file, opened for reading alone."""

    path: Path
    shown: str

    @contextmanager
    def snapshot(self, query: str, *, subject: str, place: str) -> Iterator["_Snapshot"]:
        if not self.path.is_file():
            raise DataError(
                f"{subject}: no database at {self.path}",
                hint="sqlite:///data/crm.db lies below the project's root, sqlite:////srv/crm.db does not",
            )
        try:
            address = f"file:{quote(str(self.path))}?mode=ro"
            with closing(
                sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
            ) as connection:
                connection.execute("pragma query_only = on")
                connection.execute("begin")
                yield _Snapshot(connection, query)
        except sqlite3.Error as error:
            raise DataError(f"{subject}: {self.shown}: {error}", hint=_way_out(error, place)) from error


class _Snapshot:
    def __init__(self, connection: sqlite3.Connection, query: str) -> None:
        self._connection = connection
        self._rows = f"(\n{query}\n) as source_rows"
        asked = connection.execute(f"select * from {self._rows} limit 0")
        self.columns: Sequence[str] = _as_written([name for name, *_ in asked.description])

    def days(self, column: str) -> list[tuple[str | None, int]]:
        asked = f"select {_day(column)} as day, count(*) from {self._rows} group by day"
        return self._connection.execute(asked).fetchall()

    def extract(self, path: Path, cut: Cut | None = None, *, day_of: str | None = None) -> None:
        where, bounds = _condition(cut) if cut else ("", [])
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


def _as_written(names: Sequence[str]) -> list[str]:
    """Names without the number that SQLite gives to one that stands twice, `note:1`: that is told later."""
    return [base if (base := re.sub(r":\d+$", "", name)) in names else name for name in names]


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return f"\\x{value.hex()}" if isinstance(value, bytes) else repr(value)


def _day(column: str) -> str:
    """The day of a text in ISO form; null for anything else, and for the 31st of February."""
    name = quoted(column)
    day = f"substr({name}, 1, 10)"
    return (
        f"case when typeof({name}) = 'text' and date({day}, '+0 days') = {day} "
        f"and coalesce(datetime({name}), datetime(substr({name}, 1, 19))) is not null then {day} end"
    )


def _condition(cut: Cut) -> tuple[str, list[str]]:
    """The first bounds are for an index: a text in ISO form sorts as its day does."""
    name, day, end = quoted(cut.column), _day(cut.column), cut.end.isoformat()
    if cut.start is None:
        return f"where coalesce({day} < ?, true)", [end]
    return f"where {name} >= ? and {name} < ? and {day} is not null", [cut.start.isoformat(), end]


def _way_out(error: sqlite3.Error, place: str) -> str:
    text = str(error)
    if "locked" in text:
        return "somebody writes to it for long; run again when they are done"
    if "not a database" in text or "malformed" in text or "open database" in text:
        return "the file must be a sound SQLite database that can be read"
    return f"mend the query in {place}"
