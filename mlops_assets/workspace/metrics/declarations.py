"""Changes of the declarations that a running process has loaded."""

import os
from collections.abc import Iterator
from pathlib import Path


class Declarations:
    """The files below a folder, as they were when this object was created."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._loaded = folder, set(_files(folder))

    def have_changed(self) -> bool:
        """Whether a file was added, removed or written since."""
        return set(_files(self._folder)) != self._loaded


def _files(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Yield path, time and size of each file; compiled modules belong to the process that imports them."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            path = Path(parent, name)
            try:
                found = path.stat()
            except FileNotFoundError:  # removed, or a link to a file that does not exist
                continue
            yield str(path), found.st_mtime_ns, found.st_size
