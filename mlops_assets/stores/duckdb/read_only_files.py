"""Files for DuckDB that can't be written: a file system of some paths, with handles that only read."""

import os
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem

SCHEME = "tables://"


class ReadOnlyFiles(AbstractFileSystem):
    """A file system for `duckdb.DuckDBPyConnection.register_filesystem`.

    A file is opened by the operating system for reading, whatever a statement does with it. Addresses are the
    absolute paths behind `SCHEME`. The methods are those that DuckDB calls.

    Parameters
    ----------
    paths
        The absolute paths that can be read.
    """

    protocol = SCHEME.removesuffix("://")
    cachable = False

    def __init__(self, paths: Iterable[str] = ()) -> None:
        super().__init__()
        self._paths = set(paths)

    def allow(self, paths: Iterable[str]) -> None:
        """Add paths that can be read."""
        self._paths.update(paths)

    def open(self, path: str, mode: str = "rb", **_: Any) -> "_ReadOnlyFile":
        if mode != "rb":
            raise PermissionError(f"{path} is read-only, and can't be opened to write")
        return _ReadOnlyFile(self._readable(path))

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        found = self._readable(path)
        return {"name": found, "size": Path(found).stat().st_size, "type": "file"}

    def modified(self, path: str) -> datetime:
        return datetime.fromtimestamp(Path(self._readable(path)).stat().st_mtime, UTC)

    def exists(self, path: str, **_: Any) -> bool:
        return path.removeprefix(SCHEME) in self._paths

    def glob(self, path: str, **_: Any) -> list[str]:
        return [path.removeprefix(SCHEME)] if self.exists(path) else []

    def _readable(self, path: str) -> str:
        if not self.exists(path):
            raise PermissionError(f"{path} is not a file of a table")
        return path.removeprefix(SCHEME)


class _ReadOnlyFile(FileIO):
    """A file with a position for each thread: DuckDB's threads share a handle, and seek before they read."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "rb")
        self._own = threading.local()

    def seek(self, position: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell()}.get(whence)
        self._own.position = position + (os.fstat(self.fileno()).st_size if start is None else start)
        return self.tell()

    def tell(self) -> int:
        return int(getattr(self._own, "position", 0))

    def read(self, size: int | None = -1, /) -> bytes:
        left = os.fstat(self.fileno()).st_size - self.tell()
        found = os.pread(self.fileno(), left if size is None or size < 0 else size, self.tell())
        self._own.position = self.tell() + len(found)
        return found
