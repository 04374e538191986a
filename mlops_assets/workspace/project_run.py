"""The run of a project: executes the batches of its plan, except for what is up to date."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster import AssetKey

from mlops_assets.components.model_project.project.metadata_names import (
    BACKTEST,
    FINGERPRINT,
    ONLINE_CONTENT,
    TRIALS,
)
from mlops_assets.components.model_project.project.staleness import Staleness, StaleReason
from mlops_assets.core import job_names, names
from mlops_assets.core.periods import Periods
from mlops_assets.workspace.after_retirement import repeated_assets
from mlops_assets.workspace.dagster_run import run_assets, run_config
from mlops_assets.workspace.health.repairs import repairs
from mlops_assets.workspace.plan_context import Batch
from mlops_assets.workspace.run_events import RunProgress
from mlops_assets.workspace.run_plan import RunPlan
from mlops_assets.workspace.serving.online import stored_content


@dataclass
class ProjectRun:
    """Materializes the stale assets of a plan, one Dagster run for each batch.

    Attributes
    ----------
    trials
        Number of trials of the search; by default as declared.
    force
        Run assets that are up to date, too.
    debug
        Show Dagster's log.
    """

    plan: RunPlan
    trials: int | None = None
    force: bool = False
    debug: bool = False

    def execute(self, progress: RunProgress) -> bool:
        """Run the project; return whether anything was run.

        Errors are collected in `progress`; assets that do not depend on a failed one still run.
        """
        ran, page = self._execute(self.plan.batches(), progress), self.plan.only(names.STATUS_PAGE)
        if page and not progress.stopped and (ran or not self.plan.staleness.is_materialized(*page)):
            self._run(set(page), None, progress, {})
            return True
        return ran

    def backtest(self, cutoffs: Sequence[str], progress: RunProgress) -> bool:
        """Update the data, then train and evaluate a model at each cut-off; no model is registered."""
        tags = {job_names.PURPOSE_TAG: job_names.BACKTEST}
        return self._execute(self.plan.backtest_batches(cutoffs), progress, tags)

    def _execute(
        self, batches: Iterable[Batch], progress: RunProgress, tags: Mapping[str, str] | None = None
    ) -> bool:
        """Run batches in order; each is compared with the materializations of the batches before it."""
        self.plan.remove_undeclared_partitions()
        ran = self._repair(progress)
        if ran and progress.stopped:
            return ran
        for batch in batches:
            if batch.partitions:
                ran = self._run_ranges(batch, progress) or ran
                if progress.stopped:
                    break
                continue
            keys = set(self.reasons_to_run(batch))
            if not keys:
                continue
            ran = True
            self._run(keys, batch.partition, progress, tags or {})
            if progress.stopped:
                break
        return ran

    def reasons_to_run(self, batch: Batch) -> dict[AssetKey, StaleReason | None]:
        """Return the assets of a batch that have to run now, each with the reason; None without one.

        `mlops plan` shows them, and `execute` runs them.
        """
        found: dict[AssetKey, StaleReason | None] = dict.fromkeys(batch.keys)
        if not self.force:
            staleness = self.plan.staleness
            found = {**staleness.reasons(batch.keys, batch.partition, self._expected(batch, staleness))}
            if self.plan.only(names.CHAMPION) & batch.keys and self.plan.scope is None:
                repeated = self.plan.only(*repeated_assets(self.plan.ledger_state)) & batch.keys
                found = {**dict.fromkeys(repeated), **found}
        if batch.partition and found and found.keys() <= self.plan.only(names.CHAMPION):
            # The champion has no partition; the registered model brings the cut-off into the run.
            found |= dict.fromkeys(self.plan.only(names.REGISTERED_MODEL))
        return found

    def reasons_by_partition(self, batch: Batch) -> Mapping[str, Mapping[AssetKey, StaleReason | None]]:
        """Return the partitions of a batch with many that have to run now, with the reasons of each."""
        if self.force:
            return {partition: dict.fromkeys(batch.keys) for partition in batch.partitions}
        staleness = self.plan.staleness
        found = {partition: {**staleness.reasons(batch.keys, partition)} for partition in batch.partitions}
        return {partition: reasons for partition, reasons in found.items() if reasons}

    def _run_ranges(self, batch: Batch, progress: RunProgress) -> bool:
        """Run the stale partitions of a batch, successive ones in one run; return whether there are any."""
        stale, periods = self.reasons_by_partition(batch), self.plan.periods
        ranges = successive(periods, list(stale)) if periods else [(each, each) for each in stale]
        for first, last in ranges:
            self._run(set(batch.keys), first, progress, {}, last=last)
            if progress.stopped:
                break
        return bool(ranges)

    def _repair(self, progress: RunProgress) -> bool:
        """Compute the partitions of tables with damaged files again; return whether there are any."""
        ran = False
        for batch in repairs(self.plan):
            ran = True
            self._run(set(batch.keys), batch.partition, progress, {})
            if progress.stopped:
                break
        return ran

    def _run(
        self,
        keys: set[AssetKey],
        partition: str | None,
        progress: RunProgress,
        tags: Mapping[str, str],
        *,
        last: str | None = None,
    ) -> None:
        config = run_config(keys, source=self.plan.source, trials=self.trials, debug=self.debug)
        count = 1
        if partition and last and self.plan.periods:
            count = len(self.plan.periods.between(partition, last))
        progress.begin(partition if count == 1 else f"{partition}..{last}", partitions=count)
        result = run_assets(
            *(self.plan.workspace, self.plan.instance, keys, partition, config, progress.on_event),
            last_partition=last if count > 1 else None,
            tags=tags,
            on_abandon=progress.abandon,
        )
        if not result.success and not progress.errors:
            progress.errors.append("the run failed before its first step")

    def _expected(self, batch: Batch, staleness: Staleness) -> dict[AssetKey, dict[str, Any]]:
        """Return the metadata of up-to-date assets: fingerprint, trials, champion and online content."""
        expected: dict[AssetKey, dict[str, Any]] = {}
        for spec in self.plan.workspace.definitions.resolve_all_asset_specs():
            if spec.key not in batch.keys:
                continue
            if names.layer_of(spec.key.path) == names.RAW:
                fingerprints = self.plan.fingerprints[names.table_of(spec.key.path)]
                expected[spec.key] = {FINGERPRINT: fingerprints[batch.partition]}
            if spec.key in self.plan.only(names.FEATURES_ONLINE):
                content = stored_content(self.plan.workspace, self.plan.project)
                expected[spec.key] = {ONLINE_CONTENT: content}
            if TRIALS in spec.metadata:
                expected[spec.key] = {TRIALS: self.trials or spec.metadata[TRIALS]}
                if self.plan.only(names.REGISTERED_MODEL):  # which takes no model of a backtest
                    expected[spec.key][BACKTEST] = None
        if self.plan.is_newest(batch.partition, staleness):
            expected |= staleness.expected_from_champion(self.plan.project)
        return expected


def successive(periods: Periods, partitions: Sequence[str]) -> list[tuple[str, str]]:
    """Return the first and last partition of each row of successive ones; Dagster runs ranges only."""
    ranges: list[tuple[str, str]] = []
    for partition in sorted(partitions):
        if ranges and periods.shift(ranges[-1][1], 1) == partition:
            ranges[-1] = (ranges[-1][0], partition)
        else:
            ranges.append((partition, partition))
    return ranges
