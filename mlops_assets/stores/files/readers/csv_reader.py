"""CSV files as DuckDB scans, with every column as text.

Column names come from the header, so DuckDB infers neither names nor types. DuckDB reads UTF-8; a file in
another encoding is transcoded into a temporary folder that is removed with the connection.
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
from mlops_assets.core.sql_quoting import literal, path_literal
from mlops_assets.stores.files.csv_dialect import Dialect, encoding_from_mark, guess_utf16, is_utf8

if TYPE_CHECKING:
    from mlops_assets.stores.files.source_file import SourceFile

LINE_LIMIT = 2_000_000
"""Maximum length of a row in bytes. Longer rows occur in files that have lost their line ends."""
UNNAMED = "unnamed_"
"""The name of a column without a name, before its number."""
_COPY_CHUNK = 1 << 20
_OTHER_DELIMITERS = ",;\t|"


class LineTooLongError(ValueError):
    """A line exceeds `LINE_LIMIT`."""


def csv_scan(connection: duckdb.DuckDBPyConnection, file: "SourceFile", fields: list[str]) -> str:
    """The DuckDB table function that reads a file, with every column as text.

    Parameters
    ----------
    fields
        The column names.
    """
    dialect, path = file.dialect, file.path
    encoding = encoding_of(path, dialect)
    packed = is_packed(path)
    if not is_utf8(encoding):
        path, packed = _in_utf8(connection, path, encoding), False
    columns = ", ".join(f"{literal(field)}: 'VARCHAR'" for field in fields)
    nulls = ", ".join(map(literal, ("", *dialect.nulls)))
    return (
        f"read_csv({path_literal(path)}, columns = {{{columns}}}, auto_detect = false, header = true, "
        f"delim = {literal(dialect.delimiter)}, quote = {literal(dialect.quote)}, "
        f"escape = {literal(dialect.quote)}, nullstr = [{nulls}], skip = {dialect.skip_lines}, "
        f"compression = '{'gzip' if packed else 'none'}', max_line_size = {LINE_LIMIT}, "
        "hive_partitioning = false)"
    )


def header_of(file: "SourceFile", subject: str) -> list[str]:
    """The column names of a file; a column without a name, such as a data frame's index, has its number.

    Raises
    ------
    DataError
        If the file has no header, or seems to use another dialect than the declared one.
    """
    dialect, where = file.dialect, f"{subject}: {file.path}"
    with open_text(file.path, encoding_of(file.path, dialect)) as text:
        lines = bounded_lines(text)
        before = [line for _, line in zip(range(dialect.skip_lines), lines, strict=False)]
        first = next(lines, "")
        header = next(csv.reader(_chained(first, lines), **dialect.csv_options()), [])
    fields = [field.strip() for field in header]
    if not any(fields):
        raise DataError(
            f"{where} has no header: {_missing_header(first, before, dialect.skip_lines)}",
            hint="write the column names into the first line. If the file is empty, write it again.",
        )
    if "\0" in fields[0]:
        with open_bytes(file.path) as stream:
            guess = guess_utf16(stream.read(1024)) or "utf-16"
        raise DataError(
            f"{where}: the header contains zero bytes, which suggests UTF-16 without a byte order mark",
            hint=f"declare csv.encoding: {guess} for the table",
        )
    others = _OTHER_DELIMITERS.replace(dialect.delimiter, "")
    if len(fields) == 1 and not (dialect.quote and first.lstrip().startswith(dialect.quote)):
        found = max(others, key=fields[0].count)
        if found in fields[0]:
            shown = '"\\t"' if found == "\t" else f'"{found}"'
            quoted = f", {fields[0][:80]!r}" if dialect.quotes_values else ""
            raise DataError(
                f"{where}: the header is a single field{quoted}; is the delimiter {found!r}?",
                hint=f"declare csv.delimiter: {shown} for the table. Quote column names that contain it.",
            )
    return [field or f"{UNNAMED}{number}" for number, field in enumerate(fields, 1)]


def header_lines(file: "SourceFile") -> list[str]:
    """The lines up to the end of the header, which `header_of` has accepted, with their line ends."""
    dialect = file.dialect
    with open_text(file.path, encoding_of(file.path, dialect)) as text:
        lines = bounded_lines(text)
        read = [line for _, line in zip(range(dialect.skip_lines), lines, strict=False)]
        next(csv.reader(_collected(lines, read), **dialect.csv_options()), [])
    return read


def open_text(path: Path, encoding: str, errors: str = "strict") -> TextIO:
    """Open a file as text, decompressed and with its original line ends."""
    return io.TextIOWrapper(open_bytes(path), encoding=encoding, errors=errors, newline="")


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file as bytes, decompressed."""
    return gzip.open(path, "rb") if is_packed(path) else path.open("rb")  # type: ignore[return-value]


def is_packed(path: Path) -> bool:
    """Whether a file is compressed with gzip, by its name."""
    return path.name.lower().endswith(".gz")


def encoding_of(path: Path, dialect: Dialect) -> str:
    """The encoding of the byte order mark; without one, the declared encoding."""
    with open_bytes(path) as stream:
        return encoding_from_mark(stream.read(4)) or dialect.encoding


def bounded_lines(text: TextIO) -> Iterator[str]:
    """The lines of a text.

    Raises
    ------
    LineTooLongError
        At a line longer than `LINE_LIMIT` bytes, before it is read into memory.
    """
    while line := text.readline(LINE_LIMIT + 1):
        if len(line) > LINE_LIMIT or (len(line) > LINE_LIMIT // 4 and len(line.encode()) > LINE_LIMIT):
            raise LineTooLongError
        yield line


def _missing_header(first: str, before: list[str], skip_lines: int) -> str:
    """Why there is no header, given the first line after the skipped ones."""
    if first or len(before) == skip_lines > 0:
        return "the header line is empty"
    return "its first line is empty" if before else "the file is empty"


def _collected(lines: Iterator[str], read: list[str]) -> Iterator[str]:
    for line in lines:
        read.append(line)
        yield line


def _chained(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _in_utf8(connection: duckdb.DuckDBPyConnection, path: Path, encoding: str) -> Path:
    folder = TemporaryDirectory(prefix="mlops_csv_")
    weakref.finalize(connection, folder.cleanup)
    copy = Path(folder.name) / "rows.csv"
    with open_text(path, encoding) as text, copy.open("w", encoding="utf-8", newline="") as target:
        shutil.copyfileobj(text, target, _COPY_CHUNK)
    return copy
