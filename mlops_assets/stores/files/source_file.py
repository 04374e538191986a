"""A source file: name, format, content digest and dialect."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect

Format = Literal["csv", "parquet", "jsonl"]

SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".ndjson": "jsonl",
    ".ndjson.gz": "jsonl",
}
ALL_SUFFIXES = tuple(SUFFIXES)


class FoundFile(NamedTuple):
    """A listed file, not yet opened."""

    name: str
    """The path relative to the source's folder, with slashes."""
    path: str
    size: int
    mtime_ns: int


class Stamp(NamedTuple):
    """The file attributes that identify unchanged content, and the time of the check."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    checked_ns: int

    @classmethod
    def of(cls, path: Path) -> "Stamp":
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, time.time_ns())


@dataclass(frozen=True)
class SourceFile:
    """One file of a table.

    Attributes
    ----------
    name
        The path relative to the source's folder, so that it does not depend on where the folder is.
    sha256
        Digest of the bytes. For a remote file before it is copied: digest of its version identifier.
    dialect
        The dialect, for CSV files.
    stamp
        The file attributes before hashing. None disables the check that the file was not changed since.
    """

    path: Path
    name: str
    format: Format
    sha256: str
    dialect: Dialect = DEFAULT_DIALECT
    stamp: Stamp | None = field(default=None, compare=False)


def format_of(name: str) -> Format | None:
    """The format for a file's suffix; None if it is not supported."""
    name = name.lower()
    if not name.endswith(ALL_SUFFIXES):
        return None
    return next(kind for suffix, kind in SUFFIXES.items() if name.endswith(suffix))
