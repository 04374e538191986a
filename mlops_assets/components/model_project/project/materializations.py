"""The latest materializations of an asset in Dagster's event log."""

from collections.abc import Collection
from itertools import islice
from typing import TYPE_CHECKING

import dagster as dg
from dagster import AssetKey, DagsterInstance, EventLogRecord

from mlops_assets.components.model_project.project.partitions import declared_periods

if TYPE_CHECKING:
    from mlops_assets.compat.dagster import BaseAssetGraph

_BATCH_SIZE = 500


def latest_materializations(
    instance: DagsterInstance, key: AssetKey, partitions: Collection[str] | None = None
) -> "dict[str | None, EventLogRecord]":
    """The latest materialization of each partition of an asset; under None without partitions.

    Parameters
    ----------
    partitions
        Partitions to look up; by default all.
    """
    wanted = None if partitions is None else set(partitions)
    newest = instance.event_log_storage.get_latest_storage_id_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION, wanted
    )
    found: dict[str | None, EventLogRecord] = {}
    rest = iter(newest.values())
    while ids := list(islice(rest, _BATCH_SIZE)):
        chosen = dg.AssetRecordsFilter(key, storage_ids=ids)
        for record in instance.fetch_materializations(chosen, limit=len(ids)).records:
            found[record.partition_key] = record
    if not found and partitions is None:
        for record in instance.fetch_materializations(key, limit=1).records:
            found[None] = record
    return found


def declared_materializations(
    graph: "BaseAssetGraph", instance: DagsterInstance, key: AssetKey
) -> "dict[str | None, EventLogRecord]":
    """The latest materializations of an asset's partitions, without those that are not declared any more.

    After a change of the periods, Dagster still has the materializations of former ones.
    """
    found = latest_materializations(instance, key)
    periods = declared_periods(graph.get(key).partitions_def) if graph.has(key) else None
    if periods is None:
        return found
    return {partition: record for partition, record in found.items() if partition and partition in periods}
