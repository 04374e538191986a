"""Source files: which there are, and their rows as relations.

Holds: finding the files of a table (a file, a glob or a folder) and reading one as it came.
Add here: another file format.
Not here: types and rules; a text column stays text until the contract casts it (`ml/contracts.py`).
"""

import csv
import gzip
import io
import os
from collections import Counter
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Literal

import duckdb

from mlops_assets.digests import file_digest
from mlops_assets.errors import DataError
from mlops_assets.names import BROKEN_RULES, PROVENANCE, SOURCE_FILE, SOURCE_ROW, SOURCE_SHA256
from mlops_assets.sql import literal, quoted

Format = Literal["csv", "parquet", "jsonl"]

SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".ndjson": "jsonl",
    ".ndjson.gz": "jsonl",
}


@dataclass(frozen=True)
class SourceFile:
    """One file of a table.

    Attributes
    ----------
    name
        Its path below the folder that holds all files of the table: where the files lie may change.
    sha256
        Of its bytes.
    """

    path: Path
    name: str
    format: Format
    sha256: str


def find_files(source: Path, *, subject: str) -> list[SourceFile]:
    """The files behind a path, sorted by name.

    Parameters
    ----------
    source
        A file, a glob such as `data/raw/churn/*.csv.gz`, or a folder that directly holds the files.
    subject
        What is read, for error messages: `california_housing: table districts`.

    Raises
    ------
    DataError
        When there is no file, or one of an unknown format.
    """
    if source.is_dir():
        paths = [path for path in source.iterdir() if path.is_file() and _format(path)]
    elif has_magic(str(source)) and not source.exists():
        found = glob(str(source), recursive=True)  # noqa: PTH207 - a pattern may be absolute
        paths = [path for path in map(Path, found) if path.is_file()]
    else:
        paths = [source] if source.is_file() else []
    if not paths:
        raise DataError(
            f"{subject}: no file at {source}",
            hint="put one there, or read from elsewhere with --data, or bring it with `mlops fetch` if the "
            f"project has a fetch.py; readable are {', '.join(SUFFIXES)}",
        )
    files = []
    folder = Path(os.path.commonpath([path.parent for path in paths]))
    for path in sorted(paths):
        kind = _format(path)
        if kind is None:
            raise DataError(
                f"{subject}: {path} has a format that is not known by its name",
                hint=f"rename it to one of {', '.join(SUFFIXES)}",
            )
        files.append(SourceFile(path, path.relative_to(folder).as_posix(), kind, file_digest(path)))
    return files


def source_folder(source: Path) -> Path:
    """The folder that holds a source's files, whether it names a file, a glob or the folder itself."""
    fixed = list(source.parts)
    while has_magic(str(Path(*fixed))):
        fixed.pop()
    folder = Path(*fixed)
    return folder.parent if len(fixed) == len(source.parts) and _format(source) else folder


def read_files(
    connection: duckdb.DuckDBPyConnection, files: list[SourceFile], *, subject: str
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
    scans = {file: _scan(connection, file, subject) for file in files}
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


def _scan(connection: duckdb.DuckDBPyConnection, file: SourceFile, subject: str) -> duckdb.DuckDBPyRelation:
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


def _format(path: Path) -> Format | None:
    name = path.name.lower()
    return next((kind for suffix, kind in SUFFIXES.items() if name.endswith(suffix)), None)
