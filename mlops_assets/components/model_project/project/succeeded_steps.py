"""Which steps of Dagster runs succeeded: those of materializations that passed their blocking checks."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

import dagster as dg
from dagster import DagsterInstance, EventLogRecord

_BATCH_SIZE = 500


@dataclass
class SucceededSteps:
    """Which steps of runs have succeeded; answers of the instance are cached."""

    instance: DagsterInstance
    _by_run: dict[str, bool | set[str | None]] = field(default_factory=dict)

    def includes(self, record: EventLogRecord) -> bool:
        """Whether the step of a materialization succeeded, including its blocking checks."""
        self.load([record])
        steps = self._by_run[record.run_id]
        return steps if isinstance(steps, bool) else record.event_log_entry.step_key in steps

    def load(self, records: Iterable[EventLogRecord]) -> None:
        """Look up the runs of materializations, many at once."""
        unknown = iter(dict.fromkeys(one.run_id for one in records if one.run_id not in self._by_run))
        while run_ids := list(islice(unknown, _BATCH_SIZE)):
            found = self.instance.get_runs(dg.RunsFilter(run_ids=run_ids))
            self._by_run |= {run.run_id: True for run in found if run.is_success}
            for run_id in run_ids:
                if run_id not in self._by_run:
                    self._by_run[run_id] = self._steps_of(run_id)

    def _steps_of(self, run_id: str) -> bool | set[str | None]:
        """The steps of a run that succeeded; all of a materialization that was reported without a run."""
        if not self.instance.has_run(run_id):
            return True
        entries = self.instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_SUCCESS)
        return {entry.step_key for entry in entries}
