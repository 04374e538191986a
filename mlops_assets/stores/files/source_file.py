"""A source file: name, format, content digest and dialect."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect

Format = Literal["csv", "parquet", "jsonl", "excel"]

SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "csv",
    ".tsv.gz": "csv",
    ".tab": "csv",
    ".parquet": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".ndjson": "jsonl",
    ".ndjson.gz": "jsonl",
    ".json": "jsonl",
    ".json.gz": "jsonl",
}
ALL_SUFFIXES = tuple(SUFFIXES)
"""Suffixes of the files of a folder."""
_NAMED_ONLY: dict[str, Format] = {".txt": "csv", ".txt.gz": "csv"}
"""Suffixes of files that are read if a path or a glob names them: a folder may contain a readme.txt."""
LOCK_PREFIX = "~$"
"""Excel writes such a file beside an open workbook."""


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
    known = SUFFIXES | _NAMED_ONLY
    return next((kind for suffix, kind in known.items() if name.endswith(suffix)), None)


def is_json_lines(path: Path) -> bool:
    """Whether each line is one object; a file `.json` may be an array of objects, over several lines."""
    return not path.name.lower().endswith((".json", ".json.gz"))


def is_source_name(name: str) -> bool:
    """Whether a file of a folder is one of its source files, by its name without the folder."""
    return name.lower().endswith(ALL_SUFFIXES) and not name.startswith(LOCK_PREFIX)
