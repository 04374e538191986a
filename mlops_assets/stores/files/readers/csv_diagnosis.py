"""Diagnosis of CSV files that DuckDB could not read.

DuckDB reads fast, but its errors name neither row nor field reliably. After an error, the file is read again
row by row in bounded memory to find the cause.
"""

import codecs
import csv
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from mlops_assets.core.errors import TABLE_UNCHANGED, DataError
from mlops_assets.stores.files.csv_dialect import guess_utf16
from mlops_assets.stores.files.readers.csv_reader import (
    LINE_LIMIT,
    encoding_of,
    open_bytes,
    open_text,
)

if TYPE_CHECKING:
    from mlops_assets.stores.files.source_file import SourceFile

_CHUNK = 1 << 20
_LINE_ENDS = {"\r\n": "CR LF", "\n": "LF", "\r": "CR"}


def csv_error(file: "SourceFile", subject: str) -> DataError | None:
    """The first error in a file; None if no known error is found.

    Raises
    ------
    OSError, EOFError
        If the file can't be read or decompressed to its end.
    """
    where = f"{subject}: {file.path}"
    encoding = encoding_of(file.path, file.dialect)
    if line := _long_line(file.path):
        return DataError(
            f"{where}: line {line} is longer than the maximum of {LINE_LIMIT:,} bytes",
            hint=f"look for lost line ends or a quote that is never closed. {TABLE_UNCHANGED}",
        )
    if found := first_undecodable(file.path, encoding):
        return _encoding_error(file, where, encoding, *found)
    with _long_fields(), open_text(file.path, encoding) as text:
        return _row_error(file, where, text) or _line_end_error(file.path, encoding, where)


def _long_line(path: Path) -> int | None:
    """The number of the first line that exceeds `LINE_LIMIT`."""
    number, length = 1, 0
    with open_bytes(path) as stream:
        while chunk := stream.read(_CHUNK):
            ends = chunk.count(b"\n") or chunk.count(b"\r")
            end = b"\n" if b"\n" in chunk else b"\r"
            if length + (chunk.find(end) if ends else len(chunk)) > LINE_LIMIT:
                return number
            length = len(chunk) - chunk.rfind(end) - 1 if ends else length + len(chunk)
            number += ends
    return None


def _row_error(file: "SourceFile", where: str, text: TextIO) -> DataError | None:
    """The error of the first row with a wrong number of fields or unbalanced quotes."""
    dialect, header, number, before = file.dialect, [], 0, 0
    for _ in zip(range(dialect.skip_lines), text, strict=False):
        pass
    reader = csv.reader(text, **dialect.csv_options())
    try:
        header = next(reader)
        width, before = len(header), reader.line_num
        for row in reader:
            if len(row) != width and (row or width == 1) and (row or [""]) != [""] * width:
                last = _line(file, before + 1, reader.line_num)
                place = _place(number + 1, dialect.skip_lines + before + 1)
                names = [name.strip() for name in header]
                return _field_count_error(
                    where, place, row, names, dialect.delimiter, last, quotes_values=dialect.quotes_values
                )
            number += bool(row) or width == 1
            before = reader.line_num
    except csv.Error as error:
        place = _place(number + 1 if header else 0, dialect.skip_lines + before + 1)
        last = _line(file, before + 1, reader.line_num) if dialect.quotes_values else ""
        return _quote_error(where, place, str(error), dialect.skip_lines + reader.line_num, last)
    return None


def _place(number: int, line: int) -> str:
    return f"row {number} (line {line})" if number else f"the header (line {line})"


def _line(file: "SourceFile", first: int, last: int) -> str:
    """The last of a range of lines, counted from the header."""
    with open_text(file.path, encoding_of(file.path, file.dialect)) as text:
        skipped = file.dialect.skip_lines
        return next(islice(text, skipped + max(first, last) - 1, None), "")


def _field_count_error(
    where: str,
    place: str,
    row: list[str],
    header: list[str],
    delimiter: str,
    last: str,
    *,
    quotes_values: bool,
) -> DataError:
    missing, more = header[len(row) :], row[len(header) :]
    fields = f"{len(row)} {'field' if len(row) == 1 else 'fields'}, the header {len(header)}"
    if missing:
        detail = f"no value for {', '.join(missing[:3])} after {header[len(row) - 1]!r}"
    else:
        detail = f"after {header[-1]!r} there is {_shortened(delimiter.join(more))}"
    incomplete = missing and not last.endswith(("\n", "\r"))
    hint = (
        "it is the last row and has no line end, so the file seems to be incomplete: write it again"
        if incomplete
        else f"correct the row. Quote a field that contains {delimiter!r}"
    )
    shown = f": {_shortened(delimiter.join(row))}; {detail}" if quotes_values else ""
    return DataError(
        f"{where}, {place} has {fields}{shown}",
        hint=f"{hint}. {TABLE_UNCHANGED}",
    )


