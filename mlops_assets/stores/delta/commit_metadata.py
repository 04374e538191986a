"""Custom metadata of Delta commits: it links a version to its Dagster run and its inputs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from mlops_assets.core.errors import StoreError

_LOG_HINT = "restore the files of its log from a backup; see docs/operations.md"

FORGOTTEN = "mlops.forgotten"
"""Entry of a commit: for each entity whose rows were removed from its content, the keyed digest, the time,
the number of rows and the content digest before, as JSON."""


@dataclass(frozen=True)
class TableVersion:
    """One commit of a table."""

    version: int
    written_at: datetime
    rows: int | None
    """The number of rows of the written partition, or of the whole table."""
    digest: str | None
    partition: str | None
    dagster_run_id: str | None
    inputs: dict[str, int]
    """The versions of the input tables, by asset key."""
    restored_from: int | None = None
    """The version whose content was restored."""
    forgotten: tuple[Mapping[str, Any], ...] = ()
    """The removals of forgotten entities from the content: keyed digest of the `entity`, `at`, number of
    `rows`, and the `digest` of the content before."""


def custom_metadata(
    *,
    rows: int,
    digest: str,
    partition: str | None,
    dagster_run_id: str | None,
    inputs: Mapping[str, int] | None,
    restored_from: int | None = None,
) -> dict[str, str]:
    """The custom metadata of a commit, as Delta stores it."""
    metadata = {
        "mlops.digest": digest,
        "mlops.rows": str(rows),
        "mlops.partition": partition,
        "mlops.dagster_run_id": dagster_run_id,
        "mlops.inputs": json.dumps(dict(inputs or {}), sort_keys=True),
        "mlops.restored_from": None if restored_from is None else str(restored_from),
    }
    return {name: value for name, value in metadata.items() if value is not None}


def removal_metadata(partitions: Sequence[str], dagster_run_id: str | None) -> dict[str, str]:
    """The custom metadata of a commit that removes partitions; it is no version with content."""
    run = {"mlops.dagster_run_id": dagster_run_id} if dagster_run_id else {}
    return {"mlops.removed": json.dumps(list(partitions)), **run}


def all_versions(delta: DeltaTable) -> list[TableVersion]:
    """The commits with content, newest first; this reads the whole log.

    Raises
    ------
    StoreError
        If a commit is damaged, also one that a checkpoint has made unnecessary for reading the table.
    """
    try:
        history = delta.history()
    except DeltaError as error:
        reason = next(iter(str(error).splitlines()), "")
        raise StoreError(
            f"the history of {delta.table_uri} can't be read, because a commit is damaged: {reason}",
            hint=_LOG_HINT,
        ) from error
    return [_table_version(commit, commit["version"]) for commit in history if "mlops.digest" in commit]


def one_version(directory: Path, version: int) -> TableVersion | None:
    """One commit, from its own file in the log; None if it does not exist or has no content.

    Raises
    ------
    StoreError
        If the file is damaged.
    """
    # delta-rs reads the log from the end only: for an old commit it would read all later ones.
    entry = directory / "_delta_log" / f"{version:020}.json"
    if not entry.is_file():
        return None
    try:
        actions = [json.loads(line) for line in entry.read_text("utf-8").splitlines()]
    except ValueError as error:
        raise StoreError(f"the commit {entry} is damaged: {error}", hint=_LOG_HINT) from error
    for action in actions:
        commit = action.get("commitInfo", {})
        if "mlops.digest" in commit:
            return _table_version(commit, version)
    return None


def _table_version(commit: Mapping[str, Any], version: int) -> TableVersion:
    return TableVersion(
        version=version,
        written_at=datetime.fromtimestamp(commit["timestamp"] / 1000, UTC),
        rows=int(commit["mlops.rows"]),
        digest=commit["mlops.digest"],
        partition=commit.get("mlops.partition"),
        dagster_run_id=commit.get("mlops.dagster_run_id"),
        inputs=json.loads(commit.get("mlops.inputs", "{}")),
        restored_from=int(commit["mlops.restored_from"]) if "mlops.restored_from" in commit else None,
        forgotten=tuple(json.loads(commit.get(FORGOTTEN, "[]"))),
    )
