"""Where rows lie as Parquet files before a commit makes them a table's content."""

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
"""A third quicker to write than zstd by default, and a few per cent larger: above some thousand values a
dictionary is made in vain."""


@dataclass(frozen=True)
class Staged:
    """Files that are about to become the content of a table or of one of its partitions."""

    files: Sequence[Path]
    rows: duckdb.DuckDBPyRelation
    """What the files hold, without the partition column."""
    schema: Schema
    """The same as Delta holds it, with the partition column."""
    digest: str
    partition: str | None
    in_place: bool = False
    """Whether the files are where they belong already, as those of a version that is restored."""


@contextmanager
def staging(directory: Path) -> Iterator[Path]:
    """A folder inside the table's, so that moving a file into place is a rename."""
    area = directory / "_staging"
    if area.is_dir():
        for left in area.iterdir():  # of writers that were killed
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
    """Stream each relation, once, into a file of its own."""
    files: list[Path] = []
    for number, relation in enumerate(relations):
        if partition is not None and PARTITION in (name.lower() for name in relation.columns):
            raise StoreError(
                f"table {table}: the rows of partition {partition} have a column {PARTITION!r}, "
                "which the warehouse adds itself",
                hint=f"leave it out: select * exclude ({PARTITION})",
            )
        files.append(folder / f"{number:05}.parquet")
        relation.query("staged", f"copy staged to {literal(files[-1])} ({_PARQUET})")
    if not files:
        raise StoreError(
            f"table {table}: there is no relation to write, so its columns are not known",
            hint="write one without rows to leave the table empty",
        )
    return files
