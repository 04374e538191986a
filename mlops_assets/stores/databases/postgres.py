"""Queries of Postgres, with psycopg 3.

Rows are streamed by `COPY … TO STDOUT`, so each value is the text that Postgres writes, in UTC and ISO
format; null and the empty text are distinct. A row's day is that of a date, of a timestamp without
conversion, or of a timestamp with time zone in UTC.
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

from mlops_assets.core.errors import TABLE_UNCHANGED, DataError
from mlops_assets.core.redaction.redact import keep_secret, redact
from mlops_assets.stores.databases.base import DAY, DaySpan
from mlops_assets.stores.databases.postgres_copy import MAX_ROW_BYTES, RowTooLongError, write_rows

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
_DATE, _TIMESTAMP, _TIMESTAMPTZ = 1082, 1114, 1184


@dataclass(frozen=True, repr=False)
class PostgresDatabase:
    """A Postgres database.

    Parameters
    ----------
    url
        The URL with the password. It appears in no message.
    display_name
        The database for messages.
    """

    url: str
    display_name: str

    def __post_init__(self) -> None:
        keep_secret(self.url)

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
                yield _Snapshot(connection, query, subject=subject, display_name=self.display_name)
            except psycopg.Error as error:
                raise DataError(
                    f"{subject}: {self.display_name}: {_first_line(error)}",
                    hint=_hint(error, place),
                    without_values=f"{subject}: {self.display_name}: {type(error).__name__}",
                ) from None

    @contextmanager
    def _connected(self, psycopg: Any, subject: str) -> Iterator["psycopg.Connection[Any]"]:
        try:
            parameters = {**_PARAMETERS, **psycopg.conninfo.conninfo_to_dict(self.url)}
        except psycopg.Error:  # the message contains parts of the URL
            raise DataError(
                f"{subject}: {self.display_name}: the value is not a valid Postgres URL",
                hint="use the form postgresql://user:password@host:5432/database. Write %40 for @ and %2F "
                "for / in the password.",
            ) from None
        try:
            connection = psycopg.connect(**parameters)
        except (psycopg.Error, UnicodeError, ValueError) as error:
            raise DataError(
                f"{subject}: {self.display_name} can't be reached: {_first_line(error)}",
                hint="check that the server runs, and the host, database, user and password of the URL",
            ) from None
        try:
            yield connection
        finally:
            connection.close()


class _Snapshot:
    def __init__(
        self, connection: "psycopg.Connection[Any]", query: str, *, subject: str, display_name: str
    ) -> None:
        from psycopg import sql

        self._connection, self._subject, self._display_name = connection, subject, display_name
        self._rows = sql.SQL("(\n") + _raw(query) + sql.SQL("\n) as source_rows")
        # Only a prepared statement is one: otherwise a query with semicolons could end the transaction that
        # reads, and write in another.
        empty = connection.execute(sql.SQL("select * from ") + self._rows + sql.SQL(" limit 0"), prepare=True)
        described = empty.description or []
        self.columns: Sequence[str] = [column.name for column in described]
        self._types = {column.name: column.type_code for column in described}

    def days(self, column: str) -> list[tuple[str | None, int]]:
        from psycopg import sql

        query = sql.SQL("select {} as day, count(*) from ").format(self._day(column)) + self._rows
        return self._connection.execute(query + sql.SQL(" group by 1")).fetchall()

    def extract(self, path: Path, span: DaySpan | None = None, *, day_of: str | None = None) -> None:
        from psycopg import sql

        day = sql.SQL(", ") + self._day(day_of) if day_of else sql.SQL("")
        where = self._condition(span) if span else sql.SQL("")
        rows = sql.SQL("select *") + day + sql.SQL(" from ") + self._rows + where
        names = [*self.columns, *([DAY] if day_of else [])]
        schema = pa.schema([(name, pa.string()) for name in names])
        statement = sql.SQL("copy (") + rows + sql.SQL(") to stdout (format csv)")
        limit = f"{MAX_ROW_BYTES >> 20} MiB"
        with (
            pq.ParquetWriter(path, schema, compression="zstd") as writer,
            self._connection.cursor() as cursor,
            cursor.copy(statement) as copy,
        ):
            try:
                write_rows(copy, schema, writer)
            except (RowTooLongError, pa.ArrowInvalid) as error:
                too_long = isinstance(error, RowTooLongError)
                problem = f"is longer than the maximum of {limit}" if too_long else f"can't be read: {error}"
                raise DataError(
                    f"{self._subject}: a row of {self._display_name} {problem}",
                    hint="leave large columns out of the query",
                ) from None

    def _day(self, column: str) -> "Composable":
        from psycopg import sql

        name = sql.Identifier(column)
        utc = self._type(column) == _TIMESTAMPTZ
        value = sql.SQL("{} at time zone 'UTC'").format(name) if utc else name
        # Limited to the years of a Python date; earlier rows have no day.
        return sql.SQL(
            "case when isfinite({name}) and {value} >= '0001-01-01' "
            "then to_char(least({value}, '9999-12-31'), 'YYYY-MM-DD') end"
        ).format(name=name, value=value)

    def _condition(self, span: DaySpan) -> "Composable":
        from psycopg import sql

        zone = UTC if self._type(span.column) == _TIMESTAMPTZ else None
        name, end = sql.Identifier(span.column), sql.Literal(_midnight(span.end, zone))
        if span.start is None:
            return sql.SQL(" where {name} < {end} or {name} is null or not isfinite({name})").format(
                name=name, end=end
            )
        start = sql.Literal(_midnight(span.start, zone))
        return sql.SQL(" where {name} >= {start} and {name} < {end}").format(name=name, start=start, end=end)

    def _type(self, column: str) -> int:
        found = self._types[column]
        if found not in (_DATE, _TIMESTAMP, _TIMESTAMPTZ):
            raise DataError(
                f"{self._subject}: the arrival column {column} is neither a date nor a timestamp",
                hint=f"cast it in the query: {column}::timestamptz as {column}",
            )
        return found


def _raw(query: str) -> "Composable":
    from psycopg import sql

    return sql.SQL(query)


def _first_line(error: Exception) -> str:
    diagnosed = getattr(getattr(error, "diag", None), "message_primary", None)
    return diagnosed or next(iter(redact(str(error)).strip().splitlines()), type(error).__name__)


def _midnight(day: date, zone: Any) -> datetime:
    return datetime.combine(day, time(), zone)


def _driver(subject: str) -> Any:
    try:
        import psycopg
        import psycopg.conninfo
    except ImportError:
        raise DataError(
            f"{subject}: psycopg, the driver for Postgres, is not installed",
            hint="pip install 'mlops_assets[postgres]', or pip install 'psycopg[binary]'",
        ) from None
    return psycopg


def _hint(error: Exception, place: str) -> str:
    state = getattr(error, "sqlstate", None) or ""
    if state.startswith("42501"):
        return "grant the user the select privilege on the tables of the query"
    if state.startswith("55P03"):
        return "another session locks the table: run again when it has finished"
    if state.startswith(("08", "57")) or not state:
        return f"the connection was lost: run again. {TABLE_UNCHANGED}"
    if re.match("22", state):
        return f"a value can't be computed: correct the query in {place}, or the data"
    return f"correct the query in {place}"
