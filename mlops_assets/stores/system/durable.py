"""Flushing files and folders to the disk, so that a commit never names a file that a power failure loses."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

_UNSUPPORTED = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES}
"""Errors of file systems that cannot flush a folder, such as some network file systems."""


def flush_files(files: Iterable[Path], *folders: Path) -> None:
    """Flush files, then their folders and further ones; a file's name is part of its folder."""
    found = list(files)
    for file in found:
        _flush(file)
    for folder in dict.fromkeys((*(file.parent for file in found), *folders)):
        try:
            _flush(folder)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
