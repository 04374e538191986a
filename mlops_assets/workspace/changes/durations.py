"""How long steps will take: the median of their last runs, scaled where that is sensible."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median

from dagster import AssetKey, DagsterInstance, EventLogRecord, RunsFilter

from mlops_assets.components.model_project.project.metadata_names import TRIALS
from mlops_assets.core import names
from mlops_assets.workspace.changes.projection import Projected

_LAST = 5
"""The number of past steps whose median is the estimate."""
_MANY_ROWS = 100_000
"""From here on the rows decide how long a step takes; below, its constant part does."""
_ROWS = "dagster/row_count"
_USUAL_OVERHEAD = 1.0
"""Seconds of a Dagster run beside its steps where none is known."""


@dataclass
class Durations:
    """Expected durations of steps.

    Parameters
    ----------
    staleness
        It has looked up the materializations already.
    trials
        The number of trials of the search; by default as declared.
    """

    instance: DagsterInstance
    staleness: Projected
    trials: int | None = None
    _steps: dict[str, dict[str, float]] = field(default_factory=dict)
    _overheads: dict[str, float] = field(default_factory=dict)

    def of_step(self, key: AssetKey, partitions: Sequence[str]) -> float | None:
        """The expected seconds of the step of partitions; None if no step of the asset has succeeded.

        Parameters
        ----------
        partitions
            Partitions that one step makes; empty of an asset without partitions.
        """
        known = self.staleness.recorded(key)
        newest = sorted(known.values(), key=lambda one: -one.storage_id)[:_LAST]
        together = Counter(record.run_id for record in known.values())
        past = [(self._seconds(record), record) for record in newest]
        measured = [
            (seconds / together[record.run_id], record) for seconds, record in past if seconds is not None
        ]
        if not measured:
            return None
        own = [known[one] for one in partitions or (None,) if one in known]
        rows = [_number(one, _ROWS) for one in own]
        usual = [one for one in rows if one is not None]
        each = median(
            seconds * self._scale(key, record, median(usual) if usual else None)
            for seconds, record in measured
        )
        return each * max(len(partitions), 1)

    @cached_property
    def overhead(self) -> float:
        """The expected seconds of a run beside its steps; known once durations were looked up."""
        return median(self._overheads.values()) if self._overheads else _USUAL_OVERHEAD

    def _scale(self, key: AssetKey, record: EventLogRecord, rows: float | None) -> float:
        """What to multiply a past duration with: the ratio of trials or, of large tables, of rows."""
        if key.path[1:] == [names.TUNED_MODEL]:
            before = _number(record, TRIALS)
            declared = self.staleness.graph.get(key).metadata.get(TRIALS)
            after = self.trials or declared
            return float(after) / before if before and isinstance(after, int) else 1.0
        past = _number(record, _ROWS)
        return rows / past if rows and past and min(rows, past) >= _MANY_ROWS else 1.0

    def _seconds(self, record: EventLogRecord) -> float | None:
        if record.run_id not in self._steps:
            self._steps[record.run_id] = self._of_run(record.run_id)
        return self._steps[record.run_id].get(record.event_log_entry.step_key or "")

    def _of_run(self, run_id: str) -> dict[str, float]:
        stats = self.instance.get_run_step_stats(run_id)
        found = {
            one.step_key: one.end_time - one.start_time
            for one in stats
            if one.start_time is not None and one.end_time is not None
        }
        [*runs] = self.instance.get_run_records(limit=1, filters=RunsFilter(run_ids=[run_id]))
        for run in runs:
            if run.start_time is not None and run.end_time is not None and found:
                self._overheads[run_id] = max(run.end_time - run.start_time - sum(found.values()), 0.0)
        return found


def _number(record: EventLogRecord, name: str) -> float | None:
    materialization = record.asset_materialization
    value = materialization.metadata.get(name) if materialization else None
    found = value.value if value else None
    return float(found) if isinstance(found, int | float) else None


def shown(seconds: float) -> str:
    """A duration in words: `40 s`, `3 min`, `2.5 h`."""
    if seconds < 60:
        return f"{max(seconds, 1):.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
