"""Rows of source files as relations."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from mlops_assets.core.errors import DataError
from mlops_assets.core.names import BROKEN_RULES, PROVENANCE, SOURCE_FILE, SOURCE_ROW, SOURCE_SHA256
from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.stores.files.csv_reader import csv_scan, header_of
from mlops_assets.stores.files.read_errors import (
    READING_ERRORS,
    read_fault,
    refuse_changed,
    refuse_damaged,
)

if TYPE_CHECKING:
    from mlops_assets.stores.files.source_file import SourceFile


def read_files(
    connection: duckdb.DuckDBPyConnection, files: Sequence["SourceFile"], *, subject: str
) -> list[duckdb.DuckDBPyRelation]:
    """The rows of each file as they came, with their provenance; CSV columns are text.

    Returns
    -------
    One relation a file, all with the same columns: those of all files, null where a file lacks one, then
    `_source_file`, `_source_sha256` and `_row` (1 for the first row of data).

    Raises
    ------
    DataError
        When a file can't be parsed, or its columns can't be told apart.
    """
    for file in files:
        refuse_damaged(file, subject)
    scans = {file: scan_file(connection, file, subject=subject) for file in files}
    _refuse_other_numbers(scans, subject)
    columns = _common_columns(connection, list(scans.values()))
    _refuse_ambiguous(list(columns), subject)
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
def each_unchanged(
    files: Sequence["SourceFile"], relations: Sequence[duckdb.DuckDBPyRelation], *, subject: str
) -> Iterator[Iterator[duckdb.DuckDBPyRelation]]:
    """The relations of files, to be read one after another before anything is made of them.

    Raises
    ------
    DataError
        In place of DuckDB's error, when a file breaks off; and after its relation was read, when it is
        another than the one that was hashed.
    """
    current = 0

    def one_by_one() -> Iterator[duckdb.DuckDBPyRelation]:
        nonlocal current
        for current, relation in enumerate(relations):
            yield relation
            refuse_changed(files[current], subject)

    try:
        yield one_by_one()
    except duckdb.Error as error:
        refuse_changed(files[current], subject)
        raise read_fault(files[current], subject, error) from error


def refuse_empty(
    files: Sequence["SourceFile"], relations: Sequence[duckdb.DuckDBPyRelation], *, subject: str
) -> None:
    """Refuse a table that would lose all of its rows.

    Raises
    ------
    DataError
        When no file has a row.
    """
    with each_unchanged(files, relations, subject=subject) as unchanged:
        if any(relation.limit(1).fetchall() for relation in unchanged):
            return
    raise DataError(
        f"{subject}: {', '.join(str(file.path) for file in files[:3])} has columns and no row",
        hint="look at what wrote it; the table keeps the content that it had",
    )


def scan_file(
    connection: duckdb.DuckDBPyConnection, file: "SourceFile", *, subject: str
) -> duckdb.DuckDBPyRelation:
    """The rows of one file as they came and nothing else.

    Raises
    ------
    DataError
        When the file can't be parsed, or its columns can't be told apart.
    """
    try:
        path = literal(file.path)
        match file.format:
            case "csv":
                fields = header_of(file, subject)
                _refuse_ambiguous(fields, f"{subject}: {file.path}")
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
        refuse_changed(file, subject)
        raise read_fault(file, subject, error) from error
    if file.format == "jsonl" and relation.columns == ["json"]:  # what DuckDB makes of lines without objects
        if relation.limit(1).fetchall():
            raise read_fault(file, subject, DataError("it holds no JSON objects"))
        raise DataError(f"{subject}: {file.path} has no rows", hint="remove it, or bring what belongs there")
    _refuse_ambiguous(relation.columns, f"{subject}: {file.path}")
    return relation


def _common_columns(
    connection: duckdb.DuckDBPyConnection, scans: list[duckdb.DuckDBPyRelation]
) -> dict[str, str]:
    """All columns, each with the type that holds the values of every file: 1 and 3.5 are both DOUBLE."""
    found: dict[str, dict[str, None]] = {}
    for relation in scans:
        for name, kind in zip(relation.columns, map(str, relation.types), strict=True):
            found.setdefault(name, {})[kind] = None
    common = {}
    for name, kinds in found.items():
        together = connection.query(" union all ".join(f"select null::{kind}" for kind in kinds))
        common[name] = str(together.types[0])
    return common


def _refuse_other_numbers(scans: dict["SourceFile", duckdb.DuckDBPyRelation], subject: str) -> None:
    """Numbers beside texts would become texts, and be read by the decimal mark of the texts."""
    texts = {name: file for file, scan in scans.items() if file.format == "csv" for name in scan.columns}
    for file, scan in scans.items():
        if file.format == "csv" or not any(text.dialect.has_marks for text in texts.values()):
            continue
        for name, kind in zip(scan.columns, map(str, scan.types), strict=True):
            if name in texts and kind != "VARCHAR":
                raise DataError(
                    f"{subject}: column {name} is {kind} in {file.path}, and a text in {texts[name].path} "
                    "whose decimal mark is declared",
                    hint="bring all files of the table as CSV, or none",
                )


def _refuse_ambiguous(columns: list[str], subject: str) -> None:
    twice = [name for name, count in Counter(name.lower() for name in columns).items() if count > 1]
    if twice:
        raise DataError(
            f"{subject}: column {', '.join(twice)} stands more than once (case does not matter)",
            hint="rename one of them",
        )
    if "" in columns:
        raise DataError(f"{subject}: column {columns.index('') + 1} has no name", hint="name it")
    taken = sorted({name.lower() for name in columns} & {*PROVENANCE, BROKEN_RULES})
    if taken:
        raise DataError(f"{subject}: column {', '.join(taken)} is a reserved name", hint="rename it")
