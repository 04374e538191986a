"""Content of a table that a new version keeps, so that only added rows are written."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from mlops_assets.stores.delta.content_digest import RowHashes, content_digest, named_bytes, named_digest
from mlops_assets.stores.delta.damage import find_damage, has_known_bytes
from mlops_assets.stores.delta.data_files import DataFile
from mlops_assets.stores.delta.writing.parquet_stream import Streamed

MOST_FILES = 64
"""A content of more files is written anew: each addition links all files, and readers open all of them."""


class AllRowsNeededError(Exception):
    """The rows of a table can't be added to its content; the message is the reason."""


@dataclass(frozen=True)
class KeptContent:
    """The files of a version that the next version keeps, with the sum of their row hashes.

    Attributes
    ----------
    files
        In the order of their rows.
    """

    files: tuple[DataFile, ...]
    columns: Mapping[str, str]
    hashes: RowHashes

    @classmethod
    def of(
        cls,
        connection: duckdb.DuckDBPyConnection,
        files: Sequence[DataFile],
        *,
        digest: str,
        hashes: RowHashes,
        table: str,
    ) -> "KeptContent":
        """The content of files, which is verified.

        Parameters
        ----------
        files
            The files of the newest version.
        digest, hashes
            The digest of the content that was written, and the sum that it is the digest of.

        Raises
        ------
        AllRowsNeededError
            If the files have another content, a file is damaged, or there are too many files.
        """
        if named_digest([file.path for file in files]) != digest or not all(map(has_known_bytes, files)):
            raise AllRowsNeededError(f"the content of {table} is not the one that the last run wrote")
        if len(files) >= MOST_FILES:
            raise AllRowsNeededError(f"{table} has {len(files)} files, which are merged")
        if damage := next(find_damage(files, content=True), None):
            raise AllRowsNeededError(f"{table} is damaged: {damage}")
        rows = connection.read_parquet([file.path for file in files], hive_partitioning=False)
        columns = dict(zip(rows.columns, map(str, rows.types), strict=True))
        if content_digest(columns, hashes) != digest:
            raise AllRowsNeededError(f"DuckDB {duckdb.__version__} hashes the rows of {table} in another way")
        return cls(tuple(files), columns, hashes)

    @property
    def streamed(self) -> Streamed:
        """The rows of the files, as if they had been written now."""
        return Streamed(dict(self.columns), self.hashes)

    def link(self, folder: Path) -> dict[Path, str]:
        """Put the files into a staging folder, as further names of the same bytes where the disk has these.

        All files of a version have its digest in their names, so a kept file needs a name for each version.

        Returns
        -------
        The staged files in the order of their rows, and the recorded digest of the bytes of each.
        """
        staged = {}
        for number, file in enumerate(self.files):
            target = folder / f"{number:05}.parquet"
            try:
                os.link(file.path, target)
            except OSError:  # a file system without links
                shutil.copyfile(file.path, target)
            staged[target] = named_bytes(file.path) or ""
        return staged


def added_files(files: Sequence[DataFile], known: Sequence[str], *, table: str) -> list[DataFile]:
    """The files of a content beside those with known bytes; files with equal bytes have equal rows.

    Parameters
    ----------
    known
        The recorded digests of the bytes of files, see `recorded_bytes`.

    Raises
    ------
    AllRowsNeededError
        If the content lacks one of the known files, or has no other one.
    """
    missing = list(known)
    added = []
    for file, digest in zip(files, recorded_bytes(files), strict=True):
        if digest in missing:
            missing.remove(digest)
        else:
            added.append(file)
    if missing or not known:
        raise AllRowsNeededError(f"{table} was written anew")
    if not added:
        raise AllRowsNeededError(f"{table} has no new rows")
    return added


def recorded_bytes(files: Sequence[DataFile]) -> list[str]:
    """The digests of the bytes in the names of files; empty for a file of another program."""
    return [named_bytes(file.path) or "" for file in files]
