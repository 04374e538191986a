"""What is wrong with a CSV file that could not be read, in words.

DuckDB reads fast and says little; only when it has refused a file, the file is read again row by row, in
bounded memory.
"""

import codecs
import csv
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.csv_dialect import unmarked_encoding
from mlops_assets.stores.files.csv_reader import (
    LINE_LIMIT,
    encoding_of,
    open_bytes,
    open_text,
)

if TYPE_CHECKING:
    from mlops_assets.stores.files.source_file import SourceFile

KEPT = "the table keeps the content that it had"
_CHUNK = 1 << 20
_LINE_ENDS = {"\r\n": "CR LF", "\n": "LF", "\r": "CR"}


def csv_fault(file: "SourceFile", subject: str) -> DataError | None:
    """The first fault of a file; None when there is none that is known.

    Raises
    ------
    OSError, EOFError
        When the file can't be read or unpacked to its end.
    """
    where = f"{subject}: {file.path}"
    encoding = encoding_of(file.path, file.dialect)
    if line := _long_line(file.path):
        return DataError(
            f"{where}: line {line} is longer than {LINE_LIMIT:,} bytes, the most that a row may have",
            hint=f"look for lost line ends or a quote that is never closed; {KEPT}",
        )
    if found := first_undecodable(file.path, encoding):
        return _undecodable(file, where, encoding, *found)
    with _long_fields(), open_text(file.path, encoding) as text:
        return _fault_of_rows(file, where, text) or _mixed_line_ends(file.path, encoding, where)


def _long_line(path: Path) -> int | None:
    """The number of the first line that is longer than a row may be."""
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


def _fault_of_rows(file: "SourceFile", where: str, text: TextIO) -> DataError | None:
    """The first row that has other fields than the header, or quotes that don't pair."""
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
                return _ragged(where, place, row, [name.strip() for name in header], dialect.delimiter, last)
            number += bool(row) or width == 1
            before = reader.line_num
    except csv.Error as error:
        place = _place(number + 1 if header else 0, dialect.skip_lines + before + 1)
        last = _line(file, before + 1, reader.line_num)
        return _fault_of_quotes(where, place, str(error), dialect.skip_lines + reader.line_num, last)
    return None


def _place(number: int, line: int) -> str:
    return f"row {number} (line {line})" if number else f"the header (line {line})"


def _line(file: "SourceFile", first: int, last: int) -> str:
    """The last of some lines, counted from the header."""
    with open_text(file.path, encoding_of(file.path, file.dialect)) as text:
        skipped = file.dialect.skip_lines
        return next(islice(text, skipped + max(first, last) - 1, None), "")


def _ragged(
    where: str, place: str, row: list[str], header: list[str], delimiter: str, last: str
) -> DataError:
    short = len(row) < len(header)
    shown = _shown(delimiter.join(row))
    counted = f"{len(row)} {'field' if len(row) == 1 else 'fields'}"
    if short:
        at = f"after {header[len(row) - 1]!r} there is nothing for {', '.join(header[len(row) :][:3])}"
    else:
        at = f"after {header[-1]!r} there is {_shown(delimiter.join(row[len(header) :]))}"
    half = short and not last.endswith(("\n", "\r"))
    way_out = (
        "it is the last row and has no line end, so the file seems to be half written: bring it again"
        if half
        else f"mend the row; a field that holds {delimiter!r} is put in quotes"
    )
    return DataError(
        f"{where}, {place} has {counted}, the header {len(header)}: {shown}; {at}",
        hint=f"{way_out}; {KEPT}",
    )


def _fault_of_quotes(where: str, place: str, reason: str, line: int, last: str) -> DataError:
    if "expected after" in reason:
        told = f"line {line} goes on after a closing quote: {_shown(last)}"
    else:
        told = f"a quote is opened and never closed up to line {line}"
    return DataError(
        f"{where}, {place}: {told}",
        hint="close it; a quote inside of a quoted field is doubled, and a file without quotes declares "
        f'csv.quote: ""; {KEPT}',
    )


def _mixed_line_ends(path: Path, encoding: str, where: str) -> DataError | None:
    with open_text(path, encoding) as text:
        usual = ""
        for number, line in enumerate(text, 1):
            end = next((end for end in _LINE_ENDS if line.endswith(end)), "")
            usual = usual or end
            if end and end != usual:
                return DataError(
                    f"{where}: line {number} ends with {_LINE_ENDS[end]}, those before it with "
                    f"{_LINE_ENDS[usual]}",
                    hint=f"write all line ends alike; {KEPT}",
                )
    return None


def _undecodable(
    file: "SourceFile", where: str, encoding: str, offset: int, line: int, wrong: bytes
) -> DataError:
    place = _undecoded_field(file, encoding, line)
    other = _other_encoding(file.path, encoding)
    told = f"byte {offset} (line {line}) is 0x{wrong[:1].hex()}, which is not {encoding.removesuffix('-sig')}"
    decoded = wrong.decode(other, "replace")
    return DataError(
        f"{where}{place}: {told}; it decodes as {other}: {_shown(decoded)}",
        hint=f"declare csv.encoding: {other} for the table, if that is what it was written in; {KEPT}",
    )


def first_undecodable(path: Path, encoding: str) -> tuple[int, int, bytes] | None:
    """The offset of the first byte that an encoding does not know, its line, and what follows there."""
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
    """An encoding that decodes the whole file; Latin-1 decodes everything."""
    with open_bytes(path) as stream:
        wide = unmarked_encoding(stream.read(1024))
    tried = [*([wide] if wide else []), "utf-8", "cp1252"]
    known = codecs.lookup(encoding).name
    return next(
        (
            name
            for name in tried
            if codecs.lookup(name).name != known and first_undecodable(path, name) is None
        ),
        "latin-1",
    )


def _undecoded_field(file: "SourceFile", encoding: str, line: int) -> str:
    """Row and field of what an encoding does not know, where the rows before it can be read."""
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
    fields = (name for name, value in zip(header, row, strict=False) if _has_undecoded(value))
    named = "".join(f", {name.strip()}" for name in islice(fields, 1)) if number else ""
    return f", {_place(number, line)}{named}"


def _has_undecoded(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _shown(text: str) -> str:
    text = text.rstrip("\r\n")
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let a field be as long as a row: Python's limit is process-wide, and lower."""
    usual = csv.field_size_limit(LINE_LIMIT)
    try:
        yield
    finally:
        csv.field_size_limit(usual)
