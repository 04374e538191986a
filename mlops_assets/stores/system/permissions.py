"""Permissions of the state directory: for its owner alone, unless `MLOPS_STATE_MODE` is set."""

import os
import stat
import struct
from contextlib import suppress
from pathlib import Path

from mlops_assets.core.errors import StoreError

STATE_MODE_VARIABLE = "MLOPS_STATE_MODE"
PRIVATE = 0o700
_UNCHANGED = "umask"
_DEFAULT_ACL = "system.posix_acl_default"
_VERSION, _ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_OWNER, _GROUP, _OTHERS, _NO_ID = 0x01, 0x04, 0x20, 0xFFFFFFFF
"""Tags of an access control list as Linux stores it."""


def state_mode() -> int | None:
    """Return the mode of new state directories; None if the umask decides, as for any other folder.

    Raises
    ------
    StoreError
        When `MLOPS_STATE_MODE` is not a mode that lets the owner use the directory.
    """
    declared = os.environ.get(STATE_MODE_VARIABLE, "")
    if declared == _UNCHANGED:
        return None
    try:
        mode = int(declared, 8) if declared else PRIVATE
    except ValueError:
        mode = 0
    if mode & PRIVATE != PRIVATE or mode & ~0o3777:
        raise StoreError(
            f"{STATE_MODE_VARIABLE} is {declared!r}, which is no mode of a directory that its owner can use",
            hint="write octal digits, such as 0700 for you alone or 2750 for readers in its group, or "
            f"{_UNCHANGED} to leave modes to the umask",
        )
    return mode


def create_directory(path: Path) -> None:
    """Create the state directory with its mode, if it does not exist; one that exists is not changed.

    Whatever program creates a file below, MLflow, Dagster or SQLite, the file gets no more permissions than
    the directory, by a default access control list. The umask would also restrict what user code of the same
    process writes elsewhere. Where the file system has no such lists, the mode of the directory protects.
    """
    mode = state_mode()
    if path.exists():
        return
    if mode is None:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(PRIVATE)
    except FileExistsError:  # another process was faster
        return
    if hasattr(os, "setxattr"):
        with suppress(OSError):
            os.setxattr(path, _DEFAULT_ACL, _access_list(mode))
    path.chmod(mode)


def wider_mode(path: Path) -> int | None:
    """Return the mode of a directory that permits more than `MLOPS_STATE_MODE`; else None."""
    allowed = state_mode()
    found = stat.S_IMODE(path.stat().st_mode)
    return found if allowed is not None and found & 0o077 & ~allowed else None


def limit_files(folder: Path) -> None:
    """Limit the modes of all files below a folder to those of their folders.

    For files that a program copied together with their modes, as MLflow copies artifacts from a temporary
    folder.
    """
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            limited = mode & (stat.S_IMODE(path.parent.stat().st_mode) | PRIVATE)
            if limited != mode:
                path.chmod(limited)


def _access_list(mode: int) -> bytes:
    entries = ((_OWNER, mode >> 6 & 7), (_GROUP, mode >> 3 & 7), (_OTHERS, mode & 7))
    return _VERSION.pack(2) + b"".join(_ENTRY.pack(tag, bits, _NO_ID) for tag, bits in entries)
