"""The rows of an entity in all versions of a table: counted, and removed."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb

from mlops_assets.core import names
from mlops_assets.core.digests import file_digest, text_digest
from mlops_assets.core.errors import StoreError
from mlops_assets.core.sql_quoting import literal
from mlops_assets.stores.delta.content_digest import file_name, named_bytes, relation_digest
from mlops_assets.stores.delta.data_files import data_files
from mlops_assets.stores.delta.locks import commit_lock
from mlops_assets.stores.delta.log import open_table
from mlops_assets.stores.delta.rewritten_log import Content, Successor, TableLog
from mlops_assets.stores.delta.writing.staging import PARQUET, remove_unheld, staging
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.system.durable import flush_files
from mlops_assets.stores.warehouse.step_record import remove_record
from mlops_assets.stores.warehouse.warehouse import Warehouse

Condition = Callable[[Collection[str]], str | None]
"""The SQL condition of the rows to find, for the columns of a file; None if no row can be one."""
Counts = dict[Path, int | None]
"""The number of rows of each file; None for a file without the columns."""

_DAMAGED = "0" * 64
"""In the name of a file whose former one was damaged, in place of the digest of its bytes."""
_LOCKED_PARTITIONS = 100
"""Each lock is an open file, of which a process may have some thousand."""


@dataclass(frozen=True)
class Found:
    """The rows of an entity in a table.

    Attributes
    ----------
    rows, current
        The number of rows in all data files, and in those of the newest version.
    versions
        The number of versions that hold a row.
    searched
        Whether the table has the columns of the entity.
    """

    table: tuple[str, ...]
    rows: int
    current: int
    versions: int
    searched: bool


def find_rows(
    warehouse: Warehouse, connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], condition: Condition
) -> Found:
    """Count the rows in all data files of a table, also in those that no version names."""
    directory, name = warehouse.root.joinpath(*table), names.view_name(table)
    with translated_disk_errors(f"table {name}", directory):
        log = TableLog(directory, name)
        counts = _counts(connection, data_files_of(directory), condition)
        held = {file for file, count in counts.items() if count}
        versions: set[int] = set()
        for content in log.contents():
            if held & set(content.files(directory)):
                versions |= log.versions_with(content)
        newest = {Path(file.path) for file in data_files(directory, open_table(warehouse.root, table))}
    return Found(
        table,
        rows=sum(count or 0 for count in counts.values()),
        current=sum(count or 0 for file, count in counts.items() if file in newest),
        versions=len(versions),
        searched=any(count is not None for count in counts.values()),
    )


def remove_rows(
    warehouse: Warehouse, table: tuple[str, ...], condition: Condition, *, entity: str, at: str
) -> None:
    """Remove rows from all versions of a table.

    Every version stays readable. Its content lacks the rows, its digest is that of the remaining ones, and
    its commit records the digest before. A file that no version names, as an interrupted write leaves it, is
    removed if it holds a row.

    Parameters
    ----------
    entity, at
        The keyed digest of the entity and the time of the removal, for the commits.

    Raises
    ------
    StoreError
        If the log is incomplete, or another program has written the table.
    """
    directory, name = warehouse.root.joinpath(*table), names.view_name(table)
    with translated_disk_errors(f"table {name}", directory), warehouse.connect() as connection:
        held = _held(connection, TableLog(directory, name), directory, condition)
        partitions = iter(sorted({content.partition for content in held}, key=str))
        while chosen := list(islice(partitions, _LOCKED_PARTITIONS)):
            with ExitStack() as locks:
                for partition in chosen:
                    locks.enter_context(warehouse.turn(_lock_table(table), partition))
                locks.enter_context(commit_lock(warehouse.root, table))
                remove_record(warehouse.root, _lock_table(table))
                log = TableLog(directory, name)
                log.require_own()
                for content in _held(connection, log, directory, condition):
                    if content.partition in chosen:
                        _remove_from(connection, log, content, condition, entity=entity, at=at)
        with commit_lock(warehouse.root, table):
            _remove_unnamed(connection, directory, name, condition)
    remove_unheld(directory)


def data_files_of(directory: Path) -> Iterator[Path]:
    """All data files of a table, also those that no version names."""
    yield from sorted(directory.glob("*.parquet"))
    yield from sorted(directory.glob(f"{names.PARTITION}=*/*.parquet"))


def _held(
    connection: duckdb.DuckDBPyConnection, log: TableLog, directory: Path, condition: Condition
) -> list[Content]:
    """The contents with a row."""
    counts = _counts(connection, data_files_of(directory), condition)
    return [content for content in log.contents() if any(map(counts.get, content.files(directory)))]


def _remove_from(
    connection: duckdb.DuckDBPyConnection,
    log: TableLog,
    content: Content,
    condition: Condition,
    *,
    entity: str,
    at: str,
) -> None:
    """Replace a content by its remaining rows, in new files and in the log, and remove its files."""
    files = content.files(log.directory)
    if missing := [file for file in files if not file.is_file()]:
        raise StoreError(
            f"table {log.table}, version {content.versions[0]}: data file {missing[0]} is missing, and "
            f"others "
            "of its content hold rows of the entity",
            hint=f"remove old versions first: mlops data vacuum {log.table.partition('.')[0]}",
        )
    with staging(log.directory) as folder:
        successor = _successor(connection, folder, content, files, condition)
    log.replace(successor, entity=entity, at=at)
    for file in files:
        file.unlink(missing_ok=True)


def _successor(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    content: Content,
    files: Sequence[Path],
    condition: Condition,
) -> Successor:
    """Write the remaining rows of a content beside its files, and return their names.

    A removal must not hide damage: a file that has other bytes than its name states has a successor whose
    name matches no bytes.
    """
    staged, before = [], 0
    for number, file in enumerate(files):
        rows = connection.read_parquet(str(file), hive_partitioning=False)
        before += len(rows)
        found = condition(rows.columns)
        kept = rows if found is None else rows.filter(f"not {found}")
        staged.append(folder / f"{number:05}.parquet")
        kept.query("kept", f"copy (from kept) to {literal(staged[-1])} ({PARQUET})")
    after, digest = relation_digest(connection.read_parquet(list(map(str, staged)), union_by_name=True))
    placed: dict[str, tuple[str, int, int]] = {}
    for number, (path, file, new) in enumerate(zip(content.paths, files, staged, strict=True)):
        rows_of_file = len(connection.read_parquet(str(new)))
        # The name follows from that of the former file, so that a call after an interruption goes on with it.
        name = digest, text_digest(file.name)[:8], f"{number:05}"
        made = next(file.parent.glob(file_name(*name, "*")), None)
        final = made or new.rename(file.with_name(file_name(*name, _digest_of_successor(file, new))))
        flush_files([final])
        placed[path] = (final.name, final.stat().st_size, rows_of_file)
    return Successor(placed, after, digest, before - after)


def _digest_of_successor(file: Path, new: Path) -> str:
    recorded = named_bytes(str(file))
    is_damaged = recorded is not None and not file_digest(file).startswith(recorded)
    return _DAMAGED if is_damaged else file_digest(new)


def _remove_unnamed(
    connection: duckdb.DuckDBPyConnection, directory: Path, name: str, condition: Condition
) -> None:
    named = TableLog(directory, name).named_files()
    for file in data_files_of(directory):
        if file not in named and _counts(connection, [file], condition)[file]:
            file.unlink()


def _counts(
    connection: duckdb.DuckDBPyConnection, files: Iterator[Path] | Sequence[Path], condition: Condition
) -> Counts:
    found: Counts = {}
    for file in files:
        try:
            rows = connection.read_parquet(str(file), hive_partitioning=False)
            term = condition(rows.columns)
            found[file] = None if term is None else len(rows.filter(term))
        except duckdb.Error as error:
            raise StoreError(
                f"{file} can't be read, so its rows are unknown: {str(error).splitlines()[0]}",
                hint=f"compute the table again: mlops run {_project_of(file)} --force; if it is "
                "damaged still, because only former versions have it, remove it",
            ) from error
    return found


def _project_of(file: Path) -> str:
    """The project of a data file, which is in the folder of its table, or of a partition in it."""
    table = file.parent.parent if file.parent.name.startswith(f"{names.PARTITION}=") else file.parent
    return table.parent.name


def _lock_table(table: tuple[str, ...]) -> tuple[str, ...]:
    """Valid and quarantined rows are written under the lock of the valid rows."""
    if names.layer_of(table) != names.QUARANTINE:
        return table
    return tuple(names.table_asset(table[0], names.VALIDATED, names.table_of(table)))
