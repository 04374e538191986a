"""Dagster's partitions and partition mappings of a project, and those that its tables were written with."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import job_names, names
from mlops_assets.core.errors import DataError
from mlops_assets.core.periods import Cadence, Periods
from mlops_assets.ml.features.timeline import Timeline

if TYPE_CHECKING:
    from mlops_assets.stores.warehouse.reader import TableReader

_MONTH, _DAY = "%Y-%m", "%Y-%m-%d"
_MONDAY_TO_FRIDAY = "0 0 * * 1-5"
_CADENCES: dict[tuple[str, str], Cadence] = {
    ("0 0 * * *", _DAY): "daily",
    (_MONDAY_TO_FRIDAY, _DAY): "weekdays",
    ("0 0 * * 1", _DAY): "weekly",
    ("0 0 1 * *", _MONTH): "monthly",
}
"""The cadence of Dagster's partitions, by their schedule and format."""


def arrival_partitions(project: Project) -> dg.PartitionsDefinition | None:
    """Partitions of the arriving data; None in a project without partitions."""
    if project.timeline is None:
        return None
    periods = project.timeline.periods
    return _partitions(periods, periods.first, periods.last)


def table_partitions(project: Project, table: str) -> dg.PartitionsDefinition | None:
    """Partitions of a table; None for a table without partitions."""
    periods = project.periods_of(table)
    return _partitions(periods, periods.first, periods.last) if periods else None


def require_same_partitioning(project: Project, store: "TableReader", table: str) -> None:
    """Raise if tables of the rows to predict were written with partitions and have none now, or the reverse.

    The warehouse rejects such a write table by table; this error names all folders at once.

    Raises
    ------
    DataError
        With the folders to move.
    """
    if table != names.SCORING:
        return
    declared = project.periods_of(table) is not None
    keys = [
        *(project.table_key(layer, table) for layer in names.TABLE_LAYERS),
        project.key(names.PREDICTIONS),
    ]
    former = [key for key in keys if store.exists(key.path) and store.is_partitioned(key.path) != declared]
    if former:
        written, now = ("without", "declares") if declared else ("with", "does not declare")
        folders = ", ".join(str(store.root.joinpath(*key.path)) for key in former)
        raise DataError(
            f"{project.subject(table)}: {', '.join(key.path[-1] for key in former)} "
            f"{'was' if len(former) == 1 else 'were'} written {written} partitions, and defs.yaml {now} "
            "`scoring.partitions`",
            hint=f"move {folders} out of the warehouse, or undo the change of defs.yaml; nothing was changed",
        )


def target_partitions(project: Project) -> dg.PartitionsDefinition | None:
    """Partitions of the target: without the last ones, whose horizon lies after the end of the partitions."""
    time = project.timeline
    if time is None:
        return None
    last = time.periods.last and time.periods.shift(time.periods.last, -time.horizon)
    return _partitions(time.periods, time.periods.first, last)


def declared_periods(partitions: dg.PartitionsDefinition | None) -> Periods | None:
    """The periods of an asset's partitions; None for partitions of another kind.

    Whether a key is one of them is known without listing all, which takes Dagster 50 ms for 1,400 days.
    """
    if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        return None
    cadence = _CADENCES.get((partitions.cron_schedule, partitions.fmt))
    if cadence is None:
        return None
    periods = Periods(cadence, "")
    first, end = periods.key_of(partitions.start), partitions.end
    last = periods.shift(periods.key_of(end), -1) if end else None
    return Periods(cadence, first, last, by_batch=partitions.end_offset > 0)


@dataclass(frozen=True)
class PeriodRange:
    """The successive partitions of an asset that a partition of a downstream asset reads.

    Dagster's own mapping lists them, which takes it milliseconds for each partition.
    """

    child: Periods
    parent: Periods
    start: int
    end: int

    @classmethod
    def of(
        cls,
        mapping: dg.PartitionMapping,
        child: dg.PartitionsDefinition | None,
        parent: dg.PartitionsDefinition | None,
    ) -> "PeriodRange | None":
        """The range of a mapping; None if it is not one of periods of the same cadence."""
        own, other = declared_periods(child), declared_periods(parent)
        if not isinstance(mapping, dg.TimeWindowPartitionMapping) or own is None or other is None:
            return None
        if own.cadence != other.cadence:
            return None
        return cls(own, other, mapping.start_offset, mapping.end_offset)

    def of_partition(self, partition: str) -> tuple[str, str]:
        """The keys of the first and the last partition that is read, if they exist."""
        first, last = (self.child.shift(partition, by) for by in (self.start, self.end))
        return max(first, self.parent.first), min(last, self.parent.last or last)


