"""How staged files become a table's content: moved into place, and made current by one commit.

The commit is optimistic: several processes may overwrite different partitions at once.
delta-rs writes a checkpoint every 100 commits, so opening a table reads at most 100 of them.
"""

import json
import logging
import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import PARTITION, view_name
from mlops_assets.stores.delta.content_digest import file_name, named_digest
from mlops_assets.stores.delta.data_files import data_files
from mlops_assets.stores.delta.locks import commit_lock
from mlops_assets.stores.delta.schema import missing_features, table_schema
from mlops_assets.stores.delta.staging import Staged

_ATTEMPTS = 50
_LOG = logging.getLogger(__name__)


def commit(
    root: Path,
    table: Sequence[str],
    staged: Staged,
    connection: duckdb.DuckDBPyConnection,
    facts: Mapping[str, str],
) -> tuple[int, bool]:
    """Make staged files the content, unless the content is the same already.

    Returns
    -------
    version, changed
        The version that holds the content, and whether this commit made it.
    """
    for attempt in range(_ATTEMPTS):
        try:
            # Under the lock, because two first writes of a partition don't conflict for Delta: neither
            # has anything to remove. The retry is for writers that know nothing of the lock.
            with commit_lock(root, table):
                return _commit_once(root.joinpath(*table), view_name(tuple(table)), staged, connection, facts)
        except CommitFailedError as error:
            _LOG.info("table %s: commit attempt %d: %s", view_name(tuple(table)), attempt + 1, error)
            time.sleep(random.uniform(0, 0.02 * (attempt + 1)))
    raise StoreError(
        f"table {view_name(tuple(table))}: other processes kept committing to it, "
        f"{_ATTEMPTS} attempts failed",
        hint="run it again; if it keeps failing, lower the number of parallel runs in dagster.yaml",
    )


def _commit_once(
    directory: Path,
    name: str,
    staged: Staged,
    connection: duckdb.DuckDBPyConnection,
    facts: Mapping[str, str],
) -> tuple[int, bool]:
    partition = staged.partition
    delta = _open_or_create(directory, staged.schema, partitioned=partition is not None)
    current = data_files(directory, delta)
    replaced = {file for file in current if file.partition == partition}
    there = all(Path(file.path).exists() for file in replaced)
    if there and named_digest([file.path for file in replaced]) == staged.digest:
        return int(delta.version()), False
    if staged.in_place and (gone := [file for file in staged.files if not file.exists()]):
        raise StoreError(
            f"table {name}: what would be restored was removed meanwhile: {gone[0]} is gone",
            hint="`mlops data versions` lists the others; `retention` in defs.yaml says how long they stay",
        )
    schema = staged.schema
    if partition is not None:
        others = (file.path for file in current if file not in replaced)
        schema = table_schema(connection, delta.schema(), staged, others, table=name)
    if missing := missing_features(delta, schema):
        delta.alter.add_feature(missing, allow_protocol_versions_increase=True)
        delta.update_incremental()
    actions: list[AddAction | RemoveAction] = [
        add_action(directory, file, partition)
        for file in (staged.files if staged.in_place else _put(directory, staged))
    ]
    delta.create_write_transaction(
        actions,
        mode="overwrite",
        schema=schema,
        partition_by=[PARTITION] if partition is not None else None,
        partition_filters=[(PARTITION, "=", partition)] if partition is not None else None,
        commit_properties=CommitProperties(custom_metadata=dict(facts)),
    )
    delta.update_incremental()  # under the lock, so that the newest version is the one just made
    return int(delta.version()), True


def _open_or_create(directory: Path, schema: Schema, *, partitioned: bool) -> DeltaTable:
    try:
        return DeltaTable(str(directory))
    except TableNotFoundError:
        return DeltaTable.create(
            str(directory),
            schema,
            partition_by=[PARTITION] if partitioned else None,
            # A model names the table version that it was trained on: versions stay until they are removed.
            configuration={"delta.enableExpiredLogCleanup": "false"},
        )


def _put(directory: Path, staged: Staged) -> list[Path]:
    """Move staged files to their place, under names that carry the content's digest."""
    folder = directory / f"{PARTITION}={staged.partition}" if staged.partition is not None else directory
    placed = []
    for file in staged.files:
        placed.append(folder / file_name(staged.digest, f"{file.parent.name[:8]}-{file.stem}"))
        if file.exists():  # else the commit is tried again
            folder.mkdir(exist_ok=True)
            file.rename(placed[-1])
    return placed


def add_action(directory: Path, file: Path, partition: str | None) -> AddAction:
    """What a commit says of a data file in a table's folder."""
    return AddAction(
        path=file.relative_to(directory).as_posix(),
        size=file.stat().st_size,
        partition_values={PARTITION: partition} if partition is not None else {},
        modification_time=int(time.time() * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": pq.read_metadata(file).num_rows}),
    )
