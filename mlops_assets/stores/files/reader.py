"""The rows of source files as DuckDB relations with provenance columns."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from mlops_assets.core.errors import TABLE_UNCHANGED, DataError
from mlops_assets.core.names import BROKEN_RULES, PROVENANCE, SOURCE_FILE, SOURCE_ROW, SOURCE_SHA256
from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.stores.files.csv_reader import csv_scan, header_of
from mlops_assets.stores.files.read_errors import (
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
    """The unmodified rows of each file with their provenance; all CSV columns are text.

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
    _reject_mixed_number_formats(scans, subject)
    columns = _common_columns(connection, list(scans.values()))
    _require_valid_names(list(columns), subject)
    return [
        relation.project(
            ", ".join(
                [
                    *(
                        f"{quoted(name) if name in relation.columns else 'null'}::{kind} as {quoted(name)}"
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
        path = literal(file.path)
        match file.format:
            case "csv":
                fields = header_of(file, subject)
                _require_valid_names(fields, f"{subject}: {file.path}")
                scan = csv_scan(connection, file, fields)
            case "parquet":
                scan = f"read_parquet({path}, hive_partitioning = false)"
            case "jsonl":
                scan = (
                    f"read_json({path}, format = 'newline_delimited', sample_size = -1, "
                    "hive_partitioning = false)"
                )
        relation = connection.sql(f"from {scan}")
    except (duckdb.Error, *READING_ERRORS) as error:
        require_unchanged(file, subject)
        raise read_error(file, subject, error) from error
    if file.format == "jsonl" and relation.columns == ["json"]:  # DuckDB's result for lines without objects
        if relation.limit(1).fetchall():
            raise read_error(file, subject, DataError("it contains no JSON objects"))
        raise DataError(f"{subject}: {file.path} has no rows", hint="remove the file, or write it again")
    _require_valid_names(relation.columns, f"{subject}: {file.path}")
    return relation


def _common_columns(
    connection: duckdb.DuckDBPyConnection, scans: list[duckdb.DuckDBPyRelation]
) -> dict[str, str]:
    """The union of the columns, each with the common type of all files, such as DOUBLE for 1 and 3.5."""
    found: dict[str, dict[str, None]] = {}
    for relation in scans:
        for name, kind in zip(relation.columns, map(str, relation.types), strict=True):
            found.setdefault(name, {})[kind] = None
    common = {}
    for name, kinds in found.items():
        together = connection.query(" union all ".join(f"select null::{kind}" for kind in kinds))
        common[name] = str(together.types[0])
    return common


def _reject_mixed_number_formats(scans: dict["SourceFile", duckdb.DuckDBPyRelation], subject: str) -> None:
    """Check that no column is a number in one file and, in another, text with a declared number format.

    DuckDB would cast the numbers to text, and the contract would misread them by the declared format.
    """
    texts = {name: file for file, scan in scans.items() if file.format == "csv" for name in scan.columns}
    for file, scan in scans.items():
        if file.format == "csv" or not any(text.dialect.has_number_marks for text in texts.values()):
            continue
        for name, kind in zip(scan.columns, map(str, scan.types), strict=True):
            if name in texts and kind != "VARCHAR":
                raise DataError(
                    f"{subject}: column {name} is {kind} in {file.path}, and text in {texts[name].path} "
                    "with a declared number format",
                    hint=f"use CSV for all files of the table, or for none. {TABLE_UNCHANGED}",
                )


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
