"""Locations of source files: the protocol, and the local implementation."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from mlops_assets.core.digests import file_digest
from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect
from mlops_assets.stores.files.listing import hash_files, list_files, require_files
from mlops_assets.stores.files.source_file import FoundFile, SourceFile


class Files(Protocol):
    """The location of a table's files."""

    dialect: Dialect
    """The dialect of the CSV files."""

    @property
    def display_name(self) -> str:
        """The path or the URL, for messages; it contains no secret."""

    def list_files(self, *, deep: bool = False) -> list[FoundFile]:
        """The files with size and modification time, sorted by name; no file is opened."""

    def require_files(self, *, deep: bool = False, subject: str) -> list[FoundFile]:
        """The same as `list_files`, but at least one file.

        Raises
        ------
        DataError
            If there is no file.
        """

    def digest(self, file: FoundFile) -> str:
        """A digest of the content, or of a version identifier such as an ETag."""

    def is_unchanged(self, file: FoundFile) -> bool:
        """Whether a file still has the listed size and modification time."""

    def hash_files(self, found: Iterable[FoundFile], *, subject: str) -> list[SourceFile]:
        """Listed files with their digests.

        Raises
        ------
        DataError
            If a file has an unknown format, or can't be read.
        """

    def local_copy(self, file: SourceFile, *, subject: str) -> SourceFile:
        """The file on the local disk, with the SHA-256 of its bytes.

        Raises
        ------
        DataError
            If the file can't be read.
        """

    def with_source_path(self, error: DataError) -> DataError:
        """The same error with the original path or URL of a file instead of that of its local copy."""


class LocalFiles:
    """A file, a glob or a folder on the local disk."""

    def __init__(self, path: Path, dialect: Dialect = DEFAULT_DIALECT) -> None:
        self.path, self.dialect = path, dialect

    @property
    def display_name(self) -> str:
        return str(self.path)

    def list_files(self, *, deep: bool = False) -> list[FoundFile]:
        return list_files(self.path, deep=deep)

    def require_files(self, *, deep: bool = False, subject: str) -> list[FoundFile]:
        return require_files(self.path, deep=deep, subject=subject)

    def digest(self, file: FoundFile) -> str:
        return file_digest(Path(file.path))

    def is_unchanged(self, file: FoundFile) -> bool:
        try:
            status = os.stat(file.path)  # noqa: PTH116
        except FileNotFoundError:
            return False
        return (status.st_size, status.st_mtime_ns) == (file.size, file.mtime_ns)

    def hash_files(self, found: Iterable[FoundFile], *, subject: str) -> list[SourceFile]:
        return hash_files(found, dialect=self.dialect, subject=subject)

    def local_copy(self, file: SourceFile, *, subject: str) -> SourceFile:  # noqa: ARG002 - the file is local
        return file

    def with_source_path(self, error: DataError) -> DataError:
        return error


def as_files(source: Path | Files) -> Files:
    """The location for a path; other locations are returned unchanged."""
    return LocalFiles(source) if isinstance(source, Path) else source
