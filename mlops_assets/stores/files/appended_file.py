"""The rows that were appended to a CSV file since it was read, as a file of their own.

The earlier part is recognised by the digest of its bytes. DuckDB has read it to its end, so it ends outside
of quotes. The header is repeated before the new lines, so that they are read as in the whole file.
"""

import hashlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from mlops_assets.stores.delta.kept_content import AllRowsNeededError
from mlops_assets.stores.files.csv_dialect import encoding_from_mark, is_utf8
from mlops_assets.stores.files.readers.csv_reader import encoding_of, header_lines, is_packed
from mlops_assets.stores.files.source_file import SourceFile

_CHUNK = 1 << 20
_LINE_ENDS = b"\r\n"


@dataclass(frozen=True)
class EarlierFile:
    """A file when it was read.

    Attributes
    ----------
    rows
        The number of its rows.
    """

    name: str
    sha256: str
    size: int
    rows: int


def appended_part(file: SourceFile, earlier: EarlierFile, target: Path) -> SourceFile:
    """Write the header of a file and the lines that it has after its earlier part into another file.

    Returns
    -------
    The written file with name and digest of the whole file.

    Raises
    ------
    AllRowsNeededError
        If the file is not a longer form of the earlier one, or its format has no separate lines.
    OSError
        If the file can't be read.
    """
    if file.format != "csv" or is_packed(file.path) or not is_utf8(encoding_of(file.path, file.dialect)):
        raise AllRowsNeededError(f"{file.name} is no uncompressed CSV file in UTF-8")
    if file.name != earlier.name:
        raise AllRowsNeededError(f"the last run read {earlier.name}")
    if file.sha256 == earlier.sha256:
        raise AllRowsNeededError(f"{file.name} has not changed")
    header = _header(file)
    with file.path.open("rb") as stream:
        _require_prefix(stream, file, earlier)
        _skip_line_end(stream, file, earlier.size)
        with target.open("wb") as part:
            part.write(header)
            shutil.copyfileobj(stream, part, _CHUNK)
    return replace(file, path=target, stamp=None)


def _require_prefix(stream: IO[bytes], file: SourceFile, earlier: EarlierFile) -> None:
    """Read the earlier part of a file, and compare it with its digest."""
    digest, left = hashlib.sha256(), earlier.size
    while left and (chunk := stream.read(min(left, _CHUNK))):
        digest.update(chunk)
        left -= len(chunk)
    if left:
        raise AllRowsNeededError(f"{file.name} is shorter than before")
    if digest.hexdigest() != earlier.sha256:
        raise AllRowsNeededError(f"{file.name} was changed in its earlier part")


def _skip_line_end(stream: IO[bytes], file: SourceFile, end: int) -> None:
    """Move to the first line after the earlier part, which must be one of whole lines."""
    stream.seek(max(0, end - 1))
    last, following = stream.read(1), stream.read(2)
    if last == b"\n":
        skipped = 0
    elif last != b"\r" and following.startswith((b"\n", b"\r\n")):
        skipped = following.index(b"\n") + 1
    else:
        raise AllRowsNeededError(f"the last line of {file.name} was continued")
    stream.seek(end + skipped)
    if (stream.read(1) or b"\n") in _LINE_ENDS:
        raise AllRowsNeededError(f"the lines that were appended to {file.name} begin with an empty one")
    stream.seek(end + skipped)


def _header(file: SourceFile) -> bytes:
    """The bytes up to the end of the header, with the byte order mark."""
    with file.path.open("rb") as stream:
        mark = stream.read(3)
    text = "".join(header_lines(file)).encode()
    if not text.endswith(b"\n"):
        raise AllRowsNeededError(f"the header of {file.name} has another line end than LF or CR LF")
    return (mark if encoding_from_mark(mark) else b"") + text
