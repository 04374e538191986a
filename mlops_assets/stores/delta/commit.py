"""The commit of staged files as the content of a table, or of one of its partitions.

The commit is optimistic: several processes may overwrite different partitions at the same time.
"""

import json
import logging
import random
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from mlops_assets.core.digests import file_digest
from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import PARTITION, view_name
from mlops_assets.stores.delta.commit_metadata import removal_metadata
from mlops_assets.stores.delta.content_digest import file_name, named_bytes, named_digest
from mlops_assets.stores.delta.damage import find_damage, has_known_bytes
from mlops_assets.stores.delta.data_files import DataFile, data_files
from mlops_assets.stores.delta.locks import commit_lock
from mlops_assets.stores.delta.log import open_table
from mlops_assets.stores.delta.opened_tables import give_writer, opened_table, take_writer
from mlops_assets.stores.delta.schema import creatable, missing_features, table_schema
from mlops_assets.stores.delta.writing.staging import Staged
from mlops_assets.stores.system.durable import flush_files

CHECKPOINT_INTERVAL = 10
"""Minimum number of commits between two checkpoints of the log."""
_LONG_LOG = 20
"""Of a long log, it is its length divided by this: a checkpoint names all files of the table."""
_ATTEMPTS = 50
_POINTER = "_last_checkpoint"
_LOG = logging.getLogger(__name__)


class DeclaredPartitions(Protocol):
    """The partitions that a table may have, such as `Periods`."""

    def __contains__(self, key: str, /) -> bool: ...


def commit(
    root: Path,
    table: Sequence[str],
    staged: Staged,
    connection: duckdb.DuckDBPyConnection,
    metadata: Mapping[str, str],
) -> tuple[int, bool]:
    """Commit staged files, unless the table has this content already.

    Parameters
    ----------
    metadata
        Custom metadata of the Delta commit, see `custom_metadata`.

    Returns
    -------
    version, changed
        The version with the content, and whether it is a new one.

    Raises
    ------
    StoreError
        If a column can't be reconciled with other partitions, files to restore were removed, or other
        processes keep committing to the table.
    """
    for attempt in range(_ATTEMPTS):
        try:
            # The lock is needed because two first writes of a partition do not conflict in Delta: neither
            # removes a file. The retry is for programs that do not use the lock.
            with commit_lock(root, table):
                return _commit_once(
                    root.joinpath(*table), view_name(tuple(table)), staged, connection, metadata
                )
        except CommitFailedError as error:
            _LOG.info("table %s: commit attempt %d: %s", view_name(tuple(table)), attempt + 1, error)
            time.sleep(random.uniform(0, 0.02 * (attempt + 1)))
    raise StoreError(
        f"table {view_name(tuple(table))}: all {_ATTEMPTS} attempts to commit failed "
        "because of commits by other processes",
        hint="run again. If the error persists, reduce the number of concurrent runs in dagster.yaml.",
    )


def _commit_once(
    directory: Path,
    name: str,
    staged: Staged,
    connection: duckdb.DuckDBPyConnection,
    metadata: Mapping[str, str],
) -> tuple[int, bool]:
    partition = staged.partition
    delta = _open_or_create(directory, staged.schema, partitioned=partition is not None)
    current = data_files(directory, delta)
    replaced = {file for file in current if file.partition == partition}
    if named_digest([file.path for file in replaced]) == staged.digest and _are_intact(replaced, staged):
        give_writer(directory, delta)
        return int(delta.version()), False
    if staged.in_place and (missing_files := [file for file in staged.files if not file.exists()]):
        raise StoreError(
            f"table {name}: a file of the version to restore was removed meanwhile: {missing_files[0]}",
            hint="choose another version from `mlops data versions`. `retention` in defs.yaml sets how long "
            "versions are kept.",
        )
    schema = staged.schema
    if partition is not None:
        others = (file.path for file in current if file not in replaced)
        schema = table_schema(connection, delta.schema(), staged, others, table=name)
    if missing := missing_features(delta, schema):
        delta.alter.add_feature(missing, allow_protocol_versions_increase=True)
        delta.update_incremental()
    files = staged.files if staged.in_place else _put(directory, staged)
    actions: list[AddAction | RemoveAction] = [add_action(directory, file, partition) for file in files]
    flush_files(files, directory)  # before the commit that names them
    delta.create_write_transaction(
        actions,
        mode="overwrite",
        schema=schema,
        partition_by=[PARTITION] if partition is not None else None,
        partition_filters=[(PARTITION, "=", partition)] if partition is not None else None,
        commit_properties=CommitProperties(custom_metadata=dict(metadata)),
    )
    delta.update_incremental()  # under the lock, so that the newest version is that of this commit
    finish_commit(directory, delta)
    give_writer(directory, delta)
    return int(delta.version()), True


