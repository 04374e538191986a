"""Figures of Dagster's runs: in progress, in the queue, and ended."""

from collections import Counter
from collections.abc import Iterable

import dagster as dg
from dagster import DagsterInstance

from mlops_assets.compat.dagster import IN_PROGRESS_RUN_STATUSES
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.workspace.metrics import catalogue
from mlops_assets.workspace.metrics.figures import Figures
from mlops_assets.workspace.metrics.finished_runs import STATES, Job, count_finished_runs, project_of

_QUEUED = dg.DagsterRunStatus.QUEUED
_UNFINISHED = [_QUEUED, *IN_PROGRESS_RUN_STATUSES]


def add_runs(
    figures: Figures, state: StateDirectory, instance: DagsterInstance | None, declared: Iterable[Job] = ()
) -> None:
    """Add the figures of runs.

    Parameters
    ----------
    instance
        The instance; None if nothing has run yet.
    declared
        Jobs with counters at zero from the beginning, so that Prometheus sees their first run as an increase.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED)) if instance else []
    queued = [record.create_timestamp for record in records if record.dagster_run.status is _QUEUED]
    figures.add(catalogue.QUEUE_LENGTH, len(queued))
    figures.add(catalogue.QUEUED_AT, min(queued, default=None))
    unfinished = Counter((_job(record.dagster_run), _state(record.dagster_run)) for record in records)
    for (job, status), number in sorted(unfinished.items()):
        figures.add(catalogue.RUNS_IN_PROGRESS, number, project=job.project, job_name=job.name, state=status)
    finished = count_finished_runs(state, instance) if instance else {}
    for job in sorted({*declared, *(job for job, _ in finished), *(job for job, _ in unfinished)}):
        for status in STATES.values():
            number = finished.get((job, status), 0)
            figures.add(catalogue.RUNS_FINISHED, number, project=job.project, job_name=job.name, state=status)


def _job(run: dg.DagsterRun) -> Job:
    return Job(project_of(run), run.job_name)


def _state(run: dg.DagsterRun) -> str:
    return run.status.value.lower()
