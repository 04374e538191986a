"""Dagster runs in this process: assets with a live stream of events, and jobs."""

import re
import signal
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from logging import INFO
from pathlib import Path
from queue import SimpleQueue
from threading import Thread, current_thread, main_thread
from typing import Any

import dagster as dg
from dagster import AssetKey, DagsterInstance

from mlops_assets.compat.dagster import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    IN_PROGRESS_RUN_STATUSES,
    make_new_run_id,
)
from mlops_assets.core import names
from mlops_assets.core.command_user import run_of_command
from mlops_assets.core.errors import StoreError
from mlops_assets.core.interruption import limited_interruption
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.system.process_lock import process_lock
from mlops_assets.workspace.workspace import Workspace

_ABANDONED = re.compile(r"Dependencies for step \S+(?P<steps> .*)\. Not executing\.", re.DOTALL)
"""Dagster has no event for a step that it abandons, only this line in the log."""
STOPPED = "interrupted; run it again to resume"
"""Error message of an interrupted step."""

COMMAND_TAG, PROJECT_TAG = "mlops/command", "mlops/project"
"""Tags of the Dagster runs that a command starts."""


def run_config(
    keys: Collection[AssetKey], *, source: Path | None, trials: int | None, debug: bool
) -> dict[str, Any]:
    """Return the run config for the arguments of a command."""
    ops: dict[str, Any] = {}
    for key in keys:
        if source and names.layer_of(key.path) == names.RAW and not names.is_scoring(key.path):
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
    """Lock a project against other commands, and cancel the runs of killed commands.

    Runs of Dagster's daemon are not locked out: finer locks on partitions, searches and the registry keep
    them and the command apart.
    """
    lock, statuses = workspace.state.locks / f"{project}.lock", [dg.DagsterRunStatus.NOT_STARTED]
    with process_lock(lock, subject=project, holder=f"`{command}`", on_wait=on_wait):
        tags = {COMMAND_TAG: "run", PROJECT_TAG: project}
        orphaned = dg.RunsFilter(tags=tags, statuses=[*statuses, *IN_PROGRESS_RUN_STATUSES])
        for run in instance.get_runs(orphaned):
            instance.report_run_canceled(run, "The process that executed the run was killed.")
        yield


def run_assets(
    workspace: Workspace,
    instance: DagsterInstance,
    keys: Collection[AssetKey],
    partition: str | None,
    config: Mapping[str, Any],
    on_event: Callable[[dg.EventLogEntry], None],
    *,
    last_partition: str | None = None,
    tags: Mapping[str, str] | None = None,
    on_abandon: Callable[[], None] = lambda: None,
) -> dg.ExecuteInProcessResult:
    """Materialize assets in this process, as one Dagster run of the instance.

    After Ctrl-C or SIGTERM, the process ends within five seconds. A step that does not react by then is
    abandoned.

    Parameters
    ----------
    partition
        Partition of the partitioned assets, which share one partitions definition.
    last_partition
        Materialize all partitions from `partition` to this one, which the assets must support in one run.
    on_event
        Called in another thread with each entry of the run's event log, as soon as it is stored.
    tags
        Additional tags of the run.
    on_abandon
        Called in another thread before the process ends without waiting for the step.

    Raises
    ------
    BrokenPipeError
        After the end of the run, if `on_event` has raised it.
    """
    from mlops_assets.compute_logs import LocalLogs  # imports watchdog

    run_id, job = make_new_run_id(), workspace.repeated_job(frozenset(keys))
    span: dict[str, str] = {}
    if partition and last_partition:
        span = {ASSET_PARTITION_RANGE_START_TAG: partition, ASSET_PARTITION_RANGE_END_TAG: last_partition}
    entries: SimpleQueue[dg.EventLogEntry | None] = SimpleQueue()
    instance.add_event_listener(run_id, entries.put)

    unread: list[BrokenPipeError] = []

    def follow() -> None:
        for entry in iter(entries.get, None):
            try:
                on_event(entry)
            except BrokenPipeError as error:  # no reader any more; the run continues
                unread.append(error)
                return

    def abandon() -> None:
        entries.put(None)
        on_abandon()
        if isinstance(logs := instance.compute_log_manager, LocalLogs):
            logs.show_captured()
        _cancel(instance, run_id)

    follower = Thread(target=follow, daemon=True)
    follower.start()
    try:
        with (
            warnings.catch_warnings(),
            kept_sigterm(),
            limited_interruption(abandon, until_exit=True),
            run_of_command(),
            translated_disk_errors("Dagster's run storage", workspace.state.dagster),
        ):
            warnings.simplefilter("ignore", dg.BetaWarning)
            result = job.execute(
                run_config=dict(config),
                instance=instance,
                partition_key=partition if last_partition is None else None,
                run_id=run_id,
                tags={**(tags or {}), **span, COMMAND_TAG: "run", PROJECT_TAG: next(iter(keys)).path[0]},
            )
    finally:
        entries.put(None)
        follower.join()
    if unread:
        raise unread[0]
    return result


