"""What the plan of a project's run is computed from: assets, arrivals, staleness and ledger."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path

from dagster import AssetKey, DagsterInstance

from mlops_assets.components.model_project.project.metadata_names import (
    OPTIONAL,
    READS_BLOCKED,
    declared_list,
)
from mlops_assets.components.model_project.project.partitions import declared_periods
from mlops_assets.components.model_project.project.staleness import Staleness
from mlops_assets.core import names
from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.core.periods import Periods
from mlops_assets.ml.features.timeline import Timeline
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.governance.ledger.state import LedgerState
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.source_arrivals import find_arrivals_of
from mlops_assets.workspace.workspace import Workspace


@dataclass(frozen=True)
class Batch:
    """Assets of one Dagster run: all of the same partition, or all without partitions.

    Attributes
    ----------
    partitions
        Partitions of which one run materializes all that are stale, instead of `partition`.
    """

    keys: frozenset[AssetKey]
    partition: str | None = None
    partitions: tuple[str, ...] = ()


@dataclass
class PlanContext:
    """What the plan of a project's run is computed from.

    Attributes
    ----------
    project
        Name of the project.
    keys
        The assets that may run.
    source
        File or folder to read the table from, instead of the declared source.
    scope
        `2025-03` or `2024-06..2025-06`: restricts the run to these partitions; by default all that have
        arrived.
    """

    workspace: Workspace
    instance: DagsterInstance
    project: str
    keys: set[AssetKey]
    source: Path | None = None
    scope: str | None = None
    notes: list[str] = field(default_factory=list)
    """Messages for the user that are not errors."""

    def __post_init__(self) -> None:
        keys = (key for key in self.workspace.project(self.project) if not names.is_scoring(key.path))
        raw = [key for key in keys if names.layer_of(key.path) == names.RAW]
        if self.source and len(raw) > 1:
            tables = ", ".join(sorted(names.table_of(key.path) for key in raw))
            raise ProjectError(
                f"{self.project} has several tables ({tables}); --data requires a project with one table",
                hint="change `source` of the tables in defs.yaml, or copy the files to the declared sources",
            )
        if self.scope and self.periods is None:
            raise ProjectError(f"{self.project} has no partitions", hint="run it without --partition")
        if self.scope and self.source and self.timeline is None:
            raise ProjectError(
                f"{self.project}: --data is read into the table, which has no partitions; --partition "
                "restricts the run to the rows to predict",
                hint="run it with one of them",
            )

    @cached_property
    def timeline(self) -> Timeline | None:
        """The project's timeline; None without partitions."""
        return self.workspace.timeline(self.project)

    @cached_property
    def periods(self) -> Periods | None:
        """The periods by which rows arrive: of an event project, or of the rows to predict."""
        if self.timeline is not None:
            return self.timeline.periods
        graph = self.workspace.definitions.resolve_asset_graph()
        raw = self.key(f"{names.RAW}_{names.SCORING}")
        return declared_periods(graph.get(raw).partitions_def) if graph.has(raw) else None

    @property
    def staleness(self) -> Staleness:
        """The current staleness of the assets, which every run may change."""
        return self._staleness.refresh()

    def reset_staleness(self) -> None:
        """Forget the cached staleness, after a change that Dagster has no materialization of."""
        self.__dict__.pop("_staleness", None)

    @cached_property
    def _staleness(self) -> Staleness:
        graph = self.workspace.definitions.resolve_asset_graph()
        return Staleness(graph, self.instance, self.tables)

    @property
    def tables(self) -> Warehouse:
        """The warehouse."""
        return Warehouse(self.workspace.state.warehouse)

    @property
    def ledger_state(self) -> LedgerState:
        """The status of the project's versions."""
        return LedgerState.of(Ledger(self.tables, self.project).entries())

    def only(self, *assets: str) -> set[AssetKey]:
        """Return the keys of assets by name, as far as they may run."""
        return {AssetKey(names.project_asset(self.project, asset)) for asset in assets} & self.keys

    def is_newest(self, partition: str | None, staleness: Staleness) -> bool:
        """Return whether a partition is the newest one with rows to predict.

        Only its predictions are computed again by a new champion; older ones keep their version.
        """
        scored = f"{names.VALIDATED}_{names.SCORING}" if self.timeline is None else names.FEATURES
        return partition == max(staleness.partitions(self.key(scored)), default=None)

    @cached_property
    def fingerprints(self) -> dict[str, Mapping[str | None, str]]:
        """For each table that may be read, the fingerprint of each partition that has arrived."""
        found: dict[str, Mapping[str | None, str]] = {}
        for table, arrivals in find_arrivals_of(
            self.workspace, self.project, self.tables, source=self.source, scope=self.scope
        ):
            self.notes.extend(f"table {table}: {reason}" for reason in arrivals.left_out)
            found[table] = {
                partition: arrival.fingerprint for partition, arrival in arrivals.by_partition.items()
            }
        return found

    def custom(self, *, partitioned: bool) -> set[AssetKey]:
        """Return the project's custom assets, with or without partitions."""
        graph = self.workspace.definitions.resolve_asset_graph()
        custom = {key for key in self.keys if names.CUSTOM_ASSET in graph.get(key).tags}
        return {key for key in custom if (graph.get(key).partitions_def is not None) == partitioned}

    @cached_property
    def reports(self) -> list[AssetKey]:
        """The reports that may run, in the order of their dependencies."""
        graph = self.workspace.definitions.resolve_asset_graph()
        ordered = chain.from_iterable(map(sorted, graph.toposorted_asset_keys_by_level))
        return [key for key in ordered if key in self.keys and READS_BLOCKED in graph.get(key).metadata]

    @cached_property
    def after_reports(self) -> set[AssetKey]:
        """The reports and the assets downstream of them, which run last."""
        last = {*self.reports, *self.only(names.RETRAINING)}
        return self.workspace.downstream(last) & self.keys

    def report_partitions(self, report: AssetKey) -> Sequence[str | None]:
        """Return the partitions for which the required inputs of a report are there; None without partitions.

        A partition that failed a blocking check is one only if the report reads it.
        """
        graph, staleness = self.workspace.definitions.resolve_asset_graph(), self.staleness
        node = graph.get(report)
        optional = declared_list(node.metadata, OPTIONAL)
        required = [key for key in node.parent_keys if key.to_user_string() not in optional]
        if not all(staleness.is_materialized(key) for key in required):
            return []
        if node.partitions_def is None:
            return [None]
        find = staleness.partitions if node.metadata[READS_BLOCKED] else staleness.usable_partitions
        found = [find(key) for key in required if graph.get(key).partitions_def is not None]
        return sorted(set.intersection(*found))

    def ready(self, custom: set[AssetKey]) -> frozenset[AssetKey]:
        """Return the custom assets whose inputs are materialized or run in the same batch."""
        graph, staleness = self.workspace.definitions.resolve_asset_graph(), self.staleness
        ready = set(custom)
        for level in graph.toposorted_asset_keys_by_level:
            for key in set(level) & custom:
                parents = graph.get(key).parent_keys - ready
                missing = [
                    parent for parent in parents if parent in custom or not staleness.is_materialized(parent)
                ]
                if missing:
                    ready.discard(key)
                    self.notes.append(
                        f"{asset_name(key)} is skipped: its inputs are not materialized: "
                        f"{', '.join(sorted(map(asset_name, missing)))}"
                    )
        return frozenset(ready)

    def in_scope(self, partitions: Collection[str]) -> set[str]:
        """Return those of the given partitions that the run is restricted to; all without a restriction.

        Raises
        ------
        DataError
            When there is none.
        """
        if self.scope is None or self.periods is None:
            return set(partitions)
        found = set(partitions) & set(self.periods.parse_range(self.scope))
        if not found:
            arrived = sorted(partitions)
            hint = (
                f"choose partitions from {arrived[0]} to {arrived[-1]}"
                if arrived
                else "add data to the sources of the tables"
            )
            raise DataError(f"{self.project}: no data has arrived for {self.scope}", hint=hint)
        return found

    def key(self, asset: str) -> AssetKey:
        return AssetKey(names.project_asset(self.project, asset))


def asset_name(key: AssetKey) -> str:
    """Return the name of an asset, without the project."""
    return "/".join(key.path[1:])