def _quote_error(where: str, place: str, reason: str, line: int, last: str) -> DataError:
    if "expected after" in reason:
        problem = f"text follows a closing quote in line {line}" + (f": {_shortened(last)}" if last else "")
    else:
        problem = f"an opening quote is not closed up to line {line}"
    return DataError(
        f"{where}, {place}: {problem}",
        hint="close the quote, and double quotes inside a quoted field. For a file without quotes declare "
        f'csv.quote: "". {TABLE_UNCHANGED}',
    )


def _line_end_error(path: Path, encoding: str, where: str) -> DataError | None:
    with open_text(path, encoding) as text:
        usual = ""
        for number, line in enumerate(text, 1):
            end = next((end for end in _LINE_ENDS if line.endswith(end)), "")
            usual = usual or end
            if end and end != usual:
                return DataError(
                    f"{where}: line {number} ends with {_LINE_ENDS[end]}, the lines before it with "
                    f"{_LINE_ENDS[usual]}",
                    hint=f"use the same line ends in the whole file. {TABLE_UNCHANGED}",
                )
    return None


def _encoding_error(
    file: "SourceFile", where: str, encoding: str, offset: int, line: int, wrong: bytes
) -> DataError:
    place = _undecodable_field(file, encoding, line)
    other = _other_encoding(file.path, encoding)
    name = encoding.removesuffix("-sig")
    decoded = _shortened(wrong.decode(other, "replace"))
    shown = f"; decoded as {other} the text is {decoded}" if file.dialect.quotes_values else ""
    return DataError(
        f"{where}{place}: byte {offset} (line {line}) is 0x{wrong[:1].hex()}, which is not valid "
        f"{name}{shown}",
        hint=f"if {'that' if shown else other} is correct, declare csv.encoding: {other} for the table. "
        f"{TABLE_UNCHANGED}",
    )


def first_undecodable(path: Path, encoding: str) -> tuple[int, int, bytes] | None:
    """The offset of the first byte that is invalid in an encoding, its line, and the bytes from there."""
    decoder = codecs.getincrementaldecoder(encoding)()
    offset, line = 0, 1
    with open_bytes(path) as stream:
        while True:
            chunk = stream.read(_CHUNK)
            pending = decoder.getstate()[0]
            try:
                line += decoder.decode(chunk, final=not chunk).count("\n")
            except UnicodeDecodeError as error:
                start = error.start
                line += error.object[:start].decode(encoding, "ignore").count("\n")
                return offset - len(pending) + start, line, error.object[start : start + 60].splitlines()[0]
            if not chunk:
                return None
            offset += len(chunk)


def _other_encoding(path: Path, encoding: str) -> str:
    """An encoding that decodes the whole file; Latin-1 decodes every byte."""
    with open_bytes(path) as stream:
        wide = guess_utf16(stream.read(1024))
    candidates = [*([wide] if wide else []), "utf-8", "cp1252"]
    known = codecs.lookup(encoding).name
    return next(
        (
            name
            for name in candidates
            if codecs.lookup(name).name != known and first_undecodable(path, name) is None
        ),
        "latin-1",
    )


def _undecodable_field(file: "SourceFile", encoding: str, line: int) -> str:
    """Row and column of an undecodable byte; empty if the rows before it can't be parsed."""
    skipped, header, number = file.dialect.skip_lines, [], 0
    with _long_fields(), open_text(file.path, encoding, "surrogateescape") as text:
        try:
            for _ in zip(range(skipped), text, strict=False):
                pass
            reader = csv.reader(text, **file.dialect.csv_options())
            header = next(reader)
            row = header
            while skipped + reader.line_num < line:
                row = next(reader)
                number += 1
        except (csv.Error, UnicodeError, StopIteration):
            return ""
    fields = (name for name, value in zip(header, row, strict=False) if _has_undecodable(value))
    named = "".join(f", {name.strip()}" for name in islice(fields, 1)) if number else ""
    return f", {_place(number, line)}{named}"


def _has_undecodable(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _shortened(text: str) -> str:
    text = text.rstrip("\r\n")
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


@contextmanager
def _long_fields() -> Iterator[None]:
    """Allow fields of `LINE_LIMIT` bytes: the default of Python's csv module is lower, and process-wide."""
    usual = csv.field_size_limit(LINE_LIMIT)
    try:
        yield
    finally:
        csv.field_size_limit(usual)