def run_job(
    workspace: Workspace, instance: DagsterInstance, name: str, config: Mapping[str, Any]
) -> list[str]:
    """Execute a job in this process; return its log messages of level INFO.

    Raises
    ------
    StoreError
        When the job failed, with the message of the underlying error.
    """
    result = execute_job(workspace, instance, name, config)
    raise_on_failure(result)
    entries = instance.all_logs(result.run_id)
    return [entry.user_message for entry in entries if not entry.is_dagster_event and entry.level == INFO]


def execute_job(
    workspace: Workspace, instance: DagsterInstance, name: str, config: Mapping[str, Any]
) -> dg.ExecuteInProcessResult:
    """Execute a job in this process; return its result, failed or not."""
    console = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    run_id = make_new_run_id()
    with (
        warnings.catch_warnings(),
        kept_sigterm(),
        limited_interruption(lambda: _cancel(instance, run_id), until_exit=True),
        run_of_command(),
    ):
        warnings.simplefilter("ignore", dg.BetaWarning)
        return workspace.definitions.resolve_job_def(name).execute_in_process(
            run_config={**config, **console},
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
            tags={"mlops/command": "run"},
        )


def _cancel(instance: DagsterInstance, run_id: str) -> None:
    """Mark a run as canceled, unless it has ended."""
    run = instance.get_run_by_id(run_id)
    if run and not run.is_finished:
        instance.report_run_canceled(run, "The process was interrupted and did not wait for the step.")


@contextmanager
def kept_sigterm() -> Iterator[None]:
    """Restore the handler of SIGTERM after a run.

    Dagster leaves the handler of SIGINT there. A background job of a shell ignores SIGINT, and would then
    ignore `kill`, too.
    """
    if current_thread() is not main_thread():  # Python and Dagster set handlers in the main thread alone
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None:  # None where other code than Python's has set it
            signal.signal(signal.SIGTERM, before)


def raise_on_failure(result: dg.ExecuteInProcessResult) -> None:
    """Raise the first error of a failed job.

    Raises
    ------
    StoreError
        When the job failed.
    """
    errors = [step_error(event) for event in result.all_events if event.is_step_failure]
    if errors or not result.success:
        message, _, hint = (errors or ["the run failed before its first step"])[0].partition("\n  hint: ")
        raise StoreError(message, hint=hint or f"see run {result.run_id} in Dagster's UI")


def step_error(event: dg.DagsterEvent) -> str:
    """Return the message of the innermost error of a failed step."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error
    while error and error.cause:
        error = error.cause
    if error and error.cls_name == "DagsterExecutionInterruptedError":
        return STOPPED
    return error.message.strip() if error else "the step failed without an error message"


def steps_in_the_way(message: str) -> list[str]:
    """The failed or unexecuted steps for which Dagster abandons a step, by its message; empty for others."""
    found = _ABANDONED.fullmatch(message.strip())
    return re.findall(r"'([^']+)'", found["steps"]) if found else []
