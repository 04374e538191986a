"""The latest materializations of an asset in Dagster's event log."""

from collections.abc import Collection, Mapping
from itertools import islice
from typing import TYPE_CHECKING

import dagster as dg
from dagster import AssetKey, DagsterInstance, EventLogRecord

from mlops_assets.components.model_project.project.partitions import declared_periods

if TYPE_CHECKING:
    from mlops_assets.compat.dagster import BaseAssetGraph

_BATCH_SIZE = 500


def latest_materializations(
    instance: DagsterInstance, key: AssetKey, partitions: Collection[str] | None = None, *, after: int = 0
) -> "dict[str | None, EventLogRecord]":
    """The latest materialization of each partition of an asset; under None without partitions.

    Parameters
    ----------
    partitions
        Partitions to look up; by default all.
    after
        Only materializations that are newer than this event of the log.
    """
    found = _latest_of_partitions(instance, key, partitions, after)
    if not found and partitions is None:
        chosen = dg.AssetRecordsFilter(key, after_storage_id=after or None)
        for record in instance.fetch_materializations(chosen, limit=1).records:
            found[None] = record
    return found


def runs_of_latest(instance: DagsterInstance, key: AssetKey, partitions: Collection[str]) -> dict[str, str]:
    """The run of the latest materialization of each partition; no event is decoded."""
    from mlops_assets.compat.dagster_events import runs_of_events  # SQLAlchemy, which definitions do without

    newest = _latest_ids(instance, key, partitions)
    runs = runs_of_events(instance, list(newest.values()))
    return {partition: runs[event] for partition, event in newest.items()}


def _latest_of_partitions(
    instance: DagsterInstance, key: AssetKey, partitions: Collection[str] | None, after: int
) -> "dict[str | None, EventLogRecord]":
    found: dict[str | None, EventLogRecord] = {}
    rest = iter(_latest_ids(instance, key, partitions, after).values())
    while ids := list(islice(rest, _BATCH_SIZE)):
        chosen = dg.AssetRecordsFilter(key, storage_ids=ids)
        for record in instance.fetch_materializations(chosen, limit=len(ids)).records:
            found[record.partition_key] = record
    return found


def _latest_ids(
    instance: DagsterInstance, key: AssetKey, partitions: Collection[str] | None, after: int = 0
) -> Mapping[str, int]:
    return instance.event_log_storage.get_latest_storage_id_by_partition(
        key,
        dg.DagsterEventType.ASSET_MATERIALIZATION,
        None if partitions is None else set(partitions),
        after_cursor=after or None,
    )


def declared_materializations(
    graph: "BaseAssetGraph", instance: DagsterInstance, key: AssetKey, *, after: int = 0
) -> "dict[str | None, EventLogRecord]":
    """The latest materializations of an asset's partitions, without those that are not declared any more.

    After a change of the periods, Dagster still has the materializations of former ones.
    """
    periods = declared_periods(graph.get(key).partitions_def) if graph.has(key) else None
    if periods is None:
        return latest_materializations(instance, key, after=after)
    found = _latest_of_partitions(instance, key, None, after)
    return {partition: record for partition, record in found.items() if partition and partition in periods}