def remove_partitions(
    root: Path, table: Sequence[str], declared: DeclaredPartitions, *, dagster_run_id: str | None
) -> list[str]:
    """Commit the removal of the partitions that are not declared, if there are any; return them."""
    directory = root.joinpath(*table)
    if not _undeclared(root, table, declared):
        return []
    with commit_lock(root, table):
        if removed := _undeclared(root, table, declared):
            delta = open_table(root, table)
            delta.create_write_transaction(
                [],
                mode="overwrite",
                schema=delta.schema(),
                partition_by=[PARTITION],
                partition_filters=[(PARTITION, "in", removed)],
                commit_properties=CommitProperties(custom_metadata=removal_metadata(removed, dagster_run_id)),
            )
            delta.update_incremental()
            finish_commit(directory, delta)
    return removed


def _undeclared(root: Path, table: Sequence[str], declared: DeclaredPartitions) -> list[str]:
    found = {file.partition for file in opened_table(root, table).files}
    return sorted(partition for partition in found if partition and partition not in declared)


def finish_commit(directory: Path, delta: DeltaTable) -> None:
    """Flush a commit to the disk, with the folders of a new table, and write a checkpoint if it is due.

    delta-rs does not flush, and writes a checkpoint every 100 commits: opening a table then reads up to 100
    files, which takes ten times as long as with a checkpoint.
    """
    log, version = directory / "_delta_log", int(delta.version())
    commit_file = log / f"{version:020}.json"
    flush_files([commit_file] if commit_file.is_file() else [], directory, directory.parent)
    if not is_checkpoint_due(version, _last_checkpoint(log)):
        return
    try:
        delta.create_checkpoint()
        flush_files([log / f"{version:020}.checkpoint.parquet", log / _POINTER])
    except (DeltaError, OSError) as error:  # the table is complete without it, and the commit is made
        _LOG.warning("the checkpoint of %s at version %d was not written: %s", directory, version, error)


def is_checkpoint_due(version: int, last: int) -> bool:
    """Whether a commit writes a checkpoint, given the version of the last one."""
    return version - last >= max(CHECKPOINT_INTERVAL, version // _LONG_LOG)


def _last_checkpoint(log: Path) -> int:
    """The version of the last checkpoint; -1 if there is none, or what refers to it is damaged."""
    try:
        return int(json.loads((log / _POINTER).read_text("utf-8"))["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return -1


def _open_or_create(directory: Path, schema: Schema, *, partitioned: bool) -> DeltaTable:
    if (delta := take_writer(directory)) is not None:
        return delta
    try:
        return DeltaTable(str(directory))
    except TableNotFoundError:
        return DeltaTable.create(
            str(directory),
            creatable(schema),
            partition_by=[PARTITION] if partitioned else None,
            # Models refer to the table versions that they were trained on, so the log must be kept.
            configuration={"delta.enableExpiredLogCleanup": "false"},
        )


def _are_intact(current: Collection[DataFile], staged: Staged) -> bool:
    """Whether files with the staged rows are as they were written, after a repair if it is possible.

    Files of earlier versions of mlops_assets have no digest of their bytes in their names, so that damage
    would not be found. They are written anew.
    """
    if not staged.in_place and not all(map(has_known_bytes, current)):
        return False
    return not any(find_damage(current, content=True)) or _put_back(current, staged)


def _put_back(current: Collection[DataFile], staged: Staged) -> bool:
    """Replace the damaged files of a table by staged ones with the same bytes, if they are there.

    The version and all older ones that refer to these files are then as they were written.
    """
    if staged.in_place:
        return False
    written = {file_digest(file): file for file in staged.files}
    found: dict[Path, Path] = {}
    for damage in find_damage(current, content=True):
        recorded = named_bytes(damage.file.path)
        same = [file for digest, file in written.items() if recorded and digest.startswith(recorded)]
        if not same or Path(damage.file.path).is_dir():
            return False
        found[Path(damage.file.path)] = same[0]
    for damaged, intact in found.items():
        flush_files([intact])
        damaged.parent.mkdir(exist_ok=True)
        intact.replace(damaged)
        flush_files([], damaged.parent)
    return True


def _put(directory: Path, staged: Staged) -> list[Path]:
    """Move staged files into the table's folder, with names that contain the digests of content and bytes."""
    folder = directory / f"{PARTITION}={staged.partition}" if staged.partition is not None else directory
    placed = []
    for file in staged.files:
        if not file.exists():  # a failed attempt has moved it already
            [moved] = folder.glob(file_name(staged.digest, file.parent.name[:8], file.stem, "*"))
            placed.append(moved)
            continue
        folder.mkdir(exist_ok=True)
        digest = staged.recorded.get(file) or file_digest(file)
        name = file_name(staged.digest, file.parent.name[:8], file.stem, digest)
        placed.append(file.rename(folder / name))
    return placed


def add_action(directory: Path, file: Path, partition: str | None) -> AddAction:
    """The add action of a data file in a table's folder."""
    return AddAction(
        path=file.relative_to(directory).as_posix(),
        size=file.stat().st_size,
        partition_values={PARTITION: partition} if partition is not None else {},
        modification_time=int(time.time() * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": pq.read_metadata(file).num_rows}),
    )
