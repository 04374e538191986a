"""The size of a project's files in the state directory."""

import os
from collections.abc import Iterable
from pathlib import Path


def disk_bytes(folders: Iterable[Path]) -> int:
    """The size of all files below folders; a folder that does not exist has none. Links are not followed."""
    return sum(_size(str(folder)) for folder in folders)


def _size(folder: str) -> int:
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    total += _size(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    except OSError:  # removed meanwhile by a vacuum, or not readable: a size is not worth an error
        pass
    return total
