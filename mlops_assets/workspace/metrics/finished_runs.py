"""Counters of finished runs, which continue when runs are deleted and when the exporter starts again."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import dagster as dg
from dagster import DagsterEventType, DagsterInstance
from filelock import FileLock

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.system.disk_errors import translated_disk_errors, write_atomically
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.workspace.dagster_run import PROJECT_TAG

_Ended = Literal[DagsterEventType.RUN_SUCCESS, DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_CANCELED]
STATES: Mapping[_Ended, str] = {
    DagsterEventType.RUN_SUCCESS: "success",
    DagsterEventType.RUN_FAILURE: "failure",
    DagsterEventType.RUN_CANCELED: "canceled",
}
"""Events that end a run, and the state that they lead to."""
_PAGE = 500


class Job(NamedTuple):
    """A job of a project; the project is empty for runs of no or of several projects."""

    project: str
    name: str


@dataclass
class _Counted:
    """The content of the file: the last counted event of each kind, and the counts."""

    cursors: dict[str, int] = field(default_factory=dict)
    counts: Counter[tuple[Job, str]] = field(default_factory=Counter)


def count_finished_runs(state: StateDirectory, instance: DagsterInstance) -> Mapping[tuple[Job, str], int]:
    """Count the runs that have ended since the last call, and return all counts by job and state.

    The number of runs that Dagster keeps falls when runs are deleted, which Prometheus would take for a
    restart at zero. Therefore the counts are kept in a file of the state directory, with the place in the
    event log up to which runs are counted.

    Raises
    ------
    StoreError
        When the file is damaged, or can't be written.
    """
    file = state.metrics / "finished_runs.json"
    state.locks.mkdir(parents=True, exist_ok=True)
    with (
        translated_disk_errors("the counters of finished runs", state.root),
        FileLock(state.locks / "finished_runs"),
    ):
        counted = _read(file)
        if _advance(counted, instance):
            _write(file, counted)
    return counted.counts


def project_of(run: dg.DagsterRun) -> str:
    """Return the project that a run belongs to; empty if it belongs to none or to several."""
    if tagged := run.tags.get(PROJECT_TAG):
        return tagged
    projects = {key.path[0] for key in run.asset_selection or ()}
    return projects.pop() if len(projects) == 1 else ""


def _advance(counted: _Counted, instance: DagsterInstance) -> bool:
    """Count the events behind the cursors; return whether there were any."""
    newest, changed = instance.event_log_storage.get_maximum_record_id() or 0, False
    for event, state in STATES.items():
        # SQLite gives the number of a deleted newest event to the next one.
        cursor = min(counted.cursors.get(event.value, 0), newest)
        while True:
            filtered = dg.RunStatusChangeRecordsFilter(event_type=event, after_storage_id=cursor)
            found = instance.fetch_run_status_changes(filtered, limit=_PAGE, ascending=True).records
            projects = _projects(instance, [record.run_id for record in found])
            for record in found:
                job = Job(projects.get(record.run_id, ""), record.event_log_entry.job_name or "")
                counted.counts[job, state] += 1
                cursor = record.storage_id
            if len(found) < _PAGE:
                break
        changed |= counted.cursors.get(event.value) != cursor
        counted.cursors[event.value] = cursor
    return changed


def _projects(instance: DagsterInstance, run_ids: Iterable[str]) -> dict[str, str]:
    wanted = list(run_ids)
    runs = instance.get_runs(dg.RunsFilter(run_ids=wanted)) if wanted else []
    return {run.run_id: project_of(run) for run in runs}


def _read(file: Path) -> _Counted:
    if not file.exists():
        return _Counted()
    try:
        found = json.loads(file.read_text("utf-8"))
        cursors = {str(event): int(number) for event, number in found["cursors"].items()}
        counts = {
            (Job(str(project), str(job)), str(state)): int(number)
            for project, job, state, number in found["counts"]
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{file} is damaged: it contains no counters of runs",
            hint="delete it: the runs that Dagster keeps are counted again",
        ) from error
    return _Counted(cursors, Counter(counts))


def _write(file: Path, counted: _Counted) -> None:
    counts = [[*job, state, number] for (job, state), number in sorted(counted.counts.items())]
    write_atomically(file, json.dumps({"cursors": counted.cursors, "counts": counts}))