def cutoff_partitions(project: Project) -> dg.PartitionsDefinition | None:
    """Partitions of the model assets, one for each cut-off; None in a project without partitions."""
    if project.timeline is None:
        return None
    return _partitions(project.timeline.periods, project.timeline.first_cutoff, project.timeline.periods.last)


def seen_mapping(time: Timeline) -> dg.PartitionMapping:
    """From features to arrivals: the partition itself and those before it, as far as features look back."""
    back = time.lookback or _all_periods(time)
    return _window(1 - back, 0)


def history_mapping(periods: int) -> dg.PartitionMapping:
    """From a report to arrivals: the partition itself and those before it that it is compared with."""
    return _window(-periods, 0)


def horizon_mapping(time: Timeline) -> dg.PartitionMapping:
    """From target to arrivals: the partitions of its horizon, which follow it."""
    return dg.TimeWindowPartitionMapping(start_offset=1, end_offset=time.horizon)


def labelled_mapping(time: Timeline) -> dg.PartitionMapping:
    """From a cut-off to labelled partitions: those of training, embargo and evaluation."""
    back = (time.window or _all_periods(time)) - 1 + 2 * time.horizon
    return _window(-back, -time.horizon)


def partition_of(context: dg.AssetExecutionContext) -> str | None:
    """The partition that a step materializes; None for an asset without partitions."""
    assets = context.assets_def
    return context.partition_key if assets.partitions_def is not None else None


def is_backtest(context: dg.AssetExecutionContext) -> bool:
    """Whether a step belongs to a backtest, whose models are never registered."""
    return context.run.tags.get(job_names.PURPOSE_TAG) == job_names.BACKTEST


def one_by_one(partitions: dg.PartitionsDefinition | None) -> dg.BackfillPolicy | None:
    """One partition per run, so that an invalid partition does not stop the others of a backfill."""
    return dg.BackfillPolicy.multi_run(1) if partitions else None


def _window(start: int, end: int) -> dg.PartitionMapping:
    return dg.TimeWindowPartitionMapping(
        start_offset=start, end_offset=end, allow_nonexistent_upstream_partitions=True
    )


def _partitions(periods: Periods, first: str, last: str | None) -> dg.PartitionsDefinition:
    """Partitions that exist once their period has ended: half a month would give half a target.

    By batch, the current one exists as well.
    """
    end, ahead = periods.shift(last, 1) if last else None, int(periods.by_batch)
    match periods.cadence:
        case "daily":
            return dg.DailyPartitionsDefinition(first, end_date=end, fmt=_DAY, end_offset=ahead)
        case "weekdays":
            return dg.TimeWindowPartitionsDefinition(
                start=first, end=end, fmt=_DAY, cron_schedule=_MONDAY_TO_FRIDAY, end_offset=ahead
            )
        case "weekly":
            return dg.WeeklyPartitionsDefinition(
                first, end_date=end, fmt=_DAY, day_offset=1, end_offset=ahead
            )
        case "monthly":
            return dg.MonthlyPartitionsDefinition(first, end_date=end, fmt=_MONTH, end_offset=ahead)


def _all_periods(time: Timeline) -> int:
    """A number of periods that reaches back to the first one from every period, for at least ten years.

    Dagster requires a number: its daemon evaluates built-in mappings only. The periods until now would be too
    few as soon as the next one ends, because the mapping stays as it was when the definitions were loaded.
    Larger numbers are slower, as Dagster steps through weeks and months one by one.
    """
    periods = time.periods
    if periods.last is not None:
        return len(periods.between(periods.first, periods.last))
    decade_after_next = datetime(datetime.now(UTC).year // 10 * 10 + 20, 1, 1, tzinfo=UTC)
    return max(len(periods.between(periods.first, periods.key_of(decade_after_next))), 1)
