"""CSV files as DuckDB reads them.

Every column is named from the header, so that DuckDB has nothing to guess and no row decides a type. DuckDB
reads UTF-8; a file in another encoding is written again in a folder that lives as long as the connection.
"""

import csv
import gzip
import io
import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, TextIO

import duckdb

from mlops_assets.core.errors import DataError
from mlops_assets.core.sql_quoting import literal
from mlops_assets.stores.files.csv_dialect import Dialect, is_utf8, marked_encoding, unmarked_encoding

if TYPE_CHECKING:
    from mlops_assets.stores.files.source_file import SourceFile

LINE_LIMIT = 2_000_000
"""Bytes of the longest row: a file with a longer one has lost its line ends."""
_COPIED = 1 << 20
_OTHER_DELIMITERS = ",;\t|"


class LineTooLongError(ValueError):
    """A line is longer than a row may be."""


def csv_scan(connection: duckdb.DuckDBPyConnection, file: "SourceFile", fields: list[str]) -> str:
    """The table function that gives a file's rows as text.

    Parameters
    ----------
    fields
        The names of its columns.
    """
    dialect, path = file.dialect, file.path
    encoding = encoding_of(path, dialect)
    packed = is_packed(path)
    if not is_utf8(encoding):
        path, packed = _in_utf8(connection, path, encoding), False
    columns = ", ".join(f"{literal(field)}: 'VARCHAR'" for field in fields)
    nulls = ", ".join(map(literal, ("", *dialect.nulls)))
    return (
        f"read_csv({literal(path)}, columns = {{{columns}}}, auto_detect = false, header = true, "
        f"delim = {literal(dialect.delimiter)}, quote = {literal(dialect.quote)}, "
        f"escape = {literal(dialect.quote)}, nullstr = [{nulls}], skip = {dialect.skip_lines}, "
        f"compression = '{'gzip' if packed else 'none'}', max_line_size = {LINE_LIMIT}, "
        "hive_partitioning = false)"
    )


def header_of(file: "SourceFile", subject: str) -> list[str]:
    """The names of a file's columns.

    Raises
    ------
    DataError
        When there is none, or it seems to be written in another dialect than was declared.
    """
    dialect, where = file.dialect, f"{subject}: {file.path}"
    with open_text(file.path, encoding_of(file.path, dialect)) as text:
        lines = bounded_lines(text)
        before = [line for _, line in zip(range(dialect.skip_lines), lines, strict=False)]
        first = next(lines, "")
        header = next(csv.reader(_chained(first, lines), **dialect.csv_options()), [])
    fields = [field.strip() for field in header]
    if not any(fields):
        why = "the line where it should be is empty" if first or len(before) == dialect.skip_lines > 0 else ""
        raise DataError(
            f"{where} has no header: {why or ('its first line is empty' if before else 'it is empty')}",
            hint="the first line names the columns; an empty file is brought again by what wrote it",
        )
    if "\0" in fields[0]:
        with open_bytes(file.path) as stream:
            guess = unmarked_encoding(stream.read(1024)) or "utf-16"
        raise DataError(
            f"{where}: the header has zero bytes, as UTF-16 without a byte order mark has",
            hint=f"declare csv.encoding: {guess}",
        )
    others = _OTHER_DELIMITERS.replace(dialect.delimiter, "")
    if len(fields) == 1 and not (dialect.quote and first.lstrip().startswith(dialect.quote)):
        found = max(others, key=fields[0].count)
        if found in fields[0]:
            shown = '"\\t"' if found == "\t" else f'"{found}"'
            raise DataError(
                f"{where}: the header is one field, {fields[0][:80]!r}; is the delimiter {found!r}?",
                hint=f"declare csv.delimiter: {shown} for the table; a name that has it is put in quotes",
            )
    return fields


def open_text(path: Path, encoding: str, errors: str = "strict") -> TextIO:
    """A file's text with its own line ends, unpacked."""
    return io.TextIOWrapper(open_bytes(path), encoding=encoding, errors=errors, newline="")


def open_bytes(path: Path) -> IO[bytes]:
    """A file's bytes, unpacked."""
    return gzip.open(path, "rb") if is_packed(path) else path.open("rb")  # type: ignore[return-value]


def is_packed(path: Path) -> bool:
    return path.name.lower().endswith(".gz")


def encoding_of(path: Path, dialect: Dialect) -> str:
    """The encoding that the file's byte order mark tells, else the declared one."""
    with open_bytes(path) as stream:
        return marked_encoding(stream.read(4)) or dialect.encoding


def bounded_lines(text: TextIO) -> Iterator[str]:
    """Lines, none of which can fill the memory."""
    while line := text.readline(LINE_LIMIT + 1):
        if len(line) > LINE_LIMIT or (len(line) > LINE_LIMIT // 4 and len(line.encode()) > LINE_LIMIT):
            raise LineTooLongError
        yield line


def _chained(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _in_utf8(connection: duckdb.DuckDBPyConnection, path: Path, encoding: str) -> Path:
    folder = TemporaryDirectory(prefix="mlops_csv_")
    weakref.finalize(connection, folder.cleanup)
    copy = Path(folder.name) / "rows.csv"
    with open_text(path, encoding) as text, copy.open("w", encoding="utf-8", newline="") as target:
        shutil.copyfileobj(text, target, _COPIED)
    return copy
