"""A source file: its format, content digest and dialect."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from mlops_assets.stores.files.csv_dialect import USUAL, Dialect

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
_ALL_SUFFIXES = tuple(SUFFIXES)


class FoundFile(NamedTuple):
    """A file as the folder lists it, not yet opened."""

    name: str
    """Its path below the source's folder, with slashes."""
    path: str
    size: int
    mtime_ns: int


class Stamp(NamedTuple):
    """What tells that a file is the same one, and when that was looked at."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    seen_ns: int

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
        Its path below the folder that holds all files of the table: where the files lie may change.
    sha256
        Of its bytes.
    dialect
        How it is written, if it is CSV.
    stamp
        What it was before it was hashed; without one it can't be told whether it changed while it was read.
    """

    path: Path
    name: str
    format: Format
    sha256: str
    dialect: Dialect = USUAL
    stamp: Stamp | None = field(default=None, compare=False)


def format_of(name: str) -> Format | None:
    """The format that a file's name tells; None when it tells none that can be read."""
    name = name.lower()
    if not name.endswith(_ALL_SUFFIXES):
        return None
    return next(kind for suffix, kind in SUFFIXES.items() if name.endswith(suffix))
