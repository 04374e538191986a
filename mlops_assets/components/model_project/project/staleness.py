"""Which assets of a project are out of date."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dagster import AssetKey, DagsterInstance, EventLogRecord

from mlops_assets.components.model_project.project.log_window import LogWindow
from mlops_assets.components.model_project.project.materializations import (
    TABLE_VERSION,
    MaterializedContents,
)
from mlops_assets.components.model_project.project.metadata import inputs_digest
from mlops_assets.components.model_project.project.metadata_names import (
    INPUTS,
    LIVE,
    NOT_FOLLOWED,
    SNAPSHOTS,
    declared_list,
)
from mlops_assets.components.model_project.project.partitions import PeriodRange
from mlops_assets.components.model_project.project.succeeded_steps import SucceededSteps
from mlops_assets.core import names
from mlops_assets.core.names import CUSTOM_ASSET
from mlops_assets.core.periods import Periods

if TYPE_CHECKING:
    from mlops_assets.compat.dagster import BaseAssetGraph
    from mlops_assets.stores.warehouse.snapshots import Snapshot
    from mlops_assets.stores.warehouse.warehouse import Warehouse

CODE_VERSION = "dagster/code_version"


@dataclass(frozen=True)
class StaleReason:
    """Why an asset is out of date; of `expected`, the metadata entry with its recorded and current value."""

    kind: Literal["missing", "failed", "code", "expected", "removed", "inputs", "upstream", "same step"]
    name: str = ""
    before: Any = None
    after: Any = None


@dataclass
class Staleness:
    """Which assets a run would change.

    Answers of the instance are cached until `refresh`. It loads only what was materialized since, so that
    many partitions are run one after the other without loading those of all others again.

    Parameters
    ----------
    tables
        The warehouse. A table that was removed is missing, even if the instance has its materialization.
    """

    graph: "BaseAssetGraph"
    instance: DagsterInstance
    tables: "Warehouse"
    _known: MaterializedContents = field(init=False)
    _arrived: "dict[AssetKey, list[Snapshot]]" = field(default_factory=dict)
    _days: dict[AssetKey, dict[str, int]] = field(default_factory=dict)
    _ranges: dict[tuple[AssetKey, AssetKey], PeriodRange | None] = field(default_factory=dict)
    _succeeded: SucceededSteps = field(init=False)

    def __post_init__(self) -> None:
        self._succeeded = SucceededSteps(self.instance)
        self._known = MaterializedContents(self.graph, self.instance, self.tables)

    def refresh(self) -> "Staleness":
        """Load what this or another process has materialized since, and return the object."""
        if self._known.refresh():
            self._succeeded.forget_others()
            self._arrived.clear()
            self._days.clear()
        return self

    def stale(
        self,
        keys: Collection[AssetKey],
        partition: str | None = None,
        expected: Mapping[AssetKey, Mapping[str, Any]] | None = None,
    ) -> set[AssetKey]:
        """The assets that are missing, or materialized from other code, inputs or settings.

        An asset whose step failed after its materialization, such as by a blocking check, is stale, too:
        downstream assets must not run without it.

        Parameters
        ----------
        keys
            Assets of one run, all of this partition or without partitions.
        expected
            Metadata that the latest materialization of an asset must have to be up to date.
        """
        return set(self.reasons(keys, partition, expected))

    def reasons(
        self,
        keys: Collection[AssetKey],
        partition: str | None = None,
        expected: Mapping[AssetKey, Mapping[str, Any]] | None = None,
    ) -> dict[AssetKey, StaleReason]:
        """The assets that are stale, as by `stale`, each with the first reason that is found."""
        found: dict[AssetKey, StaleReason] = {}
        for level in self.graph.toposorted_asset_keys_by_level:
            for key in level:
                if key not in keys:
                    continue
                reason = self._reason(key, partition, (expected or {}).get(key, {}))
                if reason is None and self.graph.get(key).parent_keys & found.keys():
                    reason = StaleReason("upstream")
                if reason:
                    found[key] = reason
        # A step materializes all of its assets or none.
        step = {key for name in found for key in self.graph.get(name).execution_set_asset_keys} & set(keys)
        return {key: found.get(key, StaleReason("same step")) for key in step}

    def partitions(self, key: AssetKey) -> set[str]:
        """The materialized partitions of an asset."""
        return {partition for partition in self._known.records(key) if partition is not None}

    def usable_partitions(self, key: AssetKey) -> set[str]:
        """The materialized partitions of an asset, without those that failed a blocking check."""
        records = self._known.records(key)
        self._succeeded.load(record.run_id for record in records.values())
        return {
            partition
            for partition, record in records.items()
            if partition is not None and self._succeeded.includes(record)
        }

    def recorded(self, key: AssetKey) -> "Mapping[str | None, EventLogRecord]":
        """The latest materialization of each partition of an asset; under None without partitions."""
        return self._known.records(key)

    def is_materialized(self, key: AssetKey) -> bool:
        """Whether an asset, or any partition of it, is materialized."""
        return bool(self._known.records(key))

    def expected_from_champion(self, project: str) -> dict[AssetKey, dict[str, Any]]:
        """Argument `expected` of `stale` for the newest predictions: they must be the champion's.

        Older predictions keep the version that computed them.
        """
        champion, predictions = (
            AssetKey(names.project_asset(project, asset)) for asset in (names.CHAMPION, names.PREDICTIONS)
        )
        record = self._known.records(champion).get(None)
        if record is None or record.asset_materialization is None:
            return {}
        version = record.asset_materialization.metadata["version"].value
        return {predictions: {names.MODEL_VERSION: version}}

    def _reason(
        self, key: AssetKey, partition: str | None, expected: Mapping[str, Any]
    ) -> StaleReason | None:
        """Why an asset is stale, apart from inputs that run before it; None if it is up to date."""
        node = self.graph.get(key)
        own_partition = partition if node.partitions_def is not None else None
        record = self._known.records(key).get(own_partition)
        if record is None or record.asset_materialization is None:
            return StaleReason("missing")
        if not self._succeeded.includes(record):
            return StaleReason("failed")
        materialization = record.asset_materialization
        metadata = {name: value.value for name, value in materialization.metadata.items()}
        if (materialization.tags or {}).get(CODE_VERSION) != node.code_version:
            return StaleReason("code")
        for name, value in expected.items():
            if metadata.get(name) != value:
                return StaleReason("expected", name, metadata.get(name), value)
        if TABLE_VERSION in metadata and own_partition not in self._content(key):
            return StaleReason("removed")
        if CUSTOM_ASSET in node.tags and INPUTS not in metadata:  # written without `WarehouseResource.table`
            newer = record.storage_id <= self._newest_of_parents(key, partition)
        else:
            newer = INPUTS in metadata and metadata[INPUTS] != self.inputs(key, partition)
        return StaleReason("inputs") if newer else None

    def parts(self, key: AssetKey, partition: str | None) -> Collection[tuple[AssetKey, str | None]]:
        """The inputs and their partitions that a materialization would read now."""
        return self._parts(key, partition).keys()

    def inputs(self, key: AssetKey, partition: str | None) -> str:
        """Digest of the inputs that a materialization would read now."""
        return inputs_digest(self._parts(key, partition))

    def _parts(self, key: AssetKey, partition: str | None) -> dict[tuple[AssetKey, str | None], str]:
        """Data versions of the inputs that a materialization would read now."""
        node = self.graph.get(key)
        parts: dict[tuple[AssetKey, str | None], str] = {}
        ignored = declared_list(node.metadata, NOT_FOLLOWED)
        window = LogWindow.of_metadata(getattr(node.metadata.get(LIVE), "value", node.metadata.get(LIVE)))
        declared = node.metadata.get(SNAPSHOTS)
        snapshot_of: Mapping[str, Any] = dict(declared.value) if declared else {}
        for parent in node.parent_keys:
            if parent.to_user_string() in ignored:
                continue
            if window and parent.to_user_string() == window.log:
                parts |= self._logged(window, parent, partition)
                continue
            if parent.to_user_string() in snapshot_of.get("tables", {}):
                parts |= self._snapshot(snapshot_of, parent, partition)
                continue
            content = self._content(parent)
            for source in self._read_sources(key, parent, partition, content):
                parts[parent, source] = content[source]
        return parts

    def _read_sources(
        self, key: AssetKey, parent: AssetKey, partition: str | None, content: Mapping[str | None, str]
    ) -> Iterable[str | None]:
        """The partitions of a parent that exist and that a partition of an asset reads."""
        if partition is not None and (found := self._range(key, parent)):
            first, last = found.of_partition(partition)
            return [one for one in content if one is not None and first <= one <= last]
        return [one for one in self._sources(key, parent, partition) if one in content]

    def _range(self, key: AssetKey, parent: AssetKey) -> PeriodRange | None:
        if (key, parent) not in self._ranges:
            own, other = self.graph.get(key), self.graph.get(parent)
            mapping = self.graph.get_partition_mapping(key, parent)
            self._ranges[key, parent] = PeriodRange.of(mapping, own.partitions_def, other.partitions_def)
        return self._ranges[key, parent]

    def _logged(
        self, window: LogWindow, log: AssetKey, partition: str | None
    ) -> dict[tuple[AssetKey, str | None], str]:
        """The number of logged rows of each day that a report reads; rows of a day are never changed."""
        from mlops_assets.stores.prediction_log.logged_days import rows_by_day

        if log not in self._days:
            self._days[log] = rows_by_day(self.tables.root, log.path[0])
        days = self._days[log]
        return {(log, day): f"{days[day]} rows" for day in window.chosen(partition, days)}

    def _snapshot(
        self, declared: Mapping[str, Any], parent: AssetKey, partition: str | None
    ) -> dict[tuple[AssetKey, str | None], str]:
        """Digest of the raw rows of the snapshot that a partition reads."""
        from mlops_assets.stores.warehouse.snapshots import known_at, snapshots

        raw = AssetKey.from_user_string(declared["tables"][parent.to_user_string()])
        if partition is None or not (self.tables.exists(raw.path) and self.tables.exists(parent.path)):
            return {}
        periods = Periods(declared["cadence"], declared["first"])
        moment = periods.end_of(periods.shift(partition, declared["after"]))
        if raw not in self._arrived:
            self._arrived[raw] = snapshots(self.tables, raw.path, parent.path)
        [best, *_] = known_at(self._arrived[raw], moment)
        return {(raw, None): self.tables.digest(raw.path, version=best.raw_version)}

    def _sources(self, key: AssetKey, parent: AssetKey, partition: str | None) -> Collection[str | None]:
        """The partitions of a parent that a partition of an asset reads."""
        if self.graph.get(parent).partitions_def is None:
            return [None]
        if self.graph.get(key).partitions_def is None:
            # The champion reads the version that its run registers, a table without partitions all of them.
            return [partition] if partition is not None else list(self._content(parent))
        found = self.graph.get_parent_partition_keys_for_child(partition, parent, key)
        return list(found.partitions_subset.get_partition_keys())

    def _newest_of_parents(self, key: AssetKey, partition: str | None) -> int:
        """Storage id in the event log of the newest materialization of an input."""
        parents = self.graph.get(key).parent_keys
        storage_ids = [
            self._known.records(parent)[source].storage_id
            for parent in parents
            for source in self._sources(key, parent, partition)
            if source in self._known.records(parent)
        ]
        return max(storage_ids, default=0)

    def _content(self, key: AssetKey) -> dict[str | None, str]:
        """Data version of each partition."""
        return self._known.contents(key)
