"""Damage of data files: a missing file, another size than in the log, other bytes than its name states."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlops_assets.core.digests import file_digest
from mlops_assets.stores.delta.content_digest import named_bytes
from mlops_assets.stores.delta.data_files import DataFile


@dataclass(frozen=True)
class Damage:
    """A data file that is not as it was written, and how."""

    file: DataFile
    problem: str

    def __str__(self) -> str:
        return f"data file {self.file.path} {self.problem}"


def find_damage(files: Iterable[DataFile], *, content: bool = False) -> Iterator[Damage]:
    """Compare data files with the log.

    Parameters
    ----------
    content
        Read the files, too, and compare their bytes with the digest in their names. By default only the sizes
        are compared, which a changed value may leave as they are.
    """
    for file in files:
        if problem := _problem(file, content=content):
            yield Damage(file, problem)


def has_known_bytes(file: DataFile) -> bool:
    """Whether the name of a file contains the digest of its bytes; the ledger's files have none."""
    return named_bytes(file.path) is not None


def _problem(file: DataFile, *, content: bool) -> str | None:
    try:
        size = os.stat(file.path).st_size  # noqa: PTH116 - a Path costs ten times as much, for each file of a table
        if file.size is not None and size != file.size:
            return f"has {size:,} bytes instead of {file.size:,}"
        recorded = named_bytes(file.path) if content else None
        if recorded is not None and not file_digest(Path(file.path)).startswith(recorded):
            return "was changed after it was written: its bytes do not match the digest in its name"
    except (FileNotFoundError, NotADirectoryError):
        return "is missing"
    except IsADirectoryError:
        return "is a folder"
    return None
