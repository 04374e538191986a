"""Errors of source files that can't be read, and checks for files that changed while they were read."""

import csv
import json
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_assets.core.digests import file_digest
from mlops_assets.core.errors import TABLE_UNCHANGED, DataError
from mlops_assets.stores.files.readers.csv_diagnosis import csv_error
from mlops_assets.stores.files.readers.csv_reader import LineTooLongError, is_packed, open_bytes
from mlops_assets.stores.files.source_file import Stamp, is_json_lines

if TYPE_CHECKING:
    from mlops_assets.stores.files.source_file import SourceFile

READING_ERRORS = (OSError, EOFError, UnicodeError, csv.Error, zlib.error, LineTooLongError)
"""The exceptions of reading a file, besides those of DuckDB."""
_OBJECT_LIMIT = 16_777_216
_UNSETTLED_NS = 2_000_000_000
"""Within this time after a change, a file can change again and keep its timestamps, because the clocks of
file systems are coarse. The content is hashed again then."""


def require_unchanged(file: "SourceFile", subject: str) -> None:
    """Check that a file has not changed since it was hashed.

    Raises
    ------
    DataError
        If the file was changed or deleted since.
    """
    if file.stamp is None:
        return
    try:
        now = Stamp.of(file.path)
        same = now[:4] == file.stamp[:4]
        if same and file.stamp.checked_ns - file.stamp.ctime_ns < _UNSETTLED_NS:
            same = file_digest(file.path) == file.sha256
    except FileNotFoundError as error:
        raise DataError(
            f"{subject}: {file.path} was deleted while it was read",
            hint=f"write the complete file again, then run again. {TABLE_UNCHANGED}",
        ) from error
    if not same:
        raise DataError(
            f"{subject}: {file.path} changed while it was read",
            hint="run again when the file is complete. To prevent this, write files elsewhere and rename "
            f"them into place. {TABLE_UNCHANGED}",
        )


def require_intact(file: "SourceFile", subject: str) -> None:
    """Decompress a gzip file once: DuckDB does not verify its checksum.

    Raises
    ------
    DataError
        If the file is truncated, damaged or not a gzip file.
    """
    if not is_packed(file.path):
        return
    try:
        with open_bytes(file.path) as stream:
            while stream.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error) as error:
        raise read_error(file, subject, error) from error


def read_error(file: "SourceFile", subject: str, error: Exception) -> DataError:
    """The error of a file that could not be read to its end, with the row or line and the reason."""
    try:
        if isinstance(error, OSError) and not is_packed(file.path):
            return unreadable(file.path, subject, error)
        if file.format == "parquet":
            return _parquet_error(file.path, subject, error)
        if file.format == "excel":
            return unreadable(file.path, subject, error)
        if file.format == "csv":
            found = csv_error(file, subject)
        elif is_json_lines(file.path):
            found = _jsonl_error(file, subject)
        else:
            found = _json_error(file, subject)
    except (EOFError, zlib.error) as truncated:
        return _gzip_error(file.path, subject, truncated)
    except OSError as failed:
        if is_packed(file.path) and failed.errno is None:  # gzip's own errors have no number
            return _gzip_error(file.path, subject, failed)
        return unreadable(file.path, subject, failed)
    quoted = error if file.dialect.quotes_values else DataError(f"DuckDB reports {type(error).__name__}")
    return found or unreadable(file.path, subject, quoted)


def unreadable(path: Path | str, subject: str, error: Exception) -> DataError:
    """The error of a file or folder that can't be read, from the exception alone."""
    if isinstance(error, PermissionError):
        return DataError(
            f"{subject}: {error.filename or path} can't be read: permission denied",
            hint=f"grant read permission to UID {os.geteuid()}. {TABLE_UNCHANGED}",
        )
    if isinstance(error, FileNotFoundError):
        return DataError(
            f"{subject}: {path} was deleted before it was read",
            hint=f"write the complete file again, then run again. {TABLE_UNCHANGED}",
        )
    reason = (isinstance(error, OSError) and error.strerror) or str(error).strip() or type(error).__name__
    return DataError(
        f"{subject}: {path} can't be read: {reason.splitlines()[0]}",
        hint=f"repair the file, then run again. {TABLE_UNCHANGED}",
    )


