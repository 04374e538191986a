"""Postgres, through psycopg 3.

Rows stream as `COPY … TO STDOUT` writes them, so every value is the text that Postgres itself gives it, in
UTC and ISO form; a null and an empty text stay two things. A row's day is that of a date, of a timestamp as
its digits stand, or of a timestamp with time zone in UTC.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from mlops_assets.core.errors import DataError
from mlops_assets.stores.databases.base import DAY, Cut

if TYPE_CHECKING:
    import psycopg
    from psycopg.sql import Composable

_CONNECT_SECONDS = 10
_PARAMETERS = {
    "connect_timeout": _CONNECT_SECONDS,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "application_name": "mlops_assets",
}
_SESSION = (
    "set timezone = 'UTC'",
    "set datestyle = 'ISO, YMD'",
    "set intervalstyle = 'postgres'",
    "set bytea_output = 'hex'",
    "set extra_float_digits = 1",
    "set lock_timeout = '30s'",
)
_LARGEST_ROW = 16 * 1024 * 1024
_DATE, _TIMESTAMP, _TIMESTAMPTZ = 1082, 1114, 1184


@dataclass(frozen=True, repr=False)
class PostgresDatabase:
    """A Postgres database.

    Parameters
    ----------
    url
        Its address; it holds the password, and never leaves this object.
    shown
        What people see instead.
    """

    url: str
    shown: str

    @contextmanager
    def snapshot(self, query: str, *, subject: str, place: str) -> Iterator["_Snapshot"]:
        psycopg = _driver(subject)
        with self._connected(psycopg, subject) as connection:
            try:
                for setting in _SESSION:
                    connection.execute(setting)
                connection.commit()
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                connection.read_only = True
                yield _Snapshot(connection, query, subject=subject, shown=self.shown)
            except psycopg.Error as error:
                raise DataError(
                    f"{subject}: {self.shown}: {self._told(error)}", hint=_way_out(error, place)
                ) from None

    @contextmanager
    def _connected(self, psycopg: Any, subject: str) -> Iterator["psycopg.Connection[Any]"]:
        try:
            parameters = {**_PARAMETERS, **psycopg.conninfo.conninfo_to_dict(self.url)}
        except psycopg.Error:  # its words hold parts of the URL
            raise DataError(
                f"{subject}: {self.shown} has an address that is no URL of Postgres",
                hint="postgresql://user:password@host:5432/database; write %40 for @ and %2F for / in a "
                "password",
            ) from None
        try:
            connection = psycopg.connect(**parameters)
        except (psycopg.Error, UnicodeError, ValueError) as error:
            raise DataError(
                f"{subject}: {self.shown} can't be reached: {self._told(error)}",
                hint="look whether it runs, and whether the URL names the right host, database, user and "
                "password",
            ) from None
        try:
            yield connection
        finally:
            connection.close()

    def _told(self, error: Exception) -> str:
        """The first line of an error, without the password, should it be there."""
        from psycopg import conninfo

        diagnosed = getattr(getattr(error, "diag", None), "message_primary", None)
        text = diagnosed or next(iter(str(error).strip().splitlines()), type(error).__name__)
        password = conninfo.conninfo_to_dict(self.url).get("password")
        return text.replace(str(password), "***") if password else text


class _Snapshot:
    def __init__(
        self, connection: "psycopg.Connection[Any]", query: str, *, subject: str, shown: str
    ) -> None:
        from psycopg import sql

        self._connection, self._subject, self._shown = connection, subject, shown
        self._rows = sql.SQL("(\n") + _raw(query) + sql.SQL("\n) as source_rows")
        asked = connection.execute(sql.SQL("select * from ") + self._rows + sql.SQL(" limit 0"))
        described = asked.description or []
        self.columns: Sequence[str] = [column.name for column in described]
        self._types = {column.name: column.type_code for column in described}

    def days(self, column: str) -> list[tuple[str | None, int]]:
        from psycopg import sql

        asked = sql.SQL("select {} as day, count(*) from ").format(self._day(column)) + self._rows
        return self._connection.execute(asked + sql.SQL(" group by 1")).fetchall()

    def extract(self, path: Path, cut: Cut | None = None, *, day_of: str | None = None) -> None:
        from psycopg import sql

        day = sql.SQL(", ") + self._day(day_of) if day_of else sql.SQL("")
        where = self._condition(cut) if cut else sql.SQL("")
        rows = sql.SQL("select *") + day + sql.SQL(" from ") + self._rows + where
        names = [*self.columns, *([DAY] if day_of else [])]
        schema = pa.schema([(name, pa.string()) for name in names])
        statement = sql.SQL("copy (") + rows + sql.SQL(") to stdout (format csv)")
        with (
            pq.ParquetWriter(path, schema, compression="zstd") as writer,
            self._connection.cursor() as cursor,
            cursor.copy(statement) as copy,
        ):
            stream = _Stream(copy)
            if not stream.is_empty:
                self._write(stream, schema, writer)

    def _write(self, stream: "_Stream", schema: pa.Schema, writer: pq.ParquetWriter) -> None:
        # One name may stand twice here; that it does is told later, with the column.
        numbered = [str(number) for number in range(len(schema))]
        try:
            reader = csv.open_csv(
                stream,
                csv.ReadOptions(block_size=_LARGEST_ROW, column_names=numbered, use_threads=False),
                csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
                csv.ConvertOptions(
                    column_types=dict.fromkeys(numbered, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )
            for batch in reader:
                writer.write_batch(pa.record_batch(batch.columns, schema=schema))
        except pa.ArrowInvalid as error:
            limit = f"{_LARGEST_ROW >> 20} MiB"
            reason = f"is longer than {limit}" if "straddl" in str(error) else f"can't be read: {error}"
            raise DataError(
                f"{self._subject}: a row of {self._shown} {reason}",
                hint=f"a row may have {limit}: leave large columns out of the query",
            ) from None

    def _day(self, column: str) -> "Composable":
        from psycopg import sql

        name = sql.Identifier(column)
        moment = name if self._type(column) != _TIMESTAMPTZ else sql.SQL("{} at time zone 'UTC'").format(name)
        # The years that a date of Python has; those outside are as far away as a date can be.
        return sql.SQL(
            "case when isfinite({name}) and {moment} >= '0001-01-01' "
            "then to_char(least({moment}, '9999-12-31'), 'YYYY-MM-DD') end"
        ).format(name=name, moment=moment)

    def _condition(self, cut: Cut) -> "Composable":
        from psycopg import sql

        zone = UTC if self._type(cut.column) == _TIMESTAMPTZ else None
        name, end = sql.Identifier(cut.column), sql.Literal(_midnight(cut.end, zone))
        if cut.start is None:
            return sql.SQL(" where {name} < {end} or {name} is null or not isfinite({name})").format(
                name=name, end=end
            )
        start = sql.Literal(_midnight(cut.start, zone))
        return sql.SQL(" where {name} >= {start} and {name} < {end}").format(name=name, start=start, end=end)

    def _type(self, column: str) -> int:
        found = self._types[column]
        if found not in (_DATE, _TIMESTAMP, _TIMESTAMPTZ):
            raise DataError(
                f"{self._subject}: the column {column}, which dates the rows, holds neither dates nor "
                "timestamps",
                hint=f"cast it in the query: {column}::timestamptz as {column}",
            )
        return found


class _Stream:
    """What a COPY sends, as a file that Arrow reads."""

    closed = False

    def __init__(self, copy: Any) -> None:
        self._copy, self._ahead = copy, bytes(copy.read())

    @property
    def is_empty(self) -> bool:
        return not self._ahead

    def read(self, size: int = -1) -> bytes:
        parts, length = [self._ahead], len(self._ahead)
        while size < 0 or length < size:
            part = bytes(self._copy.read())
            if not part:
                break
            parts.append(part)
            length += len(part)
        whole = b"".join(parts)
        size = length if size < 0 else size
        self._ahead = whole[size:]
        return whole[:size]

    def close(self) -> None:
        """Nothing to do: the cursor ends the COPY."""


def _raw(query: str) -> "Composable":
    from psycopg import sql

    return sql.SQL(query)


def _midnight(day: date, zone: Any) -> datetime:
    return datetime.combine(day, time(), zone)


def _driver(subject: str) -> Any:
    try:
        import psycopg
        import psycopg.conninfo
    except ImportError:
        raise DataError(
            f"{subject}: the driver of Postgres, psycopg, is not installed",
            hint="pip install 'mlops_assets[postgres]', or pip install 'psycopg[binary]'",
        ) from None
    return psycopg


def _way_out(error: Exception, place: str) -> str:
    state = getattr(error, "sqlstate", None) or ""
    if state.startswith("42501"):
        return "grant the user select on what the query reads"
    if state.startswith("55P03"):
        return "somebody holds a lock on the table; run again when they are done"
    if state.startswith(("08", "57")) or not state:
        return "the connection broke off; run again, and the table keeps the content that it had until then"
    if re.match("22", state):
        return f"a value can't be computed: mend the query in {place}, or the row"
    return f"mend the query in {place}"
