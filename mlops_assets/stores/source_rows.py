"""Rows of source files as relations.

Holds: reading one file of any format as it came, and several as one table with their provenance.
Add here: how another file format is read.
Not here: which files there are (`sources.py`); types and rules: a text column stays text until the
contract casts it (`ml/contracts.py`).
"""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from mlops_assets.errors import DataError
from mlops_assets.names import BROKEN_RULES, PROVENANCE, SOURCE_FILE, SOURCE_ROW, SOURCE_SHA256
from mlops_assets.sql import literal, quoted

if TYPE_CHECKING:
    from mlops_assets.stores.sources import SourceFile


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
    scans = {file: scan_file(connection, file, subject=subject) for file in files}
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
                scan = _csv_scan(file.path, subject)
            case "parquet":
                scan = f"read_parquet({path}, hive_partitioning = false)"
            case "jsonl":
                scan = f"read_json({path}, format = 'newline_delimited', hive_partitioning = false)"
        relation = connection.sql(f"from {scan}")
    except (duckdb.Error, OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable(file.path, subject, error) from error
    if file.format == "jsonl" and relation.columns == ["json"] and not relation.limit(1).fetchall():
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


def unreadable(path: Path | str, subject: str, error: Exception) -> DataError:
    """The error for a file that broke off while it was read."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return DataError(
        f"{subject}: {path} can't be read: {reason}",
        hint="mend the file and run again; the table keeps the content that it had",
    )


def _csv_scan(path: Path, subject: str) -> str:
    """Name every column from the header, so that DuckDB has nothing to guess and no row decides a type."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        header = next(csv.reader(text), [])
    if not [field for field in header if field.strip()]:
        raise DataError(f"{subject}: {path} has no header", hint="the first line names the columns")
    fields = [field.strip() for field in header]
    _refuse_ambiguous(fields, f"{subject}: {path}")
    columns = ", ".join(f"{literal(field)}: 'VARCHAR'" for field in fields)
    return (
        f"read_csv({literal(path)}, columns = {{{columns}}}, auto_detect = false, header = true, "
        "delim = ',', quote = '\"', escape = '\"', hive_partitioning = false)"
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
