"""What is wrong with a CSV file that could not be read, in words.

Holds: `csv_fault`, which looks for the first fault of a file, with its row, line and field.
Add here: another way in which a CSV file can be broken.
Not here: reading the file when nothing is wrong (`csv_files.py`).

DuckDB reads fast and says little; only when it has refused a file, the file is read again row by row, in
bounded memory.
"""

import codecs
import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from mlops_assets.errors import DataError
from mlops_assets.stores.csv_files import (
    LINE_LIMIT,
    LineTooLongError,
    bounded_lines,
    encoding_of,
    open_bytes,
    open_text,
)
from mlops_assets.stores.dialects import unmarked_encoding

if TYPE_CHECKING:
    from mlops_assets.stores.sources import SourceFile

KEPT = "the table keeps the content that it had"
_CHUNK = 1 << 20
_LINE_ENDS = {"\r\n": "CR LF", "\n": "LF", "\r": "CR"}


@dataclass
class _Lines:
    """The lines of a text, with what was seen of them."""

    text: TextIO
    read: int = 0
    last: str = ""
    undecoded: bool = False
    """Whether the last row has bytes that the encoding does not know."""
    ends: dict[str, int] = field(default_factory=dict)
    """The line in which each kind of line end was first seen."""

    def __iter__(self) -> Iterator[str]:
        for line in bounded_lines(self.text):
            self.read, self.last = self.read + 1, line
            self.undecoded = self.undecoded or _has_undecoded(line)
            end = next((end for end in _LINE_ENDS if line.endswith(end)), "")
            if end:
                self.ends.setdefault(end, self.read)
            yield line


def csv_fault(file: "SourceFile", subject: str) -> DataError | None:
    """The first fault of a file; None when there is none that is known.

    Raises
    ------
    OSError, EOFError
        When the file can't be read or unpacked to its end.
    """
    where = f"{subject}: {file.path}"
    encoding = encoding_of(file.path, file.dialect)
    with _long_fields(), open_text(file.path, encoding, "surrogateescape") as text:
        lines = _Lines(text)
        try:
            return _fault_of_rows(file, where, encoding, lines)
        except LineTooLongError:
            return DataError(
                f"{where}: line {lines.read + 1} is longer than {LINE_LIMIT:,} bytes, the most that a row "
                "may have",
                hint=f"look for lost line ends or a quote that is never closed; {KEPT}",
            )
        except UnicodeError:  # of an encoding that can't pass over what it does not know
            return _undecodable(file, where, encoding, "")


def _fault_of_rows(file: "SourceFile", where: str, encoding: str, lines: _Lines) -> DataError | None:
    rows = iter(lines)
    for _ in zip(range(file.dialect.skip_lines), rows, strict=False):
        pass
    reader = csv.reader(rows, **file.dialect.csv_options())
    header: list[str] = []
    number = before = 0
    while True:
        before, lines.undecoded = lines.read, False
        place = _place(number, before + 1, header)
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            return _fault_of_quotes(where, place, str(error), lines)
        if lines.undecoded:
            return _undecodable(file, where, encoding, f"{place}{_undecoded_field(row, header)}")
        if not row and len(header) != 1:
            continue
        if header and len(row or [""]) != len(header):
            return _ragged(where, place, row, header, file.dialect.delimiter, lines.last)
        if header:
            number += 1
        else:
            header, number = [name.strip() for name in row], 1
    if len(lines.ends) > 1:
        (usual, _), (other, line) = sorted(lines.ends.items(), key=lambda item: item[1])[:2]
        return DataError(
            f"{where}: line {line} ends with {_LINE_ENDS[other]}, those before it with {_LINE_ENDS[usual]}",
            hint=f"write all line ends alike; {KEPT}",
        )
    return None


def _place(number: int, line: int, header: list[str]) -> str:
    return f"row {number} (line {line})" if header else f"the header (line {line})"


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


def _fault_of_quotes(where: str, place: str, reason: str, lines: _Lines) -> DataError:
    if "expected after" in reason:
        told = f"line {lines.read} goes on after a closing quote: {_shown(lines.last)}"
    else:
        told = f"a quote is opened and never closed up to line {lines.read}"
    return DataError(
        f"{where}, {place}: {told}",
        hint="close it; a quote inside of a quoted field is doubled, and a file without quotes declares "
        f'csv.quote: ""; {KEPT}',
    )


def _undecodable(file: "SourceFile", where: str, encoding: str, place: str) -> DataError:
    found = first_undecodable(file.path, encoding)
    assert found is not None
    offset, line, wrong = found
    other = _other_encoding(file.path, encoding)
    told = f"byte {offset} (line {line}) is 0x{wrong[:1].hex()}, which is not {encoding.removesuffix('-sig')}"
    decoded = wrong.decode(other, "replace")
    return DataError(
        f"{where}{f', {place}' if place else ''}: {told}; it decodes as {other}: {_shown(decoded)}",
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


def _undecoded_field(row: list[str], header: list[str]) -> str:
    for name, value in zip(header, row, strict=False):
        if _has_undecoded(value):
            return f", {name}"
    return ""


def _has_undecoded(text: str) -> bool:
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


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
