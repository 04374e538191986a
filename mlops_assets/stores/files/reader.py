"""The rows of source files as DuckDB relations with provenance columns."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
from duckdb.sqltypes import DuckDBPyType

from mlops_assets.core.errors import TABLE_UNCHANGED, DataError
from mlops_assets.core.names import BROKEN_RULES, PROVENANCE, SOURCE_FILE, SOURCE_ROW, SOURCE_SHA256
from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.stores.delta.common_types import EXACT_IN_DOUBLE, common_type, needs_small_integers
from mlops_assets.stores.delta.writing.stored_types import text_sql
from mlops_assets.stores.files.number_formats import reject_mixed_number_formats
from mlops_assets.stores.files.readers.csv_reader import csv_scan, header_of
from mlops_assets.stores.files.readers.excel_reader import excel_scan
from mlops_assets.stores.files.readers.json_reader import json_scan, keys_of, require_whole_array
from mlops_assets.stores.files.readers.parquet_reader import parquet_scan, parquet_schema, parquet_values
from mlops_assets.stores.files.readers.read_errors import (
    READING_ERRORS,
    read_error,
    require_intact,
    require_unchanged,
)

if TYPE_CHECKING:
    from mlops_assets.stores.files.source_file import SourceFile


def read_files(
    connection: duckdb.DuckDBPyConnection, files: Sequence["SourceFile"], *, subject: str
) -> list[duckdb.DuckDBPyRelation]:
    """The unmodified rows of each file with their provenance; all columns of CSV, Excel and JSON are text.

    Returns
    -------
    list of duckdb.DuckDBPyRelation
        One relation per file, all with the same columns: the union of the columns of all files (null where a
        file lacks a column), then `_source_file`, `_source_sha256` and `_row` (1 for the first data row).

    Raises
    ------
    DataError
        If a file can't be parsed, or its column names are ambiguous or reserved.
    """
    for file in files:
        require_intact(file, subject)
    scans = {file: scan_file(connection, file, subject=subject) for file in files}
    reject_mixed_number_formats(connection, scans, subject)
    columns = _common_columns(connection, list(scans.values()))
    _require_valid_names(list(columns), subject)
    return [
        relation.project(
            ", ".join(
                [
                    *(
                        f"{_value_sql(relation, name, kind)} as {quoted(name)}"
                        for name, kind in columns.items()
                    ),
                    f"{literal(file.name)} as {SOURCE_FILE}",
                    f"{literal(file.sha256)} as {SOURCE_SHA256}",
                    f"row_number() over () as {SOURCE_ROW}",
                ]
            )
        )
        for file, relation in scans.items()
    ]


@contextmanager
def verified_relations(
    files: Sequence["SourceFile"], relations: Sequence[duckdb.DuckDBPyRelation], *, subject: str
) -> Iterator[Iterator[duckdb.DuckDBPyRelation]]:
    """Iterate over the relations of files, and check each file after its relation was read.

    Read each relation to its end before the next one, and commit nothing before the context ends.

    Raises
    ------
    DataError
        If a file can't be read to its end (in place of DuckDB's error), or was changed since it was hashed.
    """
    current = 0

    def one_by_one() -> Iterator[duckdb.DuckDBPyRelation]:
        nonlocal current
        for current, relation in enumerate(relations):
            yield relation
            require_unchanged(files[current], subject)

    try:
        yield one_by_one()
    except duckdb.Error as error:
        require_unchanged(files[current], subject)
        raise read_error(files[current], subject, error) from error


def require_rows(
    files: Sequence["SourceFile"], relations: Sequence[duckdb.DuckDBPyRelation], *, subject: str
) -> None:
    """Check that at least one file has a row, so that a table does not lose all of its rows.

    Raises
    ------
    DataError
        If no file has a row.
    """
    with verified_relations(files, relations, subject=subject) as unchanged:
        if any(relation.limit(1).fetchall() for relation in unchanged):
            return
    raise DataError(
        f"{subject}: {', '.join(str(file.path) for file in files[:3])} has a header and no rows",
        hint=f"check the program that writes the file. {TABLE_UNCHANGED}",
    )


def scan_file(
    connection: duckdb.DuckDBPyConnection, file: "SourceFile", *, subject: str
) -> duckdb.DuckDBPyRelation:
    """The unmodified rows of one file, without provenance.

    Raises
    ------
    DataError
        If the file can't be parsed, or its column names are ambiguous or reserved.
    """
    try:
        match file.format:
            case "csv":
                fields = header_of(file, subject)
                _require_valid_names(fields, f"{subject}: {file.path}")
                scan = csv_scan(connection, file, fields)
            case "parquet":
                scan = parquet_scan(file)
            case "excel":
                fields, scan = excel_scan(connection, file, subject)
                _require_valid_names(fields, f"{subject}: {file.path}")
            case "jsonl":
                require_whole_array(file, subject)
                fields = keys_of(connection, file, subject=subject)
                _require_valid_names(fields, f"{subject}: {file.path}")
                scan = json_scan(file, fields)
        relation = connection.sql(f"from {scan}")
    except (duckdb.Error, *READING_ERRORS) as error:
        require_unchanged(file, subject)
        raise read_error(file, subject, error) from error
    if file.format == "parquet":
        schema = parquet_schema(file, subject=subject)
        _require_valid_names(schema.names, f"{subject}: {file.path}")
        relation = parquet_values(
            relation, schema, subject=subject, offsets_as_text=file.dialect.offsets_as_text
        )
    return relation


def _common_columns(
    connection: duckdb.DuckDBPyConnection, scans: list[duckdb.DuckDBPyRelation]
) -> dict[str, str]:
    """The union of the columns, each with the type that holds the values of all files; else text."""
    found: dict[str, list[tuple[DuckDBPyType, duckdb.DuckDBPyRelation]]] = {}
    for relation in scans:
        for name, kind in zip(relation.columns, relation.types, strict=True):
            found.setdefault(name, []).append((kind, relation))
    common = {}
    for name, kinds in found.items():
        both = common_type(connection, [kind for kind, _ in kinds])
        large = both is not None and any(
            needs_small_integers(kind, both) and _has_large_integers(relation, name)
            for kind, relation in kinds
        )
        common[name] = "VARCHAR" if large else str(both or "VARCHAR")
    return common


def _has_large_integers(relation: duckdb.DuckDBPyRelation, name: str) -> bool:
    """Whether a column has an integer that is not exact as DOUBLE."""
    largest = relation.aggregate(f"max(abs({quoted(name)}::hugeint))").fetchall()[0][0]
    return largest is not None and largest > EXACT_IN_DOUBLE


def _value_sql(relation: duckdb.DuckDBPyRelation, name: str, kind: str) -> str:
    """The SQL of a column of a file in its common type; null if the file lacks the column."""
    if name not in relation.columns:
        return f"null::{kind}"
    if kind == "VARCHAR":
        return text_sql(quoted(name), relation.types[relation.columns.index(name)])
    return f"{quoted(name)}::{kind}"


def _require_valid_names(columns: list[str], subject: str) -> None:
    """Check that names are not empty, not reserved, and unique without regard to case."""
    duplicates = [name for name, count in Counter(name.lower() for name in columns).items() if count > 1]
    if duplicates:
        raise DataError(
            f"{subject}: duplicate column {', '.join(duplicates)} (names are not case-sensitive)",
            hint="rename one of the columns",
        )
    if "" in columns:
        raise DataError(f"{subject}: column {columns.index('') + 1} has no name", hint="name the column")
    taken = sorted({name.lower() for name in columns} & {*PROVENANCE, BROKEN_RULES})
    if taken:
        raise DataError(f"{subject}: column {', '.join(taken)} is a reserved name", hint="rename the column")