def _gzip_error(path: Path, subject: str, error: Exception) -> DataError:
    if isinstance(error, EOFError):
        problem = "is truncated: the end of the gzip stream is missing"
    else:
        problem = f"can't be decompressed: {error}"
    return DataError(f"{subject}: {path} {problem}", hint=f"copy or write the file again. {TABLE_UNCHANGED}")


def _parquet_error(path: Path, subject: str, error: Exception) -> DataError:
    with path.open("rb") as stream:
        start = stream.read(4)
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 4))
        end = stream.read(4)
    again = f"write the file again. {TABLE_UNCHANGED}"
    if start != b"PAR1":
        problem = "is empty and not a Parquet file"
        if start:
            problem = f"is not a Parquet file: it begins with {start!r}"
        return DataError(f"{subject}: {path} {problem}", hint=f"correct the suffix, or {again}")
    if end != b"PAR1":
        return DataError(f"{subject}: {path} is truncated: the end mark of Parquet is missing", hint=again)
    reason = str(error).strip().splitlines()[0].replace(str(path), path.name)
    return DataError(f"{subject}: {path} is a damaged Parquet file: {reason}", hint=again)


def _json_error(file: "SourceFile", subject: str) -> DataError | None:
    """The error of a file that is no array of objects."""
    path = file.path
    with open_bytes(path) as stream:
        text = stream.read()
    try:
        value = json.loads(text)
    except UnicodeDecodeError as error:
        problem = f"is not valid UTF-8: byte {error.start} is 0x{text[error.start : error.start + 1].hex()}"
    except json.JSONDecodeError as error:
        if error.lineno > 1 and error.msg == "Extra data":  # objects in lines
            return _jsonl_error(file, subject)
        problem = f"is not valid JSON at line {error.lineno}, character {error.colno}: {error.msg}"
    else:
        rows = value if isinstance(value, list) else [value]
        wrong = next((n for n, row in enumerate(rows, 1) if not isinstance(row, dict)), None)
        if wrong is None:
            return None
        shown = f": {repr(rows[wrong - 1])[:60]}" if file.dialect.quotes_values else ""
        problem = f"has an element {wrong} that is not an object{shown}"
    return DataError(
        f"{subject}: {path} {problem}", hint=f"write an array of objects, or JSON lines. {TABLE_UNCHANGED}"
    )


def _jsonl_error(file: "SourceFile", subject: str) -> DataError | None:
    """The error of the first line that is not a JSON object."""
    path = file.path
    with open_bytes(path) as stream:
        number = 0
        while line := stream.readline(_OBJECT_LIMIT + 1):
            number += 1
            if problem := _object_problem(line, quotes_values=file.dialect.quotes_values):
                incomplete = not line.endswith(b"\n") and len(line) <= _OBJECT_LIMIT
                hint = (
                    "the line has no line end, so the file seems to be incomplete: write it again"
                    if incomplete
                    else "correct the line: each line must be one JSON object"
                )
                return DataError(
                    f"{subject}: {path}, line {number} {problem}", hint=f"{hint}. {TABLE_UNCHANGED}"
                )
    return None


def _object_problem(line: bytes, *, quotes_values: bool) -> str | None:
    """Why a line is not a JSON object; None if it is one, or empty."""
    if len(line) > _OBJECT_LIMIT:
        return f"is longer than the maximum of {_OBJECT_LIMIT:,} bytes"
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        return f"is not valid UTF-8: byte {error.start} is 0x{line[error.start : error.start + 1].hex()}"
    if not text.strip():
        return None
    shown = f": {text.rstrip()[:60]!r}" if quotes_values else ""
    try:
        value = json.loads(text)
    except ValueError as error:
        at = f" at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
        return f"is not valid JSON{at}{shown}"
    if not isinstance(value, dict):
        return f"is JSON, but not an object{shown}"
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return f"has an escape such as \\ud83d that is half of a character{shown}"
    return None
