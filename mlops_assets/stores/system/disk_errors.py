"""Faults of the disk below a store, in words: it is full, or a folder is not to be read or written."""

import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlops_assets.core.errors import MlopsError, StoreError

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
"""What SQLite says when the memory that its processes share finds no room."""
_NO_ROOM = 256 * 1024
_PATH = re.compile(r"/[^\"'\\:\n]+")
_FULL_CODES = (errno.ENOSPC, errno.EDQUOT)
_DENIED_CODES = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def disk_faults_told(subject: str, folder: Path) -> Iterator[None]:
    """Tell a full disk, or a folder that can't be used, in one sentence; other errors pass.

    Parameters
    ----------
    subject
        What is read or written, such as `table lending.features`.
    folder
        Where it lies; it need not exist.

    Raises
    ------
    StoreError
        Instead of what the operating system, DuckDB, Delta or SQLite raised.
    """
    try:
        yield
    except MlopsError:
        raise
    except Exception as error:  # each library has its own class for the same fault
        if fault := disk_fault(error, subject, folder):
            raise fault from error
        raise


def disk_fault(error: BaseException, subject: str, folder: Path) -> StoreError | None:
    """The fault of the disk that is behind an error; None when it is another one."""
    for cause in _chain(error):
        code = cause.errno if isinstance(cause, OSError) else None
        if code in _FULL_CODES or _FULL.search(str(cause)):
            return _full(subject, _place(cause, folder))
        if _FAILED.search(str(cause)) and shutil.disk_usage(_existing(folder)).free < _NO_ROOM:
            return _full(subject, folder)
        if code in _DENIED_CODES or _DENIED.search(str(cause)):
            return _denied(subject, _place(cause, folder), folder)
    return None


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there as a whole or as it was; its folder is made."""
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
    """The file that an error names, as its attribute or in its words; else the folder."""
    named = getattr(error, "filename2", None) or getattr(error, "filename", None)
    if isinstance(named, str | bytes):
        return folder / os.fsdecode(named)
    inside = [Path(found) for found in _PATH.findall(str(error)) if Path(found).is_relative_to(folder)]
    return inside[0] if inside else folder


def _full(subject: str, path: Path) -> StoreError:
    usage = shutil.disk_usage(_existing(path))
    return StoreError(
        f"{subject} can't be written to {path}: the disk is full ({_size(usage.free)} of "
        f"{_size(usage.total)} are free)",
        hint="free some space there, or name another state directory with MLOPS_STATE_DIR, and run again; "
        "what was finished before is kept",
    )


def _denied(subject: str, path: Path, folder: Path) -> StoreError:
    """The lowest folder that is not to be used tells more than the file that could not be made in it."""
    place = _existing(path)
    if place.is_file() and os.access(place, os.R_OK | os.W_OK):  # such as a database beside its journal
        place = place.parent
    lacking = " and ".join(
        word for word, mode in (("read", os.R_OK), ("written to", os.W_OK)) if not os.access(place, mode)
    )
    return StoreError(
        f"{subject}: {place} can't be {lacking or 'used'} by user {os.getuid()}, who runs this",
        hint=f"give that user the right to read and write {folder}, or name another state directory with "
        "MLOPS_STATE_DIR",
    )


def _existing(path: Path) -> Path:
    """The path, or the lowest folder above it that is there and can be looked at."""
    for place in (path, *path.parents):
        with suppress(PermissionError):
            if place.exists():
                return place
    return Path("/")


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def _chain(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
