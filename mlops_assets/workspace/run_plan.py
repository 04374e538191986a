"""The plan of a project's run: its batches of assets, in the order of their dependencies.

Tables and cut-offs have different partitions, so one Dagster run can't contain the whole graph of an event
project. Each partition of the tables, each target, the model, and each partition of the predictions is a
batch. In a project without partitions, the rows to predict and their predictions follow the champion.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from dagster import AssetKey

from mlops_assets.components.model_project.automation.jobs import MODEL_ASSETS, REGISTRY_ASSETS
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.features.timeline import Timeline
from mlops_assets.workspace.plan_context import Batch, PlanContext, asset_name

_TO_PREDICT = f"{names.VALIDATED}_{names.SCORING}"


@dataclass
class RunPlan(PlanContext):
    """The batches of a project's run.

    Batches are generated lazily: a later batch depends on what the earlier ones have materialized.
    """

    def batches(self) -> Iterator[Batch]:
        """Yield the batches of a run of the whole project."""
        if self.timeline is not None:
            yield from self._event_batches(self.timeline)
        else:
            yield from self._static_batches()
        yield from self._report_batches()

    def _static_batches(self) -> Iterator[Batch]:
        tables = {key for key in self.keys if names.is_scoring(key.path)}
        scoring = tables | self.only(names.PREDICTIONS)
        partitioned = self.custom(partitioned=True) - self.after_reports
        page = self.only(names.STATUS_PAGE)  # after all batches, see `ProjectRun`
        after = self.workspace.downstream(scoring) - scoring - page
        for key in sorted(partitioned if self.periods is None else partitioned - after):
            self.notes.append(f"{asset_name(key)} has partitions; materialize it in Dagster")
        if self.scope is None:
            yield Batch(frozenset(self.keys - partitioned - after - scoring - self.after_reports - page))
        if not scoring:
            return
        if self.periods is None:
            yield from self._scoring_batches(tables)
        else:
            yield from self._scoring_partitions(tables, partitioned & after)
        yield Batch(self.ready((after & self.keys) - partitioned - self.after_reports))

    def _scoring_batches(self, tables: set[AssetKey]) -> Iterator[Batch]:
        """Yield batches of the rows to predict, and of their predictions."""
        if tables and self.fingerprints.get(names.SCORING):
            yield Batch(frozenset(tables))
        if self._has_champion() and self.staleness.is_materialized(self.key(_TO_PREDICT)):
            yield Batch(frozenset(self.only(names.PREDICTIONS)))

    def _scoring_partitions(self, tables: set[AssetKey], custom: set[AssetKey]) -> Iterator[Batch]:
        """Yield batches of each partition: its rows, predictions, and custom assets that follow them."""
        arrived = {key for key in self.fingerprints.get(names.SCORING, {}) if key is not None}
        # Rows that have arrived are predicted, even if their files were removed since.
        wanted = self.in_scope(arrived | self.staleness.partitions(self.key(_TO_PREDICT)))
        for partition in sorted(arrived & wanted) if tables else ():
            yield Batch(frozenset(tables), partition)
        if not self._has_champion():
            return
        usable = sorted(self.staleness.usable_partitions(self.key(_TO_PREDICT)) & wanted)
        for partition in usable:
            yield Batch(frozenset(self.only(names.PREDICTIONS)), partition)
        if custom and (ready := self.ready(custom)):
            for partition in usable:
                yield Batch(ready, partition)

    def _has_champion(self) -> bool:
        found = self.ledger_state.champion is not None
        if not found:
            self.notes.append("no predictions: there is no champion")
        return found

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

    def remove_undeclared_partitions(self) -> None:
        """Remove partitions that are not declared any more: their rows are in declared ones, too."""
        if self.periods is None:
            return
        followed = self.only(names.FEATURES, names.TARGET) | set(self.reports)
        setting = "partitions" if self.timeline else "scoring.partitions"
        for key in sorted(followed | {key for key in self.keys if names.layer_of(key.path)}):
            if removed := self.tables.keep_partitions(key.path, self.periods):
                self.reset_staleness()
                self.notes.append(
                    f"{asset_name(key)}: removed {', '.join(removed[:3])}"
                    f"{f' and {len(removed) - 3} more' if len(removed) > 3 else ''}, which `{setting}` in "
                    "defs.yaml does not declare any more; older versions of the table keep them"
                )

    def _event_batches(self, timeline: Timeline) -> Iterator[Batch]:
        yield from self._data_batches(timeline)
        scope = self._partitions_in_scope()
        if (cutoff := self._cutoff(timeline, scope)) is not None:
            yield Batch(frozenset(self.only(*MODEL_ASSETS, *REGISTRY_ASSETS)), cutoff)
        staleness = self.staleness
        if self.ledger_state.champion is None:
            if staleness.is_materialized(self.key(names.PREDICTIONS)):
                self.notes.append("no predictions: there is no champion")
        else:
            for partition in sorted(staleness.usable_partitions(self.key(names.FEATURES)) & set(scope)):
                yield Batch(frozenset(self.only(names.PREDICTIONS)), partition)
        if staleness.usable_partitions(self.key(names.FEATURES)):
            yield Batch(frozenset(self.only(names.FEATURES_ONLINE)))
        yield from self._custom_batches(scope)

    def _data_batches(self, timeline: Timeline) -> Iterator[Batch]:
        """Yield batches of tables, features and targets."""
        without = {key for key in self.keys if self._is_unpartitioned_table(key)}
        if without:
            yield Batch(frozenset(without))
        scope = self._partitions_in_scope()
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
        if by_partition := self.ready(self.custom(partitioned=True) - self.after_reports):
            features = self.staleness.usable_partitions(self.key(names.FEATURES))
            for partition in sorted(features & set(scope)):
                yield Batch(by_partition, partition)
        if others := self.ready(self.custom(partitioned=False) - self.after_reports):
            yield Batch(others)

    def _report_batches(self) -> Iterator[Batch]:
        """Yield a batch of all partitions of each report, then those of the assets after the reports."""
        for report in self.reports:
            partitions = self.report_partitions(report)
            wanted = self._of_scope(partition for partition in partitions if partition is not None)
            if wanted:
                yield Batch(frozenset({report}), partitions=tuple(wanted))
            elif None in partitions:
                yield Batch(frozenset({report}))
        yield Batch(frozenset(self.only(names.RETRAINING)))
        later = self.after_reports - set(self.reports)
        if by_partition := self.ready(later & self.custom(partitioned=True)):
            reported = [self.staleness.partitions(report) for report in self.reports]
            for partition in self._of_scope(set().union(*reported)):
                yield Batch(by_partition, partition)
        yield Batch(self.ready(later & self.custom(partitioned=False)))

    def _of_scope(self, partitions: Iterable[str]) -> list[str]:
        """Return the partitions that the run is restricted to, possibly none."""
        found = sorted(partitions)
        if self.scope is None or self.periods is None:
            return found
        return sorted(set(found) & set(self.periods.parse_range(self.scope)))

    def _is_unpartitioned_table(self, key: AssetKey) -> bool:
        graph = self.workspace.definitions.resolve_asset_graph()
        return names.layer_of(key.path) is not None and graph.get(key).partitions_def is None

    def _partitions_in_scope(self) -> list[str]:
        """Return the partitions in scope that have arrived."""
        event_tables = {table: found for table, found in self.fingerprints.items() if None not in found}
        return sorted(self.in_scope({str(key) for found in event_tables.values() for key in found}))

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
            for partition in sorted(staleness.usable_partitions(self.key(names.FEATURES)))
            if validated.issuperset(timeline.target_periods(partition))
        ]

    def _cutoff(self, timeline: Timeline, scope: Sequence[str]) -> str | None:
        """Return the cut-off to train: the requested one, else the newest with labels."""
        if not self.only(names.TRAINING_SET):
            return None
        labelled = self.staleness.usable_partitions(self.key(names.TARGET))
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
