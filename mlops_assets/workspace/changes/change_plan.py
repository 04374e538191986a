"""What a run of a project would make, why, and about how long it takes; nothing runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dagster import AssetKey, DagsterInstance

from mlops_assets.components.model_project.project.staleness import StaleReason
from mlops_assets.core import names
from mlops_assets.workspace.changes.durations import Durations
from mlops_assets.workspace.changes.projection import ProjectedPlan
from mlops_assets.workspace.changes.reason_texts import ReasonTexts
from mlops_assets.workspace.health.repairs import repairs
from mlops_assets.workspace.plan_context import Batch, asset_name
from mlops_assets.workspace.project_run import ProjectRun, successive
from mlops_assets.workspace.workspace import Workspace


@dataclass(frozen=True)
class PlannedAsset:
    """An asset that a run makes, for one reason.

    Attributes
    ----------
    asset
        Its name without the project, such as `raw_loans`.
    partitions
        Its partitions; empty if it has none.
    certain
        Whether it runs whatever the new content of its inputs is. Otherwise it runs only if the content of
        an input changes that the plan makes before it, or if a new version becomes the champion.
    seconds
        The expected duration of its step, from earlier ones; None if there is none. Assets of one step have
        the same.
    """

    asset: str
    step: str
    partitions: tuple[str, ...]
    certain: bool
    reason: str
    seconds: float | None


@dataclass(frozen=True)
class PlannedRun:
    """One Dagster run.

    Attributes
    ----------
    partitions
        The partitions that it makes: one, or many of a report; empty without partitions.
    overhead
        The expected seconds beside the steps.
    """

    partitions: tuple[str, ...]
    assets: tuple[PlannedAsset, ...]
    overhead: float

    @property
    def seconds(self) -> float:
        """The expected duration, without the steps whose duration is not known."""
        return self.overhead + _of_steps(self.assets)


def _of_steps(assets: Iterable[PlannedAsset]) -> float:
    """The expected duration of steps, each once."""
    steps = {(one.step, one.partitions): one.seconds or 0.0 for one in assets}
    return sum(steps.values())


@dataclass(frozen=True)
class ChangePlan:
    """The runs that `mlops run` would execute, in order.

    Attributes
    ----------
    removed
        Partitions that a run removes first because they are not declared any more, by asset.
    notes
        Messages for the user, such as about files that are left out.
    """

    project: str
    runs: tuple[PlannedRun, ...]
    removed: dict[str, list[str]]
    notes: tuple[str, ...]

    @property
    def up_to_date(self) -> bool:
        """Whether a run would do nothing."""
        return not self.runs and not self.removed

    def partitions(self, asset: str) -> list[tuple[str | None, bool]]:
        """The partitions of an asset that are made, each with whether it is certain."""
        return [
            (partition, one.certain)
            for run in self.runs
            for one in run.assets
            if one.asset == asset
            for partition in one.partitions or (None,)
        ]

    def seconds(self, *, certain: bool = False) -> float:
        """The expected duration of all runs; with `certain`, of the assets that are certain to run."""
        if not certain:
            return sum(run.seconds for run in self.runs)
        chosen = [(run, [one for one in run.assets if one.certain]) for run in self.runs]
        return sum(run.overhead + _of_steps(assets) for run, assets in chosen if assets)

    @property
    def unknown(self) -> list[str]:
        """The assets without an expected duration, because no step of them has succeeded yet."""
        found = {one.asset: None for run in self.runs for one in run.assets if one.seconds is None}
        return list(found)

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON."""
        return {
            "project": self.project,
            "up_to_date": self.up_to_date,
            "seconds": round(self.seconds(), 1),
            "seconds_of_certain": round(self.seconds(certain=True), 1),
            "without_estimate": self.unknown,
            "model": [
                {"cutoff": partition, "certain": certain}
                for partition, certain in self.partitions(names.TUNED_MODEL)
            ],
            "predictions": [
                {"partition": partition, "certain": certain}
                for partition, certain in self.partitions(names.PREDICTIONS)
            ],
            "runs": [
                {
                    "partitions": list(run.partitions),
                    "seconds": round(run.seconds, 1),
                    "assets": [
                        {
                            "asset": one.asset,
                            "partitions": list(one.partitions),
                            "certain": one.certain,
                            "reason": one.reason,
                            "seconds": None if one.seconds is None else round(one.seconds, 1),
                        }
                        for one in run.assets
                    ],
                }
                for run in self.runs
            ],
            "removed_partitions": self.removed,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class PlanArguments:
    """The arguments of `mlops run` that change what it runs."""

    source: Path | None = None
    scope: str | None = None
    until: str | None = None
    trials: int | None = None
    force: bool = False


def plan_changes(
    workspace: Workspace,
    existing: DagsterInstance | None,
    project: str,
    arguments: PlanArguments = PlanArguments(),
) -> ChangePlan:
    """Compute what `mlops run` with these arguments would run now; nothing is run or written.

    The plan is computed twice, for the cases that everything that is made again has another content, and
    that it has the same. What runs in both is certain.

    Parameters
    ----------
    existing
        The instance; None before the first run.
    """
    instance = existing or DagsterInstance.ephemeral()
    keys = workspace.select(project, arguments.until)
    with TemporaryDirectory() as scratch:
        projected = [
            ProjectedPlan(
                *(workspace, instance, project, keys, arguments.source, arguments.scope),
                changes=changes,
                scratch=Path(scratch),
            )
            for changes in (True, False)
        ]
        projected[1].fingerprints = projected[0].fingerprints
        all_runs, certain_runs = (list(_simulate(plan, arguments)) for plan in projected)
        removed = {asset_name(key): gone for key, gone in projected[0].undeclared_partitions().items()}
    certain = {(key, partition) for run in certain_runs for partition, found in run.items() for key in found}
    durations = Durations(instance, projected[0].projected, arguments.trials)
    graph = workspace.definitions.resolve_asset_graph()
    levels = [key for level in graph.toposorted_asset_keys_by_level for key in sorted(level)]

    def planned(run: Reasons) -> PlannedRun:
        assets = []
        for key in levels:
            same: dict[tuple[bool, str], list[str | None]] = {}
            for partition, found in run.items():
                if key in found:
                    same.setdefault(((key, partition) in certain, found[key]), []).append(partition)
            own = graph.get(key).partitions_def is not None
            for (sure, reason), partitions in same.items():
                of = tuple(one for one in partitions if one is not None and own)
                seconds = durations.of_step(key, of)
                step = graph.get(key).assets_def.op.name
                assets.append(PlannedAsset(asset_name(key), step, of, sure, reason, seconds))
        return PlannedRun(tuple(one for one in run if one is not None), tuple(assets), durations.overhead)

    runs = tuple(map(planned, all_runs))
    return ChangePlan(project, runs, removed, tuple(dict.fromkeys(projected[0].notes)))


Reasons = Mapping[str | None, Mapping[AssetKey, str]]
"""The assets of one run by partition, with the reason of each."""


def _simulate(plan: ProjectedPlan, arguments: PlanArguments) -> Iterator[Reasons]:
    """Yield the assets of each run, in order; each is made before the next one is planned."""
    run = ProjectRun(plan, trials=arguments.trials, force=arguments.force)
    texts = ReasonTexts(plan)
    for batch in repairs(plan):
        yield {batch.partition: dict.fromkeys(batch.keys, "its data file is damaged")}
        plan.projected.add(batch.keys, batch.partition)
    for batch in plan.batches():
        for reasons in _runs(run, batch):
            described = {partition: texts.of_run(partition, found) for partition, found in reasons.items()}
            yield described
            for partition, found in reasons.items():
                plan.projected.add(found, partition)


def _runs(
    run: ProjectRun, batch: Batch
) -> Iterator[Mapping[str | None, Mapping[AssetKey, StaleReason | None]]]:
    """Yield the runs of a batch as `ProjectRun` executes them: one, or one for each range of partitions."""
    if not batch.partitions:
        if found := run.reasons_to_run(batch):
            yield {batch.partition: found}
        return
    stale, periods = run.reasons_by_partition(batch), run.plan.periods
    for first, last in successive(periods, list(stale)) if periods else [(each, each) for each in stale]:
        yield {partition: found for partition, found in stale.items() if first <= partition <= last}


@dataclass(frozen=True)
class RunGroup:
    """Successive runs of the same assets for the same reasons, each of one partition."""

    partitions: tuple[str, ...]
    runs: tuple[PlannedRun, ...]


def grouped(runs: Sequence[PlannedRun]) -> list[RunGroup]:
    """Successive runs that differ in their partition only, to be shown as one."""

    def shape(run: PlannedRun) -> tuple[int, tuple[tuple[str, bool, str], ...]]:
        """Runs of many partitions are shown alone."""
        alone = id(run) if len(run.partitions) > 1 else 0
        return alone, tuple((one.asset, one.certain, one.reason) for one in run.assets)

    found = (tuple(group) for _, group in groupby(runs, shape))
    return [RunGroup(tuple(chain.from_iterable(run.partitions for run in group)), group) for group in found]
