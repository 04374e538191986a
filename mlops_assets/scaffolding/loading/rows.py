"""The rows of a source in a table of text columns, with the format that they were read in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.core.names import NOT_DECLARED, PROVENANCE
from mlops_assets.scaffolding.csv_detection import detect_dialect, reject_other_dialects
from mlops_assets.scaffolding.loading.agreement import column_doubts
from mlops_assets.scaffolding.loading.nested import NestedColumn, nested_columns
from mlops_assets.scaffolding.loading.sheets import detect_layout
from mlops_assets.scaffolding.values.odd_values import values_as_names
from mlops_assets.stores.databases.base import SQLITE
from mlops_assets.stores.databases.open import resolve_database
from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect
from mlops_assets.stores.files.listing import find_files
from mlops_assets.stores.files.reader import read_files, verified_relations
from mlops_assets.stores.files.source_file import SourceFile

SEEN = "seen"
"""The table of the loaded rows."""
_TABLE_NAME = re.compile(r"\w+(\.\w+)?")


@dataclass(frozen=True)
class Query:
    """A query that a project is drafted from.

    Attributes
    ----------
    sql
        A SELECT statement, or the name of a table.
    database
        `sqlite:///…`, or the name of an environment variable with a URL.
    """

    sql: str
    database: str

    @property
    def statement(self) -> str:
        """The SELECT statement."""
        text = self.sql.strip().rstrip(";").strip()
        return f"select * from {text}" if _TABLE_NAME.fullmatch(text) else text


def source_of(project: str, data: Path | None, sql: str | None, database: str | None) -> Path | Query | None:
    """The source that options name: a path or a query; None without any.

    Raises
    ------
    ProjectError
        When they name both, or a query without its database.
    """
    if bool(sql) != bool(database):
        raise ProjectError(
            f"{project}: --{'connection' if sql else 'query'} is missing",
            hint='a query requires both, such as --query "select * from orders" --connection CRM_URL',
        )
    if not (sql and database):
        return data
    if data:
        raise ProjectError(f"{project}: --data and --query are both set", hint="choose one of them")
    if "://" in database and not database.startswith(SQLITE):
        raise ProjectError(  # without the value, which may contain a password
            f"{project}: --connection is a URL, which would be written into defs.yaml with its password",
            hint="export it as an environment variable and name that, such as --connection CRM_URL",
        )
    return Query(sql, database)


@dataclass(frozen=True)
class LoadedRows:
    """What is known about the rows in `SEEN`.

    Attributes
    ----------
    columns
        The columns of the source.
    dialect
        The format of the files, as far as it is detected.
    doubts
        What the files do not decide, for the user.
    has_texts, has_cells
        Whether there are CSV files, and Excel files.
    files
        Number of files.
    nested
        The columns of JSON objects and lists.
    """

    columns: Sequence[str]
    dialect: Dialect = DEFAULT_DIALECT
    doubts: tuple[str, ...] = ()
    has_texts: bool = False
    has_cells: bool = False
    files: int = 1
    nested: tuple[NestedColumn, ...] = ()

    @property
    def declarable(self) -> Dialect | None:
        """What is known about number format and missing values; None where neither can be declared."""
        if self.has_texts:
            return self.dialect
        return replace(self.dialect, nulls=self.dialect.excel.nulls) if self.has_cells else None

    def read_as(self, found: Dialect) -> Dialect:
        """The format with the detected number format and missing values."""
        excel = self.dialect.excel
        if self.has_cells:
            excel = replace(excel, nulls=found.nulls)
        return replace(found if self.has_texts else self.dialect, excel=excel)


def load_rows(
    connection: duckdb.DuckDBPyConnection,
    source: Path | Query,
    *,
    root: Path,
    subject: str,
    dialect: Dialect = DEFAULT_DIALECT,
) -> LoadedRows:
    """Load all rows into the table `SEEN`.

    Parameters
    ----------
    root
        The folder that the path of a database starts from.
    dialect
        Known settings of the files; the others are detected.

    Raises
    ------
    DataError
        When the source can't be read, its files differ in their format, or a column name is reserved.
    """
    if isinstance(source, Query):
        return _load_query(connection, source, root, subject)
    files = find_files(source, subject=subject)
    texts = [file.path for file in files if file.format == "csv"]
    cells = [file for file in files if file.format == "excel"]
    doubts, declared = list[str](), dialect
    if texts:
        dialect = detect_dialect(texts, dialect)
        reject_other_dialects(texts, dialect, subject=subject)
        if dialect.encoding != declared.encoding:
            doubts.append(
                f"the encoding seems to be {dialect.encoding}; check letters such as é in the texts"
            )
    if cells:
        layout, found = detect_layout(cells[0].path, dialect, subject=subject)
        dialect = replace(dialect, excel=layout)
        doubts += found
    files = [replace(file, dialect=dialect) for file in files]
    columns = _load(connection, files, subject, str(source))
    doubts += column_doubts(connection, files, subject=subject)
    if (texts or cells) and (values := values_as_names(columns)):
        doubts.append(f"column names such as {values[0]} look like values; does the file have a header?")
    typed = any(file.format in ("jsonl", "parquet") for file in files)
    nested = tuple(nested_columns(connection, SEEN, columns)) if typed else ()
    return LoadedRows(columns, dialect, tuple(doubts), bool(texts), bool(cells), len(files), nested)


def _load_query(connection: duckdb.DuckDBPyConnection, query: Query, root: Path, subject: str) -> LoadedRows:
    database = resolve_database(query.database, root, subject=subject)
    with TemporaryDirectory(prefix="mlops_query_") as folder:
        path = Path(folder) / "rows.parquet"
        with database.snapshot(query.statement, subject=subject, place="--query") as snapshot:
            snapshot.extract(path)
        file = SourceFile(path, "query", "parquet", "")
        columns = _load(connection, [file], f"{subject}: the query", database.display_name)
    return LoadedRows(columns, nested=tuple(nested_columns(connection, SEEN, columns)))


def _load(
    connection: duckdb.DuckDBPyConnection, files: Sequence[SourceFile], subject: str, place: str
) -> list[str]:
    """Load the rows of files and return the names of their columns."""
    relations = read_files(connection, files, subject=subject)
    columns = [name for name in relations[0].columns if name not in PROVENANCE]
    if taken := [name for name in columns if name.lower() in NOT_DECLARED]:
        raise DataError(
            f"{subject}: {place}: column {', '.join(taken)} is a reserved name",
            hint="rename the column in the source",
        )
    with verified_relations(files, relations, subject=subject) as unchanged:
        for index, relation in enumerate(unchanged):
            into = f"insert into {SEEN} by name" if index else f"create temp table {SEEN} as"
            connection.execute(f"{into} {relation.sql_query()}")
    return columns
