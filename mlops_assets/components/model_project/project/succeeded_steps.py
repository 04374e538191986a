"""Which steps of Dagster runs succeeded: those of materializations that passed their blocking checks."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

import dagster as dg
from dagster import DagsterInstance, EventLogRecord

_BATCH_SIZE = 500


@dataclass
class SucceededSteps:
    """Which steps of runs have succeeded; answers of the instance are cached."""

    instance: DagsterInstance
    _by_run: dict[str, Literal[True] | set[str | None]] = field(default_factory=dict)
    """Of a run that succeeded, and of a materialization that was reported without a run, all steps: True."""

    def includes(self, record: EventLogRecord) -> bool:
        """Whether the step of a materialization succeeded, including its blocking checks."""
        self.load([record.run_id])
        steps = self._by_run[record.run_id]
        return steps is True or record.event_log_entry.step_key in steps

    def load(self, run_ids: Iterable[str]) -> None:
        """Look up runs, many at once."""
        unknown = iter(dict.fromkeys(run_id for run_id in run_ids if run_id not in self._by_run))
        while chosen := list(islice(unknown, _BATCH_SIZE)):
            succeeded = dg.RunsFilter(run_ids=chosen, statuses=[dg.DagsterRunStatus.SUCCESS])
            self._by_run |= dict.fromkeys(self.instance.get_run_ids(succeeded), True)
            for run_id in chosen:
                if run_id not in self._by_run:
                    self._by_run[run_id] = self._steps_of(run_id)

    def whole_runs(self, run_ids: Collection[str]) -> set[str]:
        """Those of the runs of which all steps succeeded."""
        self.load(run_ids)
        return {run_id for run_id in run_ids if self._by_run[run_id] is True}

    def forget_others(self) -> None:
        """Forget runs that have not succeeded as a whole: their steps may have ended since."""
        self._by_run = {run_id: steps for run_id, steps in self._by_run.items() if steps is True}

    def _steps_of(self, run_id: str) -> Literal[True] | set[str | None]:
        """The steps of a run that succeeded; all of a materialization that was reported without a run."""
        if not self.instance.has_run(run_id):
            return True
        entries = self.instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_SUCCESS)
        return {entry.step_key for entry in entries}
