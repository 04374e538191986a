"""Disk errors below a store, translated into messages: the disk is full, or permissions are missing."""

import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlops_assets.core.byte_size import format_bytes
from mlops_assets.core.errors import MlopsError, StoreError
from mlops_assets.stores.system.durable import flush_files

_FULL = re.compile(
    r"no space left on device|disk is full|disk quota exceeded|os error (28|122)\b|max_temp_directory_size",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"permission denied|operation not permitted|read-only file system|os error (1|13|30)\b|"
    r"readonly database|unable to open database file",
    re.IGNORECASE,
)
_FAILED = re.compile(r"disk I/O error", re.IGNORECASE)
"""SQLite's message when its shared-memory file does not fit on the disk."""
_NO_ROOM = 256 * 1024
_PATH = re.compile(r"/[^\"'\\:\n]+")
_FULL_CODES = (errno.ENOSPC, errno.EDQUOT)
_DENIED_CODES = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def translated_disk_errors(subject: str, folder: Path) -> Iterator[None]:
    """Translate errors caused by a full disk or by missing permissions; other errors pass unchanged.

    Parameters
    ----------
    subject
        The object that is read or written, such as `table lending.features`.
    folder
        Its folder, which need not exist.

    Raises
    ------
    StoreError
        In place of the error of the operating system, DuckDB, Delta or SQLite.
    """
    try:
        yield
    except MlopsError:
        raise
    except Exception as error:  # each library has its own class for the same error
        if translated := disk_error(error, subject, folder):
            raise translated from error
        raise


def disk_error(error: BaseException, subject: str, folder: Path) -> StoreError | None:
    """Return the disk error that caused an exception; None if the cause is another one."""
    for cause in _chain(error):
        code = cause.errno if isinstance(cause, OSError) else None
        if code in _FULL_CODES or _FULL.search(str(cause)):
            return _full(subject, _place(cause, folder))
        if _FAILED.search(str(cause)) and shutil.disk_usage(_existing(folder)).free < _NO_ROOM:
            return _full(subject, folder)
        if code in _DENIED_CODES or _DENIED.search(str(cause)):
            return _denied(subject, _place(cause, folder), folder)
    return None


def write_atomically(path: Path, text: str) -> None:
    """Write a file completely or not at all, also after a power failure; its folder is created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        written.write_text(text, "utf-8")
        flush_files([written])
        written.replace(path)
        flush_files([], path.parent)
    except BaseException:
        with suppress(OSError):
            written.unlink(missing_ok=True)
        raise


def write_replaceable(path: Path, text: str) -> None:
    """Write a file completely or not at all, without waiting for the disk; its folder is created.

    For files that are written often, and that a start after a power failure removes anyway.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        written.write_text(text, "utf-8")
        written.replace(path)
    except BaseException:
        with suppress(OSError):
            written.unlink(missing_ok=True)
        raise


def _place(error: BaseException, folder: Path) -> Path:
    """Return the file that an error names, as an attribute or in its message; else the folder."""
    named = getattr(error, "filename2", None) or getattr(error, "filename", None)
    if isinstance(named, str | bytes):
        return folder / os.fsdecode(named)
    inside = [Path(found) for found in _PATH.findall(str(error)) if Path(found).is_relative_to(folder)]
    return inside[0] if inside else folder


def _full(subject: str, path: Path) -> StoreError:
    usage = shutil.disk_usage(_existing(path))
    return StoreError(
        f"{subject} can't be written to {path}: the disk is full ({format_bytes(usage.free)} of "
        f"{format_bytes(usage.total)} are free)",
        hint="free some space there, or set MLOPS_STATE_DIR to a directory on another disk, and run again; "
        "completed steps are kept",
    )


def _denied(subject: str, path: Path, folder: Path) -> StoreError:
    """Name the lowest folder without permission: the file that could not be created in it explains less."""
    place = _existing(path)
    if place.is_file() and os.access(place, os.R_OK | os.W_OK):  # such as a database beside its journal
        place = place.parent
    lacking = " and ".join(
        verb for verb, mode in (("read", os.R_OK), ("written to", os.W_OK)) if not os.access(place, mode)
    )
    return StoreError(
        f"{subject}: {place} can't be {lacking or 'used'} by UID {os.getuid()}",
        hint=f"grant UID {os.getuid()} read and write permission on {folder}, or set MLOPS_STATE_DIR to "
        "another directory",
    )


def _existing(path: Path) -> Path:
    """Return the path, or the lowest folder above it that exists and is accessible."""
    for place in (path, *path.parents):
        with suppress(PermissionError):
            if place.exists():
                return place
    return Path("/")


def _chain(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
