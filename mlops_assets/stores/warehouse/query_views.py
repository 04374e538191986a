"""All tables as views that a query can read, and nothing else."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from mlops_assets.core.errors import DataError, StoreError
from mlops_assets.core.sql_quoting import literal
from mlops_assets.stores.warehouse.warehouse import Warehouse

_EXPLAIN = re.compile(r"\s*explain(?:\s+analyze)?\s+(.+)", re.IGNORECASE | re.DOTALL)
_PLACE = re.compile(r"LINE (\d+): ?(.*)")
_ONLY_TABLES = "a query sees the tables as views and no files; `from duckdb_views()` lists them"


@dataclass(frozen=True)
class ReadOnlyTables:
    """A connection to the tables, as they were when it was made."""

    connection: duckdb.DuckDBPyConnection

    def views(self) -> Mapping[str, list[tuple[str, str]]]:
        """Names and types of the columns of each view, by its name such as `lending.validated_loans`."""
        found: dict[str, list[tuple[str, str]]] = {}
        columns = self.connection.execute(
            "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
            "where not internal order by schema_name, table_name, column_index"
        )
        for view, name, kind in columns.fetchall():
            found.setdefault(view, []).append((name, kind))
        return found

    def queries(self, text: str) -> list[str]:
        """The queries in a text, one by one.

        Raises
        ------
        DataError
            When one of them can't be parsed, or does more than read.
        """
        try:
            return [self._reading(statement) for statement in self.connection.extract_statements(text)]
        except duckdb.Error as error:
            raise _told(error) from error

    @contextmanager
    def run(self, query: str) -> Iterator[duckdb.DuckDBPyRelation]:
        """The rows of one of `queries`; a fault while they are read is told, too."""
        try:
            yield self.connection.sql(query)
        except duckdb.Error as error:
            raise _told(error) from error

    def _reading(self, statement: duckdb.Statement) -> str:
        query = strip_semicolon(statement.query)[0]
        match statement.type:
            case duckdb.StatementType.SELECT:
                return query
            case duckdb.StatementType.MULTI if self._is_a_table(query):  # `pivot`
                return query
            case duckdb.StatementType.EXPLAIN if explained := _EXPLAIN.fullmatch(query):
                for inner in self.connection.extract_statements(explained[1]):
                    self._reading(inner)  # `explain analyze` runs what it explains
                return query
        word = query.split(maxsplit=1)[0].upper()
        raise DataError(f"{word} is refused: queries only read", hint="write a SELECT")

    def _is_a_table(self, query: str) -> bool:
        """Whether the statement can stand in a `from`, where nothing that writes can."""
        try:
            return len(self.connection.extract_statements(f"from ({query}\n)")) == 1
        except duckdb.ParserException:
            return False


@contextmanager
def read_only(
    warehouse: Warehouse, *, on_error: Callable[[StoreError], None] | None = None
) -> Iterator[ReadOnlyTables]:
    """Every table as a view; the query can open no other file, and can't change that.

    DuckDB does not tell reading from writing in what it allows, so a connection may also write to the
    tables' files: run nothing on it that `ReadOnlyTables.queries` has not let through.

    Parameters
    ----------
    on_error
        Told of each table that can't be read, which is no view then; without it, the first one is raised.
    """
    with warehouse.connect() as connection:
        files = warehouse.create_views(connection, on_error=on_error)
        connection.execute(f"set allowed_paths = [{', '.join(map(literal, files))}]")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        yield ReadOnlyTables(connection)


def strip_semicolon(text: str) -> tuple[str, bool]:
    """A text without the semicolon that ends it and what follows that, and whether there was one."""
    encoded = text.encode()
    code = [place for place, kind in duckdb.tokenize(text) if kind != duckdb.token_type.comment]
    if code and encoded[code[-1] : code[-1] + 1] == b";":
        return encoded[: code[-1]].decode().strip(), True
    return text.strip(), False


def _told(error: duckdb.Error) -> DataError:
    """DuckDB's error as a sentence, and where it is or what was meant as the hint."""
    message, _, rest = str(error).strip().partition("\n")
    kind, _, sentence = message.partition(": ")
    if isinstance(error, duckdb.PermissionException):
        return DataError(f"the query reaches outside: {sentence}", hint=_ONLY_TABLES)
    meant = next((line for line in rest.splitlines() if line.startswith(("Did you mean", "Candidate"))), None)
    place = _PLACE.search(rest)
    where = f"in line {place[1]}: {place[2].strip()}" if place else None
    told = sentence if sentence else kind
    return DataError(f"the query fails: {told.rstrip('!')}", hint=meant or where)
