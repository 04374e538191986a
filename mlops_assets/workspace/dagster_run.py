"""One Dagster run in this process, and its events as they come."""

import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from logging import INFO
from pathlib import Path
from threading import Event, Thread
from typing import Any

import dagster as dg
from dagster import AssetKey, DagsterInstance
from sqlalchemy.exc import SQLAlchemyError

from mlops_assets.compat.dagster import IN_PROGRESS_RUN_STATUSES, make_new_run_id
from mlops_assets.core import names
from mlops_assets.core.errors import StoreError
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.system.process_lock import process_lock
from mlops_assets.workspace.workspace import Workspace

POLL_SECONDS = 0.25
STOPPED = "stopped; run it again to go on"
"""What a step tells that somebody stopped."""

COMMAND_TAG, PROJECT_TAG = "mlops/command", "mlops/project"
"""Tags of the Dagster runs that a command makes."""


def run_config(
    keys: Collection[AssetKey], *, source: Path | None, trials: int | None, debug: bool
) -> dict[str, Any]:
    """Run config for the arguments of a run."""
    ops: dict[str, Any] = {}
    for key in keys:
        if source and names.layer_of(key.path) == names.RAW:
            ops[names.op_name(*key.path)] = {"config": {"source": str(source)}}
        if trials and key.path[1] == names.TUNED_MODEL:
            ops[names.op_name(*key.path)] = {"config": {"trials": trials}}
    level = "DEBUG" if debug else "CRITICAL"
    return {"ops": ops, "loggers": {"console": {"config": {"log_level": level}}}}


@contextmanager
def project_lock(
    workspace: Workspace,
    instance: DagsterInstance,
    project: str,
    *,
    command: str,
    on_wait: Callable[[str], None],
) -> Iterator[None]:
    """Hold a project against other commands that run it, and end the runs that killed ones left.

    Runs of Dagster's daemon go on beside: they take turns with ours by partition, search and registration.
    """
    lock, statuses = workspace.state.locks / f"{project}.lock", [dg.DagsterRunStatus.NOT_STARTED]
    with process_lock(lock, subject=project, holder=f"`{command}`", on_wait=on_wait):
        tags = {COMMAND_TAG: "run", PROJECT_TAG: project}
        ours = dg.RunsFilter(tags=tags, statuses=[*statuses, *IN_PROGRESS_RUN_STATUSES])
        for left in instance.get_runs(ours):
            instance.report_run_canceled(left, "The process that executed the run was killed.")
        yield


def run_assets(
    workspace: Workspace,
    instance: DagsterInstance,
    keys: Collection[AssetKey],
    partition: str | None,
    config: Mapping[str, Any],
    on_event: Callable[[dg.EventLogEntry], None],
) -> dg.ExecuteInProcessResult:
    """Materialize assets in this process, as one Dagster run of the instance.

    Parameters
    ----------
    partition
        Of those assets that have partitions; all have the same ones.
    on_event
        Called with each entry of the run's event log, soon after it was written.
    """
    run_id = make_new_run_id()
    job = workspace.definitions.resolve_implicit_global_asset_job_def()
    done = Event()

    def follow() -> None:
        # What fails here is the record of runs; the run, which writes to it, fails by it, too, and tells it.
        with suppress(SQLAlchemyError):
            _follow(instance, run_id, on_event, done)

    follower = Thread(target=follow, daemon=True)
    follower.start()
    try:
        with (
            warnings.catch_warnings(),
            translated_disk_errors("Dagster's record of runs", workspace.state.dagster),
        ):
            warnings.simplefilter("ignore", dg.BetaWarning)
            return job.execute_in_process(
                run_config=dict(config),
                instance=instance,
                asset_selection=sorted(keys),
                partition_key=partition,
                run_id=run_id,
                raise_on_error=False,
                tags={COMMAND_TAG: "run", PROJECT_TAG: next(iter(keys)).path[0]},
            )
    finally:
        done.set()
        follower.join()


def run_job(
    workspace: Workspace, instance: DagsterInstance, name: str, config: Mapping[str, Any]
) -> list[str]:
    """Execute one of the project's jobs in this process; returns what it told at level INFO.

    Raises
    ------
    MlopsError
        When it failed: the error behind the failure, where it is one that a person is meant to read.
    """
    result = execute_job(workspace, instance, name, config)
    raise_on_failure(result)
    entries = instance.all_logs(result.run_id)
    return [entry.user_message for entry in entries if not entry.is_dagster_event and entry.level == INFO]


def execute_job(
    workspace: Workspace, instance: DagsterInstance, name: str, config: Mapping[str, Any]
) -> dg.ExecuteInProcessResult:
    """The same, for those who look at the events of a job that may have failed."""
    console = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return workspace.definitions.resolve_job_def(name).execute_in_process(
            run_config={**config, **console},
            instance=instance,
            raise_on_error=False,
            tags={"mlops/command": "run"},
        )


def raise_on_failure(result: dg.ExecuteInProcessResult) -> None:
    """Raise why a job failed, if it did."""
    faults = [step_error(event) for event in result.all_events if event.is_step_failure]
    if faults or not result.success:
        message, _, hint = (faults or ["the run failed before its first step"])[0].partition("\n  hint: ")
        raise StoreError(message, hint=hint or f"Dagster's page of the run {result.run_id} shows more")


def step_error(event: dg.DagsterEvent) -> str:
    """Why a step failed: the words of the error that is at the bottom of it."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error
    while error and error.cause:
        error = error.cause
    if error and error.cls_name == "DagsterExecutionInterruptedError":
        return STOPPED
    return error.message.strip() if error else "the step failed and told no reason"


def _follow(
    instance: DagsterInstance, run_id: str, on_event: Callable[[dg.EventLogEntry], None], done: Event
) -> None:
    """Hand over the run's events as they come, and the last ones after it is done."""
    cursor: str | None = None
    finished = False
    while not finished:
        finished = done.wait(POLL_SECONDS)
        more = True
        while more:
            page = instance.get_records_for_run(run_id, cursor=cursor)
            for record in page.records:
                on_event(record.event_log_entry)
            more, cursor = page.has_more, page.cursor
