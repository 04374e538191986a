"""A run that is only computed: what each batch would find after the batches before it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from dagster import AssetKey

from mlops_assets.components.model_project.project.metadata_names import (
    NOT_FOLLOWED,
    SNAPSHOTS,
    declared_list,
)
from mlops_assets.components.model_project.project.partitions import declared_periods
from mlops_assets.components.model_project.project.staleness import Staleness, StaleReason
from mlops_assets.core import names
from mlops_assets.core.periods import Periods
from mlops_assets.stores.governance.ledger.state import LedgerState
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.run_plan import RunPlan

NEW_CHAMPION = "the new champion"
_NEWER = 2**62


@dataclass
class Projected(Staleness):
    """The staleness after the steps of a plan, of which none has run.

    Attributes
    ----------
    changes
        Whether the content of an asset that is made again differs from its former content. It is not known
        before: a plan is computed for both cases. A new partition has a new content in both.
    made
        The partitions that the plan makes so far; None of an asset without partitions.
    """

    changes: bool = True
    made: dict[AssetKey, set[str | None]] = field(default_factory=dict)

    def add(self, keys: Collection[AssetKey], partition: str | None) -> None:
        """Add the assets of a run."""
        for key in keys:
            own = partition if self.graph.get(key).partitions_def is not None else None
            self.made.setdefault(key, set()).add(own)

    def partitions(self, key: AssetKey) -> set[str]:
        return super().partitions(key) | self._made_partitions(key)

    def usable_partitions(self, key: AssetKey) -> set[str]:
        return super().usable_partitions(key) | self._made_partitions(key)

    def is_materialized(self, key: AssetKey) -> bool:
        return key in self.made or super().is_materialized(key)

    def expected_from_champion(self, project: str) -> dict[AssetKey, dict[str, Any]]:
        champion = AssetKey(names.project_asset(project, names.CHAMPION))
        if self.changes and champion in self.made:
            predictions = AssetKey(names.project_asset(project, names.PREDICTIONS))
            return {predictions: {names.MODEL_VERSION: NEW_CHAMPION}}
        return super().expected_from_champion(project)

    def made_inputs(self, key: AssetKey, partition: str | None) -> set[AssetKey]:
        """The inputs of a partition that the plan makes before it."""
        node = self.graph.get(key)
        declared = node.metadata.get(SNAPSHOTS)
        raw = dict(declared.value).get("tables", {}) if declared else {}
        ignored = declared_list(node.metadata, NOT_FOLLOWED)
        found = set()
        for parent in node.parent_keys:
            if parent.to_user_string() in ignored:
                continue
            if parent.to_user_string() in raw:
                if AssetKey.from_user_string(raw[parent.to_user_string()]) in self.made:
                    found.add(parent)
            elif self.made.get(parent, set()) & set(self._sources(key, parent, partition)):
                found.add(parent)
        return found

    def newer_inputs(self, key: AssetKey, partition: str | None) -> set[AssetKey]:
        """The inputs that were materialized after a partition of an asset."""
        own = self.recorded(key).get(partition if self.graph.get(key).partitions_def else None)
        return {
            parent
            for parent in self.graph.get(key).parent_keys
            for source in self._sources(key, parent, partition)
            if (record := self.recorded(parent).get(source)) and own and record.storage_id > own.storage_id
        }

    def _made_partitions(self, key: AssetKey) -> set[str]:
        return {partition for partition in self.made.get(key, ()) if partition is not None}

    def _reason(
        self, key: AssetKey, partition: str | None, expected: Mapping[str, Any]
    ) -> StaleReason | None:
        own = partition if self.graph.get(key).partitions_def is not None else None
        return None if own in self.made.get(key, ()) else super()._reason(key, partition, expected)

    def _content(self, key: AssetKey) -> dict[str | None, str]:
        found = super()._content(key)
        node = self.graph.get(key) if self.graph.has(key) else None
        periods = declared_periods(node.partitions_def) if node else None
        if periods is not None:  # a run first removes what is not declared any more
            found = {one: digest for one, digest in found.items() if one is None or one in periods}
        new = {
            one: f"made by the plan: {key.to_user_string()} {one}"
            for one in self.made.get(key, ())
            if self.changes or one not in found
        }
        return {**found, **new}

    def _snapshot(
        self, declared: Mapping[str, Any], parent: AssetKey, partition: str | None
    ) -> dict[tuple[AssetKey, str | None], str]:
        found = super()._snapshot(declared, parent, partition)
        raw = AssetKey.from_user_string(declared["tables"][parent.to_user_string()])
        if partition is None or raw not in self.made:
            return found
        periods = Periods(declared["cadence"], declared["first"])
        end = periods.end_of(periods.shift(partition, declared["after"]))
        if not found or (self.changes and end > datetime.now(UTC).replace(tzinfo=end.tzinfo)):
            return {(raw, None): f"made by the plan: {raw.to_user_string()}"}
        return found  # the partition reads the version that had arrived by its end

    def _newest_of_parents(self, key: AssetKey, partition: str | None) -> int:
        return _NEWER if self.made_inputs(key, partition) else super()._newest_of_parents(key, partition)


@dataclass
class ProjectedPlan(RunPlan):
    """The plan of a run of which no batch is executed.

    Attributes
    ----------
    changes
        As of `Projected`; with it, a version that is registered also becomes the champion.
    scratch
        An empty folder.
    """

    changes: bool = True
    scratch: Path | None = None

    @property
    def tables(self) -> Warehouse:
        """The warehouse; before the first run an empty one, which can have the files of a connection."""
        root = self.workspace.state.warehouse
        return Warehouse(root if root.exists() or self.scratch is None else self.scratch)

    @cached_property
    def projected(self) -> Projected:
        """The staleness, with all that the plan has made so far."""
        graph = self.workspace.definitions.resolve_asset_graph()
        return Projected(graph, self.instance, self.tables, changes=self.changes)

    @property
    def staleness(self) -> Staleness:
        """The staleness after the batches so far."""
        return self.projected

    @property
    def ledger_state(self) -> LedgerState:
        """The status of the versions; with `changes`, a champion exists once it was made."""
        state = super().ledger_state
        promoted = self.changes and self.key(names.CHAMPION) in self.projected.made
        return replace(state, champion=0) if promoted and state.champion is None else state

    def undeclared_partitions(self) -> dict[AssetKey, list[str]]:
        """Return the partitions that a run would remove first, because they are not declared any more."""
        if self.periods is None:
            return {}
        followed = self.only(names.FEATURES, names.TARGET) | set(self.reports)
        found = {}
        for key in sorted(followed | {key for key in self.keys if names.layer_of(key.path)}):
            if self.tables.exists(key.path) and self.tables.is_partitioned(key.path):
                removed = [one for one in self.tables.partitions(key.path) if one not in self.periods]
                if removed:
                    found[key] = sorted(removed)
        return found
