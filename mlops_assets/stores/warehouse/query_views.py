"""Read-only queries of all tables, which are views of one DuckDB connection."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Timer

import duckdb

from mlops_assets.core.errors import DataError, StoreError
from mlops_assets.core.sql_quoting import literal
from mlops_assets.core.sql_tree import parse_query, tree_nodes, writing_keyword
from mlops_assets.stores.duckdb.read_only_files import SCHEME, ReadOnlyFiles
from mlops_assets.stores.warehouse.warehouse import Warehouse

SPILL_LIMIT = "10GiB"

_SIZE = re.compile(r"\d+(\.\d+)? ?([KMGT]i?B)", re.IGNORECASE)
_OPTION = r"(?:analyze|format\s+\w+)"
_OPTIONS = rf"\s+analyze|\s*\(\s*{_OPTION}(?:\s*,\s*{_OPTION})*\s*\)"
_EXPLAIN = re.compile(rf"\s*explain(?:{_OPTIONS})?\s+(.+)", re.IGNORECASE | re.DOTALL)
_PLACE = re.compile(r"LINE (\d+): ?(.*)")
_WORD = re.compile(rb"\w+")
_WRITING = {"copy", "delete", "insert", "merge", "truncate", "update"}
_ONLY_TABLES = "query the views of the tables; `from duckdb_views()` lists them"


@dataclass(frozen=True)
class ReadOnlyTables:
    """A connection with the tables as views, in the state when it was opened.

    Attributes
    ----------
    timeout_seconds
        The time after which a query, with the reading of its rows, is interrupted; None for no limit.
    """

    connection: duckdb.DuckDBPyConnection
    timeout_seconds: float | None = None

    def views(self) -> Mapping[str, list[tuple[str, str]]]:
        """The names and types of the columns of each view, such as `lending.validated_loans`."""
        found: dict[str, list[tuple[str, str]]] = {}
        columns = self.connection.execute(
            "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
            "where not internal order by schema_name, table_name, column_index"
        )
        for view, name, kind in columns.fetchall():
            found.setdefault(view, []).append((name, kind))
        return found

    def queries(self, text: str) -> list[str]:
        """The queries of a text.

        Raises
        ------
        DataError
            If a statement can't be parsed, or is not read-only.
        """
        try:
            return [self._read_only(statement) for statement in self.connection.extract_statements(text)]
        except duckdb.Error as error:
            raise _query_error(error) from error

    @contextmanager
    def run(self, query: str) -> Iterator[duckdb.DuckDBPyRelation]:
        """The rows of one of `queries`.

        Raises
        ------
        DataError
            If the query fails or takes too long, also while its rows are read.
        """
        timer = Timer(self.timeout_seconds or 0, self.connection.interrupt)
        if self.timeout_seconds is not None:
            timer.start()
        try:
            yield self.connection.sql(query)
        except duckdb.InterruptException as error:
            message = f"the query took longer than {self.timeout_seconds:g} s"
            raise DataError(message, hint="filter earlier, or allow more with --timeout") from error
        except duckdb.Error as error:
            raise _query_error(error) from error
        finally:
            timer.cancel()

    def _read_only(self, statement: duckdb.Statement) -> str:
        query = strip_semicolon(statement.query)[0]
        match statement.type:
            case duckdb.StatementType.SELECT:
                self._require_reading(query)
                return query
            case duckdb.StatementType.MULTI if self._is_a_table(query):  # `pivot`, which has no parse tree
                _require_no_keyword(query)
                return query
            case duckdb.StatementType.EXPLAIN if explained := _EXPLAIN.fullmatch(query):
                for inner in self.connection.extract_statements(explained[1]):
                    self._read_only(inner)  # `explain analyze` runs what it explains
                return query
        raise _not_allowed(query.split(maxsplit=1)[0])

    def _require_reading(self, query: str) -> None:
        """Raise an error if a common table expression of a SELECT writes."""
        try:
            tree = parse_query(self.connection, query)
        except ValueError as error:
            raise DataError(f"the query failed: {error}", hint=_ONLY_TABLES) from error
        for node in tree_nodes(tree):
            if keyword := writing_keyword(node):
                raise _not_allowed(keyword)

    def _is_a_table(self, query: str) -> bool:
        """Whether the statement is valid in a `from` clause, where no statement that writes is."""
        try:
            return len(self.connection.extract_statements(f"from ({query}\n)")) == 1
        except duckdb.ParserException:
            return False


@contextmanager
def read_only(
    warehouse: Warehouse,
    *,
    on_error: Callable[[StoreError], None] | None = None,
    timeout_seconds: float | None = None,
    spill_limit: str = SPILL_LIMIT,
) -> Iterator[ReadOnlyTables]:
    """Open a connection with every table as a view; queries can open no other file, and write none.

    Statements are checked by `ReadOnlyTables.queries`. What is executed without this check finds the files of
    the tables behind handles that only read, and all else denied.

    Parameters
    ----------
    on_error
        Called with the error of each table that can't be read, which has no view then. By default the first
        error is raised.
    spill_limit
        The size of temporary files, such as `10GiB`; a query that needs more, beside the memory of the
        warehouse, fails.

    Raises
    ------
    DataError
        If the limit is no size.
    """
    files = ReadOnlyFiles()
    with warehouse.connect() as connection:
        connection.register_filesystem(files)
        warehouse.create_views(connection, on_error=on_error, files=files)
        connection.execute(f"set max_temp_directory_size = {literal(require_size(spill_limit))}")
        connection.execute(f"set allowed_directories = [{literal(SCHEME)}]")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        yield ReadOnlyTables(connection, timeout_seconds)


def require_size(text: str) -> str:
    """Return a size such as `2GiB`.

    Raises
    ------
    DataError
        If it is none.
    """
    if not _SIZE.fullmatch(text):
        raise DataError(f"{text!r} is not a size", hint="write a number and a unit, such as 500MiB or 2GiB")
    return text


def strip_semicolon(text: str) -> tuple[str, bool]:
    """A text without its final semicolon and the comments after it, and whether it had one."""
    encoded = text.encode()
    code = [place for place, kind in duckdb.tokenize(text) if kind != duckdb.token_type.comment]
    if code and encoded[code[-1] : code[-1] + 1] == b";":
        return encoded[: code[-1]].decode().strip(), True
    return text.strip(), False


def _require_no_keyword(query: str) -> None:
    encoded = query.encode()
    for place, kind in duckdb.tokenize(query):
        word = _WORD.match(encoded, place)
        if kind == duckdb.token_type.keyword and word and word[0].decode().lower() in _WRITING:
            raise _not_allowed(word[0].decode(), hint="quote the name, if it is one of a column or table")


def _not_allowed(keyword: str, *, hint: str = "write a SELECT statement") -> DataError:
    return DataError(f"{keyword.upper()} is not allowed: queries are read-only", hint=hint)


def _query_error(error: duckdb.Error) -> DataError:
    """DuckDB's error as one sentence, with its suggestion or the line as the hint."""
    message, _, rest = str(error).strip().partition("\n")
    kind, _, sentence = message.partition(": ")
    if isinstance(error, duckdb.PermissionException):
        return DataError(f"the query accesses more than the tables: {sentence}", hint=_ONLY_TABLES)
    if isinstance(error, duckdb.OutOfMemoryException):
        what = "temporary files" if "max_temp_directory_size" in str(error) else "memory"
        message = f"the query needs more {what} than it may use: {sentence.splitlines()[0].rstrip('!')}"
        return DataError(message, hint="filter or aggregate earlier, or allow more with --memory and --spill")
    suggestion = next(
        (line for line in rest.splitlines() if line.startswith(("Did you mean", "Candidate"))), None
    )
    place = _PLACE.search(rest)
    where = f"in line {place[1]}: {place[2].strip()}" if place else None
    reason = sentence if sentence else kind
    return DataError(f"the query failed: {reason.rstrip('!')}", hint=suggestion or where)
