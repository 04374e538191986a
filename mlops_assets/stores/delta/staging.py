"""Staging: rows as Parquet files in a temporary folder, before a commit makes them the content of a table."""

import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
from deltalake import Schema

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import PARTITION
from mlops_assets.core.sql_quoting import literal

_STALE_SECONDS = 24 * 3600
_PARQUET = "format parquet, compression zstd, compression_level 1, dictionary_size_limit 1000"
"""Files are written a third faster than with the defaults of zstd and are a few per cent larger. The limit on
dictionaries avoids building those that Parquet discards because a column has too many values."""


@dataclass(frozen=True)
class Staged:
    """The files of a commit: the new content of a table, or of one of its partitions."""

    files: Sequence[Path]
    rows: duckdb.DuckDBPyRelation
    """The rows of the files, without the partition column."""
    schema: Schema
    """The Delta schema of the rows, with the partition column."""
    digest: str
    partition: str | None
    in_place: bool = False
    """Whether the files are in the table's folder already, as those of a restored version."""


@contextmanager
def staging(directory: Path) -> Iterator[Path]:
    """A temporary folder on the disk of `directory`, so that moving a file into place is a rename."""
    area = directory / "_staging"
    if area.is_dir():
        for left in area.iterdir():  # left by processes that were killed
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    folder = area / uuid.uuid4().hex
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stage(
    folder: Path, relations: Iterable[duckdb.DuckDBPyRelation], *, table: str, partition: str | None
) -> list[Path]:
    """Stream each relation once into its own file.

    Raises
    ------
    StoreError
        If there is no relation, or a relation has a partition column.
    """
    files: list[Path] = []
    for number, relation in enumerate(relations):
        if partition is not None and PARTITION in (name.lower() for name in relation.columns):
            raise StoreError(
                f"table {table}: the rows of partition {partition} have a column {PARTITION!r}, "
                "which is reserved for the warehouse",
                hint=f"omit the column: select * exclude ({PARTITION})",
            )
        files.append(folder / f"{number:05}.parquet")
        relation.query("staged", f"copy staged to {literal(files[-1])} ({_PARQUET})")
    if not files:
        raise StoreError(
            f"table {table}: no relation to write, so the columns are unknown",
            hint="write a relation without rows for an empty table",
        )
    return files
