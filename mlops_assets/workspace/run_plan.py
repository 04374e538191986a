"""The plan of a project's run: its batches of assets, in the order of their dependencies.

Tables and cut-offs have different partitions, so one Dagster run can't contain the whole graph of an event
project. Each partition of the tables, each target, the model, and each partition of the predictions is a
batch. In a project without partitions, the rows to predict and their predictions follow the champion.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path

from dagster import AssetKey, DagsterInstance

from mlops_assets.components.model_project.automation.jobs import MODEL_ASSETS, REGISTRY_ASSETS
from mlops_assets.components.model_project.project.staleness import Staleness
from mlops_assets.core import names
from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.ml.features.timeline import Timeline
from mlops_assets.stores.governance.ledger import Ledger
from mlops_assets.stores.governance.ledger_state import LedgerState
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.source_arrivals import find_arrivals_of
from mlops_assets.workspace.workspace import Workspace


@dataclass(frozen=True)
class Batch:
    """Assets of one Dagster run: all of the same partition, or all without partitions."""

    keys: frozenset[AssetKey]
    partition: str | None = None


@dataclass
class RunPlan:
    """The batches of a project's run.

    Batches are generated lazily: a later batch depends on what the earlier ones have materialized.

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
        if self.scope and self.timeline is None:
            raise ProjectError(f"{self.project} has no partitions", hint="run it without --partition")

    @cached_property
    def timeline(self) -> Timeline | None:
        """The project's timeline; None without partitions."""
        return self.workspace.timeline(self.project)

    @property
    def staleness(self) -> Staleness:
        """The current staleness of the assets, which every run may change."""
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

    def batches(self) -> Iterator[Batch]:
        """Yield the batches of a run of the whole project."""
        if self.timeline is not None:
            yield from self._event_batches(self.timeline)
            return
        partitioned = self._custom(partitioned=True)
        for key in sorted(partitioned):
            self.notes.append(f"{_name(key)} has partitions; materialize it in Dagster")
        tables = {key for key in self.keys if names.is_scoring(key.path)}
        scoring = tables | self.only(names.PREDICTIONS)
        after = self.workspace.downstream(scoring)
        yield Batch(frozenset(self.keys - partitioned - after))
        if scoring:
            yield from self._scoring_batches(tables)
            yield Batch(self._ready((after & self.keys) - scoring - partitioned))

    def _scoring_batches(self, tables: set[AssetKey]) -> Iterator[Batch]:
        """Yield batches of the rows to predict in a project without partitions, and of their predictions."""
        if tables and self.fingerprints.get(names.SCORING):
            yield Batch(frozenset(tables))
        if self.ledger_state.champion is None:
            self.notes.append("no predictions: there is no champion")
        elif self.staleness.is_materialized(self._key(f"{names.VALIDATED}_{names.SCORING}")):
            yield Batch(frozenset(self.only(names.PREDICTIONS)))

    def backtest_batches(self, cutoffs: Sequence[str]) -> Iterator[Batch]:
        """Yield the batches of the data, and of a model and its evaluation at each cut-off.

        Raises
        ------
        ProjectError
            When a cut-off is before the first one, or the project has no partitions.
        """
        timeline = self.workspace.event_timeline(self.project)
        if early := [cutoff for cutoff in cutoffs if cutoff < timeline.first_cutoff]:
            raise ProjectError(
                f"{self.project}: cut-off {early[0]} is too early: there are no partitions to train on",
                hint=f"choose {timeline.first_cutoff} or a later cut-off",
            )
        models = (Batch(frozenset(self.only(*MODEL_ASSETS)), cutoff) for cutoff in cutoffs)
        return chain(self._data_batches(timeline), models)

    def only(self, *assets: str) -> set[AssetKey]:
        """Return the keys of assets by name, as far as they may run."""
        return {AssetKey(names.project_asset(self.project, asset)) for asset in assets} & self.keys

    def is_newest(self, partition: str | None, staleness: Staleness) -> bool:
        """Return whether a partition is the newest one with features.

        Only its predictions are computed again by a new champion; older ones keep their version.
        """
        return partition == max(staleness.partitions(self._key(names.FEATURES)), default=None)

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

    def remove_undeclared_partitions(self) -> None:
        """Remove partitions that are not declared any more: their rows are in declared ones, too."""
        if self.timeline is None:
            return
        followed = self.only(names.FEATURES, names.TARGET)
        for key in sorted(followed | {key for key in self.keys if names.layer_of(key.path)}):
            if removed := self.tables.keep_partitions(key.path, self.timeline.periods):
                self.notes.append(
                    f"{_name(key)}: removed {', '.join(removed[:3])}"
                    f"{f' and {len(removed) - 3} more' if len(removed) > 3 else ''}, which `partitions` in "
                    "defs.yaml does not declare any more; older versions of the table keep them"
                )

    def _event_batches(self, timeline: Timeline) -> Iterator[Batch]:
        yield from self._data_batches(timeline)
        scope = self._partitions_in_scope(timeline)
        if (cutoff := self._cutoff(timeline, scope)) is not None:
            yield Batch(frozenset(self.only(*MODEL_ASSETS, *REGISTRY_ASSETS)), cutoff)
        staleness = self.staleness
        if self.ledger_state.champion is None:
            if staleness.is_materialized(self._key(names.PREDICTIONS)):
                self.notes.append("no predictions: there is no champion")
        else:
            for partition in sorted(staleness.usable_partitions(self._key(names.FEATURES)) & set(scope)):
                yield Batch(frozenset(self.only(names.PREDICTIONS)), partition)
        yield from self._custom_batches(scope)

    def _data_batches(self, timeline: Timeline) -> Iterator[Batch]:
        """Yield batches of tables, features and targets."""
        without = {key for key in self.keys if self._is_unpartitioned_table(key)}
        if without:
            yield Batch(frozenset(without))
        scope = self._partitions_in_scope(timeline)
        partitioned = {key for key in self.keys if names.layer_of(key.path)} - without
        for partition in scope:
            arrived = {
                key for key in partitioned if partition in self.fingerprints.get(names.table_of(key.path), {})
            }
            features = self.only(names.FEATURES) if arrived == partitioned else set()
            yield Batch(frozenset(arrived | features), partition)
        for partition in self._labelled(timeline):
            yield Batch(frozenset(self.only(names.TARGET)), partition)

    def _custom_batches(self, scope: Sequence[str]) -> Iterator[Batch]:
        """Yield batches of custom assets with their inputs: each partition, then those without partitions."""
        if by_partition := self._ready(self._custom(partitioned=True)):
            features = self.staleness.usable_partitions(self._key(names.FEATURES))
            for partition in sorted(features & set(scope)):
                yield Batch(by_partition, partition)
        if others := self._ready(self._custom(partitioned=False)):
            yield Batch(others)

    def _custom(self, *, partitioned: bool) -> set[AssetKey]:
        """Return the project's custom assets, with or without partitions."""
        graph = self.workspace.definitions.resolve_asset_graph()
        custom = {key for key in self.keys if names.CUSTOM_ASSET in graph.get(key).tags}
        return {key for key in custom if (graph.get(key).partitions_def is not None) == partitioned}

    def _ready(self, custom: set[AssetKey]) -> frozenset[AssetKey]:
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
                        f"{_name(key)} is skipped: its inputs are not materialized: "
                        f"{', '.join(sorted(map(_name, missing)))}"
                    )
        return frozenset(ready)

    def _is_unpartitioned_table(self, key: AssetKey) -> bool:
        graph = self.workspace.definitions.resolve_asset_graph()
        return names.layer_of(key.path) is not None and graph.get(key).partitions_def is None

    def _partitions_in_scope(self, timeline: Timeline) -> list[str]:
        """Return the partitions in scope that have arrived."""
        event_tables = {table: found for table, found in self.fingerprints.items() if None not in found}
        arrived = sorted({str(partition) for found in event_tables.values() for partition in found})
        if self.scope is None:
            return arrived
        wanted = timeline.periods.parse_range(self.scope)
        found = [partition for partition in arrived if partition in wanted]
        if not found:
            hint = (
                f"choose partitions from {arrived[0]} to {arrived[-1]}"
                if arrived
                else "add data to the sources of the tables"
            )
            raise DataError(f"{self.project}: no data has arrived for {self.scope}", hint=hint)
        return found

    def _labelled(self, timeline: Timeline) -> list[str]:
        """Return the partitions with features whose whole horizon has arrived."""
        if not self.only(names.TARGET):
            return []
        staleness = self.staleness
        arrived = [
            staleness.partitions(AssetKey(names.table_asset(self.project, names.VALIDATED, table)))
            for table, found in self.fingerprints.items()
            if None not in found
        ]
        validated = set.intersection(*arrived)
        return [
            partition
            for partition in sorted(staleness.usable_partitions(self._key(names.FEATURES)))
            if validated.issuperset(timeline.target_periods(partition))
        ]

    def _cutoff(self, timeline: Timeline, scope: Sequence[str]) -> str | None:
        """Return the cut-off to train: the requested one, else the newest with labels."""
        if not self.only(names.TRAINING_SET):
            return None
        labelled = self.staleness.usable_partitions(self._key(names.TARGET))
        known = [cutoff for cutoff in timeline.cutoffs(labelled) if not scope or cutoff <= scope[-1]]
        if self.scope and ".." not in self.scope:
            known = [cutoff for cutoff in known if cutoff == scope[-1]]
        if known:
            return known[-1]
        last = self.scope or (scope[-1] if scope else "the last partition")
        self.notes.append(
            f"no model at cut-off {last}: the first cut-off is {timeline.first_cutoff}, and the holdout of a "
            f"cut-off requires the target of the partition {timeline.horizon} before it"
        )
        return None

    def _key(self, asset: str) -> AssetKey:
        return AssetKey(names.project_asset(self.project, asset))


def _name(key: AssetKey) -> str:
    """Return the name of an asset, without the project."""
    return "/".join(key.path[1:])
