"""Staging: rows as Parquet files in a temporary folder, before a commit makes them the content of a table."""

import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import duckdb
from deltalake import Schema
from filelock import FileLock, Timeout

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import PARTITION
from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.stores.delta.content_digest import RowHashes, content_digest, relation_content
from mlops_assets.stores.delta.writing.parquet_stream import Streamed, stream_rows
from mlops_assets.stores.delta.writing.stored_types import (
    OUT_OF_RANGE,
    WIDE_INTEGERS,
    stored_columns,
    text_sql,
)

_STALE_SECONDS = 24 * 3600
PARQUET = "format parquet, compression zstd, compression_level 1, dictionary_size_limit 1000"
"""The format of files that are rewritten, as near to that of `stream_rows` as DuckDB's options are."""


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
    recorded: Mapping[Path, str] = field(default_factory=dict)
    """The recorded digests of the bytes of files that are kept: a new digest would hide their damage."""


@contextmanager
def staging(directory: Path) -> Iterator[Path]:
    """A temporary folder on the disk of `directory`, so that moving a file into place is a rename.

    A lock beside the folder is held as long as it is used: a write may take days. Folders without a holder
    were left by processes that were killed, and are removed after a day.
    """
    area = directory / "_staging"
    area.mkdir(parents=True, exist_ok=True)
    folder = area / uuid.uuid4().hex
    held = _lock_of(folder)
    with _area_lock(area):  # a lock file is created and removed by one process at a time
        _remove_left(area)
        held.acquire()
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with _area_lock(area):
            Path(held.lock_file).unlink(missing_ok=True)
            held.release()


def remove_unheld(directory: Path) -> None:
    """Remove the staging folders of a table that no process holds, however new they are."""
    area = directory / "_staging"
    if area.is_dir():
        with _area_lock(area):
            _remove_left(area, older_than=0)


def _remove_left(area: Path, *, older_than: float = _STALE_SECONDS) -> None:
    """Remove folders that no process holds."""
    for left in [path for path in area.iterdir() if path.is_dir()]:
        try:
            changed = left.stat().st_mtime
        except FileNotFoundError:  # its holder has removed it meanwhile, which needs no lock of the area
            continue
        if time.time() - changed < older_than:
            continue
        lock = _lock_of(left)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            continue
        shutil.rmtree(left, ignore_errors=True)
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def _lock_of(folder: Path) -> FileLock:
    return FileLock(folder.with_suffix(".lock"))


def _area_lock(area: Path) -> FileLock:
    return FileLock(area / ".lock", poll_interval=0.01)


def stage(
    folder: Path,
    relations: Iterable[duckdb.DuckDBPyRelation],
    connection: duckdb.DuckDBPyConnection,
    *,
    table: str,
    partition: str | None,
    first: int = 0,
) -> dict[Path, Streamed]:
    """Stream each relation once into files of its own, with the types that a table stores.

    Integers wider than BIGINT, such as the sum of a BIGINT, are stored as BIGINT if all values fit, and
    otherwise as a decimal.

    Parameters
    ----------
    connection
        Reads staged files; the relations may belong to another one.
    first
        The number of the first file.

    Returns
    -------
    The files in the order of the relations, and what was written into each.

    Raises
    ------
    StoreError
        If there is no relation, a relation has a partition column, or a value can't be stored.
    """
    files: dict[Path, Streamed] = {}
    wide: dict[str, None] = {}
    paths = (folder / f"{number:05}.parquet" for number in count(first))
    for relation in relations:
        if partition is not None and PARTITION in (name.lower() for name in relation.columns):
            raise StoreError(
                f"table {table}: the rows of partition {partition} have a column {PARTITION!r}, "
                "which is reserved for the warehouse",
                hint=f"omit the column: select * exclude ({PARTITION})",
            )
        types = zip(relation.columns, relation.types, strict=True)
        wide.update(dict.fromkeys(name for name, kind in types if kind.id in WIDE_INTEGERS))
        files |= _write(stored_columns(relation, subject=f"table {table}"), paths, table)
    if not files:
        raise StoreError(
            f"table {table}: no relation to write, so the columns are unknown",
            hint="write a relation without rows for an empty table",
        )
    if wide:
        _narrow(connection, list(files), list(wide))
    return files


def staged_content(rows: duckdb.DuckDBPyRelation, streamed: Iterable[Streamed]) -> tuple[RowHashes, str]:
    """The summed hashes of the rows of staged files, and the digest of their content.

    Files are read only if their rows are not those that were hashed: columns were rewritten, or files with
    different columns are read as one.
    """
    columns = dict(zip(rows.columns, map(str, rows.types), strict=True))
    found = list(streamed)
    if any(one.columns != columns for one in found):
        return relation_content(rows)
    hashes = RowHashes(sum(one.hashes.rows for one in found), sum(one.hashes.total for one in found))
    return hashes, content_digest(columns, hashes)


def _write(rows: duckdb.DuckDBPyRelation, paths: Iterator[Path], table: str) -> dict[Path, Streamed]:
    try:
        return stream_rows(rows, paths)
    except duckdb.InvalidInputException as error:
        if OUT_OF_RANGE not in str(error):
            raise
        reason = str(error).splitlines()[0].removeprefix("Invalid Input Error: ")
        raise StoreError(
            f"table {table}: {reason}", hint="correct the value, or cast the column to a text"
        ) from error


def _narrow(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], columns: Sequence[str]) -> None:
    """Rewrite files so that integers are BIGINT where all of them fit."""
    rows = connection.read_parquet([str(file) for file in files], union_by_name=True)
    lost = (f"count({quoted(name)}) - count(try_cast({quoted(name)} as bigint))" for name in columns)
    counts = rows.aggregate(", ".join(lost)).fetchall()[0]
    narrowed = {
        name: f"{quoted(name)}::bigint" for name, count in zip(columns, counts, strict=True) if not count
    }
    _rewrite(connection, files, narrowed)


def as_text(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], columns: Iterable[str]) -> None:
    """Rewrite staged files with some columns as text."""
    for file in files:
        rows = connection.read_parquet(str(file))
        kinds = dict(zip(rows.columns, rows.types, strict=True))
        found = [name for name in columns if name in kinds]
        _rewrite(connection, [file], {name: text_sql(quoted(name), kinds[name]) for name in found})


def _rewrite(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], columns: Mapping[str, str]
) -> None:
    if not columns:
        return
    replaced = ", ".join(f"{value} as {quoted(name)}" for name, value in columns.items())
    for file in files:
        rewritten = file.with_suffix(".rewritten")
        source = f"select * replace ({replaced}) from read_parquet({literal(file)})"
        connection.execute(f"copy ({source}) to {literal(rewritten)} ({PARQUET})")
        rewritten.rename(file)
