"""Inputs that failed a blocking check: nothing is built on them, however the run was started."""

from collections.abc import Iterable, Mapping

from dagster import AssetKey, DagsterEventType, DagsterInstance, EventLogRecord

from mlops_assets.components.model_project.project.materializations import (
    latest_materializations,
    runs_of_latest,
)
from mlops_assets.components.model_project.project.succeeded_steps import SucceededSteps
from mlops_assets.core.errors import DataError


def require_succeeded(
    instance: DagsterInstance, project: str, inputs: Iterable[tuple[AssetKey, str | None]]
) -> None:
    """Raise if the latest materialization of an input failed a blocking check, or was not checked to its end.

    Dagster enforces a blocking check only within the run that evaluates it.

    Parameters
    ----------
    inputs
        The assets and partitions to read; None for an asset without partitions. Content that Dagster has no
        materialization of is accepted.

    Raises
    ------
    DataError
        For the first such input.
    """
    wanted: dict[AssetKey, set[str | None]] = {}
    for key, partition in inputs:
        wanted.setdefault(key, set()).add(partition)
    succeeded = SucceededSteps(instance)
    for key, partitions in wanted.items():
        chosen = None if None in partitions else {str(partition) for partition in partitions}
        if chosen:
            runs = runs_of_latest(instance, key, chosen)
            successes = succeeded.whole_runs(runs.values())
            chosen = {partition for partition, run_id in runs.items() if run_id not in successes}
            if not chosen:
                continue
        records = latest_materializations(instance, key, chosen)
        succeeded.load(record.run_id for record in records.values())
        for partition, record in sorted(records.items(), key=lambda item: str(item[0])):
            if partition in partitions and not succeeded.includes(record):
                raise _blocked(instance, project, key, record)


def _blocked(instance: DagsterInstance, project: str, key: AssetKey, record: EventLogRecord) -> DataError:
    """The error for an input, with the checks that failed."""
    partition, asset = record.partition_key, "/".join(key.path[1:])
    subject = f"{project}: {asset}{f' of {partition}' if partition else ''}"
    for_partition = f" for {partition}" if partition else ""
    failed = _failed_checks(instance, key, record)
    if failed:
        described = "; ".join(f"{name}: {message}" for name, message in failed.items())
        return DataError(
            f"{subject} failed a blocking check, so nothing is built on it ({described})",
            hint=f"correct the cause and materialize {key.to_user_string()}{for_partition} again",
        )
    run = instance.get_run_by_id(record.run_id)
    state = (
        f"run {record.run_id[:8]} is still checking it"
        if run and not run.is_finished
        else (f"run {record.run_id[:8]} ended before all checks of it were evaluated")
    )
    return DataError(
        f"{subject} is not checked: {state}",
        hint=f"wait for the run, or materialize {key.to_user_string()}{for_partition} again",
    )


def _failed_checks(
    instance: DagsterInstance, key: AssetKey, record: EventLogRecord
) -> Mapping[str, str | None]:
    """The blocking checks that failed in the step of a materialization, with their descriptions."""
    entries = instance.all_logs(record.run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
    step = record.event_log_entry.step_key
    found = (
        entry.dagster_event.asset_check_evaluation_data
        for entry in entries
        if entry.dagster_event and entry.step_key == step
    )
    return {
        check.check_name: check.description
        for check in found
        if check.asset_key == key and check.blocking and not check.passed
    }
