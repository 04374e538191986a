"""A project's graph from the command: what is run, in which order, and what is left alone.

Tables and cut-offs have different partitions, so no single Dagster run can hold the graph of an event
project: each partition's tables are a run, each target, the model, and each partition's predictions.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from dagster import AssetKey, DagsterInstance

from mlops_assets.components.model_project.automation.jobs import MODEL_ASSETS, REGISTRY_ASSETS
from mlops_assets.components.model_project.project.declared_tables import from_metadata
from mlops_assets.components.model_project.project.metadata_names import ARRIVAL, DIALECT, FINGERPRINT, TRIALS
from mlops_assets.components.model_project.project.staleness import Staleness
from mlops_assets.core import names
from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.ml.features.timeline import Timeline
from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets.stores.sources.base import Ingestion
from mlops_assets.stores.sources.open import open_source
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.dagster_run import run_assets, run_config
from mlops_assets.workspace.run_events import RunProgress
from mlops_assets.workspace.workspace import Workspace


@dataclass(frozen=True)
class Batch:
    """Assets that one run makes: all of one partition, or without partitions."""

    keys: frozenset[AssetKey]
    partition: str | None = None


@dataclass
class ProjectRun:
    """A project's graph, gone through in its order; what is up to date is left alone.

    Attributes
    ----------
    project
        Its name.
    keys
        The assets that may be run.
    source
        Where to read the table's files instead of where the project says.
    force
        Run what is up to date, too.
    scope
        `2025-03`, or `2024-06..2025-06`: only these partitions; all that have arrived by default.
    """

    workspace: Workspace
    instance: DagsterInstance
    project: str
    keys: set[AssetKey]
    source: Path | None = None
    trials: int | None = None
    force: bool = False
    debug: bool = False
    scope: str | None = None
    notes: list[str] = field(default_factory=list)
    """What somebody should know, and what stopped nothing."""

    def __post_init__(self) -> None:
        raw = [key for key in self.workspace.project(self.project) if names.layer_of(key.path) == names.RAW]
        if self.source and len(raw) > 1:
            tables = ", ".join(sorted(names.table_of(key.path) for key in raw))
            raise ProjectError(
                f"{self.project} has several tables ({tables}), and --data can be for one alone",
                hint="change the tables' `source` in defs.yaml, or put the files where it says",
            )
        if self.scope and self.timeline is None:
            raise ProjectError(f"{self.project} has no partitions", hint="run it without --partition")

    @cached_property
    def timeline(self) -> Timeline | None:
        return self.workspace.timeline(self.project)

    @property
    def staleness(self) -> Staleness:
        """What is out of date now; every run may change it."""
        graph = self.workspace.definitions.resolve_asset_graph()
        return Staleness(graph, self.instance, self.tables)

    @property
    def tables(self) -> Warehouse:
        return Warehouse(self.workspace.state.warehouse)

    def execute(self, progress: RunProgress) -> bool:
        """Run what is to be run; tells whether that was anything.

        What failed is in the progress' faults; what does not depend on it goes on.
        """
        if self.timeline is None:
            own = self._own(partitioned=True)
            for key in sorted(own):
                self.notes.append(f"{'/'.join(key.path[1:])} has partitions, and is left to Dagster")
            return self._execute([Batch(frozenset(self.keys - own))], progress)
        return self._execute(self._event_batches(self.timeline), progress)

    def backtest(self, cutoffs: Sequence[str], progress: RunProgress) -> bool:
        """Bring the data up to date, and train and judge a model at each cut-off; none is registered."""
        timeline = self.workspace.event_timeline(self.project)
        if early := [cutoff for cutoff in cutoffs if cutoff < timeline.first_cutoff]:
            raise ProjectError(
                f"{self.project}: cut-off {early[0]} is too early: a model needs partitions to train on",
                hint=f"the first cut-off is {timeline.first_cutoff}",
            )
        models = (Batch(frozenset(self._only(*MODEL_ASSETS)), cutoff) for cutoff in cutoffs)
        return self._execute(chain(self._data_batches(timeline), models), progress)

    def _execute(self, batches: Iterable[Batch], progress: RunProgress) -> bool:
        """Run batches in turn; each is looked at when those before it have run."""
        ran = False
        for batch in batches:
            keys = set(batch.keys)
            if not self.force:
                staleness = self.staleness
                keys = staleness.stale(keys, batch.partition, self._expected(batch, staleness))
            if not keys:
                continue
            if batch.partition and (champion := keys & self._only(names.CHAMPION)) == keys:
                keys = champion | self._only(
                    names.REGISTERED_MODEL
                )  # it has no partition to tell the cut-off by
            ran = True
            config = run_config(keys, source=self.source, trials=self.trials, debug=self.debug)
            progress.begin(batch.partition)
            result = run_assets(
                self.workspace, self.instance, keys, batch.partition, config, progress.on_event
            )
            if not result.success and not progress.faults:
                progress.faults.append("the run failed before its first step")
            if progress.stopped:
                break
        return ran

    def _event_batches(self, timeline: Timeline) -> Iterator[Batch]:
        yield from self._data_batches(timeline)
        scope = self._partitions_in_scope(timeline)
        if (cutoff := self._cutoff(timeline, scope)) is not None:
            yield Batch(frozenset(self._only(*MODEL_ASSETS, *REGISTRY_ASSETS)), cutoff)
        made = self.staleness
        if made.is_materialized(AssetKey(names.project_asset(self.project, names.CHAMPION))):
            features_key = AssetKey(names.project_asset(self.project, names.FEATURES))
            for partition in sorted(made.partitions(features_key) & set(scope)):
                yield Batch(frozenset(self._only(names.PREDICTIONS)), partition)
        yield from self._own_batches(scope)

    def _own_batches(self, scope: Sequence[str]) -> Iterator[Batch]:
        """The project's own assets whose inputs are there: those of each partition, then the others."""
        features_key = AssetKey(names.project_asset(self.project, names.FEATURES))
        if by_partition := self._ready(self._own(partitioned=True)):
            for partition in sorted(self.staleness.partitions(features_key) & set(scope)):
                yield Batch(by_partition, partition)
        if others := self._ready(self._own(partitioned=False)):
            yield Batch(others)

    def _own(self, *, partitioned: bool) -> set[AssetKey]:
        """The project's own assets, with the partitions of arrivals or without any."""
        graph = self.workspace.definitions.resolve_asset_graph()
        own = {key for key in self.keys if names.CUSTOM_ASSET in graph.get(key).tags}
        return {key for key in own if (graph.get(key).partitions_def is not None) == partitioned}

    def _ready(self, own: set[AssetKey]) -> frozenset[AssetKey]:
        """Those of own assets whose inputs have been made, or are made with them."""
        graph, made, ready = self.workspace.definitions.resolve_asset_graph(), self.staleness, set(own)
        for level in graph.toposorted_asset_keys_by_level:
            for key in set(level) & own:
                parents = graph.get(key).parent_keys
                waits = [
                    parent for parent in parents - ready if parent in own or not made.is_materialized(parent)
                ]
                if waits:
                    ready.discard(key)
                    names_of = ", ".join(sorted("/".join(parent.path[1:]) for parent in waits))
                    self.notes.append(f"{'/'.join(key.path[1:])} waits for {names_of}")
        return frozenset(ready)

    def _data_batches(self, timeline: Timeline) -> Iterator[Batch]:
        """Tables, features and targets."""
        without = {key for key in self.keys if self._is_unpartitioned_table(key)}
        if without:
            yield Batch(frozenset(without))
        scope = self._partitions_in_scope(timeline)
        arriving = {key for key in self.keys if names.layer_of(key.path)} - without
        for partition in scope:
            arrived = {
                key for key in arriving if partition in self._fingerprints.get(names.table_of(key.path), {})
            }
            features = self._only(names.FEATURES) if arrived == arriving else set()
            yield Batch(frozenset(arrived | features), partition)
        for partition in self._labelled(timeline):
            yield Batch(frozenset(self._only(names.TARGET)), partition)

    def _only(self, *assets: str) -> set[AssetKey]:
        """Those of the project's assets that may be run."""
        return {AssetKey(names.project_asset(self.project, asset)) for asset in assets} & self.keys

    def _is_unpartitioned_table(self, key: AssetKey) -> bool:
        graph = self.workspace.definitions.resolve_asset_graph()
        return names.layer_of(key.path) is not None and graph.get(key).partitions_def is None

    def _partitions_in_scope(self, timeline: Timeline) -> list[str]:
        """Partitions that have arrived, and are asked for."""
        event_tables = {table: found for table, found in self._fingerprints.items() if None not in found}
        arrived = sorted({str(partition) for found in event_tables.values() for partition in found})
        if self.scope is None:
            return arrived
        wanted = timeline.periods.parse_range(self.scope)
        found = [partition for partition in arrived if partition in wanted]
        if not found:
            there = f"there is data of {arrived[0]} to {arrived[-1]}" if arrived else "there is no data"
            raise DataError(f"{self.project}: nothing has arrived for {self.scope}", hint=there)
        return found

    def _labelled(self, timeline: Timeline) -> list[str]:
        """Partitions with features whose whole horizon has arrived."""
        if not self._only(names.TARGET):
            return []
        made = self.staleness
        features = made.partitions(AssetKey(names.project_asset(self.project, names.FEATURES)))
        arrived = [
            made.partitions(AssetKey(names.table_asset(self.project, names.VALIDATED, table)))
            for table, found in self._fingerprints.items()
            if None not in found
        ]
        there = set.intersection(*arrived)
        return [
            partition
            for partition in sorted(features)
            if there.issuperset(timeline.target_periods(partition))
        ]

    def _cutoff(self, timeline: Timeline, scope: Sequence[str]) -> str | None:
        """The cut-off that is trained: the one that is asked for, else the newest that has labels."""
        if not self._only(names.TRAINING_SET):
            return None
        labelled = self.staleness.partitions(AssetKey(names.project_asset(self.project, names.TARGET)))
        known = [cutoff for cutoff in timeline.cutoffs(labelled) if not scope or cutoff <= scope[-1]]
        if self.scope and ".." not in self.scope:
            known = [cutoff for cutoff in known if cutoff == scope[-1]]
        if known:
            return known[-1]
        last = self.scope or (scope[-1] if scope else "the last partition")
        self.notes.append(
            f"no model at cut-off {last}: the first that can be trained is {timeline.first_cutoff}, and a "
            f"cut-off is judged by the target of {timeline.horizon} partitions before it"
        )
        return None

    @cached_property
    def _fingerprints(self) -> dict[str, Mapping[str | None, str]]:
        """Of each table that may be read, the content of each partition that has arrived."""
        found: dict[str, Mapping[str | None, str]] = {}
        keys = self.workspace.project(self.project)
        graph = self.workspace.definitions.resolve_asset_graph()
        for spec in self.workspace.definitions.resolve_all_asset_specs():
            if spec.key not in keys or names.layer_of(spec.key.path) != names.RAW:
                continue
            periods = self.timeline.periods if self.timeline and graph.get(spec.key).partitions_def else None
            declared = str(self.source) if self.source else from_metadata(spec.metadata)
            dialect = Dialect.from_settings(spec.metadata.get(DIALECT))
            table = names.table_of(spec.key.path)
            ingestion = Ingestion(self.project, table, periods, spec.metadata.get(ARRIVAL), dialect)
            with (
                open_source(declared, ingestion, root=self.workspace.root, warehouse=self.tables) as source,
                self.tables.connect() as connection,
            ):
                arrivals = source.arrivals(
                    connection,
                    until=periods.start_of(periods.newest(datetime.now(UTC))) if periods else None,
                    wanted=periods.parse_range(self.scope) if periods and self.scope else None,
                )
            self.notes.extend(f"table {table}: {told}" for told in arrivals.left_out)
            found[table] = {
                partition: arrival.fingerprint for partition, arrival in arrivals.by_partition.items()
            }
        return found

    def _expected(self, batch: Batch, staleness: Staleness) -> dict[AssetKey, dict[str, Any]]:
        """What materializations of these arguments would tell: the source's content, trials, the champion."""
        expected: dict[AssetKey, dict[str, Any]] = {}
        for spec in self.workspace.definitions.resolve_all_asset_specs():
            if spec.key not in batch.keys:
                continue
            if names.layer_of(spec.key.path) == names.RAW:
                fingerprints = self._fingerprints[names.table_of(spec.key.path)]
                expected[spec.key] = {FINGERPRINT: fingerprints[batch.partition]}
            if TRIALS in spec.metadata:
                expected[spec.key] = {TRIALS: self.trials or spec.metadata[TRIALS]}
        return expected | (
            staleness.expected_from_champion(self.project) if self._is_newest(batch, staleness) else {}
        )

    def _is_newest(self, batch: Batch, staleness: Staleness) -> bool:
        """Whether a new champion is to score this partition: the past keeps what was said then."""
        features_key = AssetKey(names.project_asset(self.project, names.FEATURES))
        return batch.partition == max(staleness.partitions(features_key), default=None)
