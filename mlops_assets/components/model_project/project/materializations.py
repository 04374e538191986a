"""The latest materializations of assets in Dagster's event log, and their contents."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import dagster as dg
from dagster import AssetKey, DagsterInstance, EventLogRecord

from mlops_assets.components.model_project.project.partitions import declared_periods

if TYPE_CHECKING:
    from mlops_assets.compat.dagster import BaseAssetGraph
    from mlops_assets.stores.warehouse.warehouse import Warehouse

DATA_VERSION, TABLE_VERSION = "dagster/data_version", "table_version"
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


@dataclass
class MaterializedContents:
    """What is materialized of the assets of a graph; answers of the instance are cached until `refresh`.

    Parameters
    ----------
    tables
        The warehouse. A table that was removed is missing, even if the instance has its materialization.
    """

    graph: "BaseAssetGraph"
    instance: DagsterInstance
    tables: "Warehouse"
    _records: "dict[AssetKey, dict[str | None, EventLogRecord]]" = field(default_factory=dict)
    _contents: dict[AssetKey, dict[str | None, str]] = field(default_factory=dict)
    _newest: int = field(init=False)
    """The newest event of the log when the answers were loaded."""

    def __post_init__(self) -> None:
        self._newest = self._newest_event()

    def refresh(self) -> bool:
        """Load what was materialized since; returns whether the log has newer events."""
        newest = self._newest_event()
        if newest == self._newest:
            return False
        for key, records in self._records.items():
            newer = declared_materializations(self.graph, self.instance, key, after=self._newest)
            records |= newer
            if newer:
                self._contents.pop(key, None)
        self._newest = newest
        return True

    def records(self, key: AssetKey) -> "dict[str | None, EventLogRecord]":
        """The latest materialization of each partition of an asset."""
        if key not in self._records:
            self._records[key] = declared_materializations(self.graph, self.instance, key)
        return self._records[key]

    def contents(self, key: AssetKey) -> dict[str | None, str]:
        """Data version of each partition: of a table its current content, else the recorded one."""
        if key not in self._contents:
            known = self.records(key)
            versions = {
                partition: str((record.asset_materialization.tags or {}).get(DATA_VERSION))
                for partition, record in known.items()
                if record.asset_materialization
            }
            is_table = self.tables.exists(key.path) or any(
                TABLE_VERSION in record.asset_materialization.metadata
                for record in known.values()
                if record.asset_materialization
            )
            if is_table:
                partitioned = self.graph.get(key).partitions_def is not None
                versions = self._table_content(key, partitioned=partitioned)
            self._contents[key] = versions
        return self._contents[key]

    def _table_content(self, key: AssetKey, *, partitioned: bool) -> dict[str | None, str]:
        if not self.tables.exists(key.path):
            return {}
        if not partitioned:
            return {None: self.tables.digest(key.path)}
        return dict(self.tables.partitions(key.path).items())

    def _newest_event(self) -> int:
        return self.instance.event_log_storage.get_maximum_record_id() or 0
