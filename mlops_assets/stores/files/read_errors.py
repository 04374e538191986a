"""Why a source file can't be read, in words."""

import csv
import json
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_assets.core.digests import file_digest
from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.csv_diagnosis import KEPT, csv_fault
from mlops_assets.stores.files.csv_reader import LineTooLongError, is_packed, open_bytes
from mlops_assets.stores.files.source_file import Stamp

if TYPE_CHECKING:
    from mlops_assets.stores.files.source_file import SourceFile

READING_ERRORS = (OSError, EOFError, UnicodeError, csv.Error, zlib.error, LineTooLongError)
"""What reading raises beside DuckDB's errors."""
_OBJECT_LIMIT = 16_777_216
_UNSETTLED_NS = 2_000_000_000
"""Within so many nanoseconds of a change, a file can change again and keep its times: clocks of disks are
coarse."""


def refuse_changed(file: "SourceFile", subject: str) -> None:
    """See that a file still is the one that was hashed.

    Raises
    ------
    DataError
        When it has changed since, or is gone.
    """
    if file.stamp is None:
        return
    try:
        now = Stamp.of(file.path)
        same = now[:4] == file.stamp[:4]
        if same and file.stamp.seen_ns - file.stamp.ctime_ns < _UNSETTLED_NS:
            same = file_digest(file.path) == file.sha256
    except FileNotFoundError as error:
        raise DataError(
            f"{subject}: {file.path} vanished while it was read",
            hint=f"bring it again when it is whole, and run again; {KEPT}",
        ) from error
    if not same:
        raise DataError(
            f"{subject}: {file.path} changed while it was read",
            hint=f"run again when nothing writes to it; write elsewhere and rename into place; {KEPT}",
        )


def read_fault(file: "SourceFile", subject: str, error: Exception) -> DataError:
    """The error for a file that broke off while it was read."""
    try:
        if isinstance(error, OSError) and not is_packed(file.path):
            return unreadable(file.path, subject, error)
        if file.format == "parquet":
            return _parquet_fault(file.path, subject, error)
        fault = csv_fault(file, subject) if file.format == "csv" else _jsonl_fault(file.path, subject)
    except (EOFError, zlib.error) as cut:
        return _packed_fault(file.path, subject, cut)
    except OSError as closed:
        if is_packed(file.path) and closed.errno is None:  # gzip's own complaints have no number
            return _packed_fault(file.path, subject, closed)
        return unreadable(file.path, subject, closed)
    return fault or unreadable(file.path, subject, error)


def unreadable(path: Path | str, subject: str, error: Exception) -> DataError:
    """The error for a file or folder that can't be read, without looking into it."""
    if isinstance(error, PermissionError):
        return DataError(
            f"{subject}: {error.filename or path} can't be read: permission denied",
            hint=f"let the user with the number {os.geteuid()} read it; {KEPT}",
        )
    if isinstance(error, FileNotFoundError):
        return DataError(
            f"{subject}: {path} vanished before it was read",
            hint=f"bring it again when it is whole, and run again; {KEPT}",
        )
    reason = (isinstance(error, OSError) and error.strerror) or str(error).strip() or type(error).__name__
    return DataError(
        f"{subject}: {path} can't be read: {reason.splitlines()[0]}",
        hint=f"mend the file and run again; {KEPT}",
    )


def _packed_fault(path: Path, subject: str, error: Exception) -> DataError:
    if isinstance(error, EOFError):
        return DataError(
            f"{subject}: {path} is cut off: the end of the gzip stream is missing",
            hint=f"copy or write it again; {KEPT}",
        )
    return DataError(f"{subject}: {path} can't be unpacked: {error}", hint=f"copy or write it again; {KEPT}")


def refuse_damaged(file: "SourceFile", subject: str) -> None:
    """Unpack a packed file once: DuckDB does not compare its checksum.

    Raises
    ------
    DataError
        When it is cut off, damaged or not packed at all.
    """
    if not is_packed(file.path):
        return
    try:
        with open_bytes(file.path) as stream:
            while stream.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error) as error:
        raise read_fault(file, subject, error) from error


def _parquet_fault(path: Path, subject: str, error: Exception) -> DataError:
    with path.open("rb") as stream:
        start = stream.read(4)
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 4))
        end = stream.read(4)
    again = f"write it again; {KEPT}"
    if start != b"PAR1":
        told = (
            f"is no Parquet file: it begins with {start!r}" if start else "is empty, and so no Parquet file"
        )
        return DataError(f"{subject}: {path} {told}", hint=f"rename it to what it is, or {again}")
    if end != b"PAR1":
        return DataError(f"{subject}: {path} is cut off: Parquet's end mark is missing", hint=again)
    reason = str(error).strip().splitlines()[0].replace(str(path), path.name)
    return DataError(f"{subject}: {path} is a damaged Parquet file: {reason}", hint=again)


def _jsonl_fault(path: Path, subject: str) -> DataError | None:
    """The first line that is no JSON object."""
    with open_bytes(path) as stream:
        number = 0
        while line := stream.readline(_OBJECT_LIMIT + 1):
            number += 1
            told = _fault_of_object(line)
            if told:
                cut = not line.endswith(b"\n") and len(line) <= _OBJECT_LIMIT
                half = "it has no line end, so the file seems to be half written: bring it again"
                return DataError(
                    f"{subject}: {path}, line {number} {told}",
                    hint=f"{half if cut else 'each line is one JSON object; mend the line'}; {KEPT}",
                )
    return None


def _fault_of_object(line: bytes) -> str | None:
    if len(line) > _OBJECT_LIMIT:
        return f"is longer than {_OBJECT_LIMIT:,} bytes"
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        return f"is not UTF-8: byte {error.start} of it is 0x{line[error.start : error.start + 1].hex()}"
    if not text.strip():
        return None
    shown = repr(text.rstrip()[:60])
    try:
        value = json.loads(text)
    except ValueError as error:
        at = f" at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
        return f"is no JSON{at}: {shown}"
    return None if isinstance(value, dict) else f"is JSON, but no object: {shown}"
