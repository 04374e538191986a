"""Places that hold source files: what listing, dating and reading them need of one."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from mlops_assets.core.digests import file_digest
from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.csv_dialect import USUAL, Dialect
from mlops_assets.stores.files.listing import list_files, open_files, some_files
from mlops_assets.stores.files.source_file import FoundFile, SourceFile


class Files(Protocol):
    """Where the files of a table are."""

    dialect: Dialect
    """How its CSV files are written."""

    @property
    def shown(self) -> str:
        """The place, for people."""

    def listing(self, *, deep: bool = False) -> list[FoundFile]:
        """The files that there are with size and time, sorted by name; none of them is opened."""

    def some(self, *, deep: bool = False, subject: str) -> list[FoundFile]:
        """The same, when there is anything.

        Raises
        ------
        DataError
            When there is no file.
        """

    def digest(self, file: FoundFile) -> str:
        """A digest of the content, or of what the place tells instead of it, such as an etag."""

    def is_as_listed(self, file: FoundFile) -> bool:
        """Whether a file is still as it was listed."""

    def open(self, found: Iterable[FoundFile], *, subject: str) -> list[SourceFile]:
        """Digest listed files.

        Raises
        ------
        DataError
            When one has an unknown format, or can't be read.
        """

    def bring(self, file: SourceFile, *, subject: str) -> SourceFile:
        """The file on this machine, with the SHA-256 of its bytes.

        Raises
        ------
        DataError
            When it can't be read.
        """

    def told(self, error: DataError) -> DataError:
        """An error that names the file where it is, not where its copy lies."""


class LocalFiles:
    """A file, a glob or a folder on this machine."""

    def __init__(self, path: Path, dialect: Dialect = USUAL) -> None:
        self.path, self.dialect = path, dialect

    @property
    def shown(self) -> str:
        return str(self.path)

    def listing(self, *, deep: bool = False) -> list[FoundFile]:
        return list_files(self.path, deep=deep)

    def some(self, *, deep: bool = False, subject: str) -> list[FoundFile]:
        return some_files(self.path, deep=deep, subject=subject)

    def digest(self, file: FoundFile) -> str:
        return file_digest(Path(file.path))

    def is_as_listed(self, file: FoundFile) -> bool:
        try:
            status = os.stat(file.path)  # noqa: PTH116
        except FileNotFoundError:
            return False
        return (status.st_size, status.st_mtime_ns) == (file.size, file.mtime_ns)

    def open(self, found: Iterable[FoundFile], *, subject: str) -> list[SourceFile]:
        return open_files(found, dialect=self.dialect, subject=subject)

    def bring(self, file: SourceFile, *, subject: str) -> SourceFile:  # noqa: ARG002 - it is here
        return file

    def told(self, error: DataError) -> DataError:
        return error


def as_files(source: Path | Files) -> Files:
    """A path is files on this machine."""
    return LocalFiles(source) if isinstance(source, Path) else source
