"""Failed runs: the first failed asset of each, until it is materialized."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from mlops_assets.compat.dagster import RunStatusChangeRecordsFilter
from mlops_assets.components.model_project.monitoring.alerts.evaluation import (
    WITHHELD,
    Evaluation,
    asset_name,
    of_partition,
)
from mlops_assets.components.model_project.project.succeeded_steps import SucceededSteps
from mlops_assets.stores.alerts.alert import Condition

_FIRST = timedelta(hours=24)
"""How far the first evaluation looks back."""
_OVERLAP_SECONDS = 120.0
"""A run may be recorded later than one that ended after it."""
_PAGE = 100
_WILL_RETRY = "dagster/will_retry"
_PARTITION = "dagster/partition"
_BLOCKED = "DagsterAssetCheckFailedError"


@dataclass(frozen=True)
class _Failure:
    """A failed run of the project.

    Attributes
    ----------
    asset
        The failed asset; None if the run failed outside of one.
    """

    run_id: str
    at: float
    job: str
    partition: str | None
    asset: dg.AssetKey | None
    detail: str

    @property
    def key(self) -> str:
        return f"run:{self.asset.to_user_string() if self.asset else self.job}:{self.partition or ''}"


def failed_runs(evaluation: Evaluation) -> Iterator[Condition]:
    """Yield a condition for each asset or job whose last run failed.

    It ends when the asset is materialized, in any run, or the job succeeds. A run that a blocking check
    stopped is blocked data, and no failure of its own. A run that Dagster starts again does not count.
    """
    succeeded = SucceededSteps(evaluation.instance)
    failures = {**_open_failures(evaluation), **{one.key: one for one in _new_failures(evaluation)}}
    for failure in failures.values():
        if _recovered(evaluation, failure, succeeded):
            continue
        what = asset_name(failure.asset) if failure.asset else f"job {failure.job}"
        yield Condition(
            key=failure.key,
            kind="run",
            severity=evaluation.severity("run"),
            title=f"{what} failed{of_partition(failure.partition)}",
            detail=failure.detail,
            partition=failure.partition,
            asset=failure.asset.to_user_string() if failure.asset else None,
            run_id=failure.run_id,
        )


def _new_failures(evaluation: Evaluation) -> Iterator[_Failure]:
    """Yield the failures since the last evaluation, and those shortly before, the oldest first."""
    observations = evaluation.observations
    since = observations.position("runs")
    if since is None:
        since = (evaluation.now - _FIRST).timestamp()
    filter_ = RunStatusChangeRecordsFilter(
        event_type=dg.DagsterEventType.RUN_FAILURE, after_timestamp=since - _OVERLAP_SECONDS
    )
    cursor, newest, more = None, since, True
    while more:
        page = evaluation.instance.fetch_run_status_changes(filter_, _PAGE, cursor=cursor, ascending=True)
        for record in page.records:
            newest = max(newest, record.timestamp)
            if failure := _failure(evaluation, record.run_id, record.timestamp):
                yield failure
        cursor, more = page.cursor, page.has_more
    evaluation.positions["runs"] = newest


def _failure(evaluation: Evaluation, run_id: str, at: float) -> _Failure | None:
    """The failure of a run, if it is one of the project that counts."""
    run = evaluation.instance.get_run_by_id(run_id)
    if run is None or run.status != dg.DagsterRunStatus.FAILURE or run.tags.get(_WILL_RETRY) == "true":
        return None
    selected = sorted(set(run.asset_selection or ()) & evaluation.keys)
    if not selected and run.job_name not in evaluation.automation.jobs:
        return None
    events = _failed_steps(evaluation.instance, run_id)
    steps = {event.step_key or "": event for event in events}
    own = {step: event for step, event in steps.items() if not _is_blocked(event)}
    failed = [key for step in own for key in _assets(evaluation, step)]
    if (steps and not own) or (own and not failed and selected):  # blocked, or a step of another project
        return None
    asset = next(iter(failed or selected), None)
    first = next(iter(own.values()), None)
    return _Failure(
        run_id=run_id,
        at=at,
        job=run.job_name,
        partition=run.tags.get(_PARTITION),
        asset=asset,
        detail=_message(evaluation, asset, first),
    )


def _failed_steps(instance: dg.DagsterInstance, run_id: str) -> list[dg.DagsterEvent]:
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    return [entry.dagster_event for entry in entries if entry.dagster_event]


def _is_blocked(event: dg.DagsterEvent) -> bool:
    error = event.step_failure_data.error
    return error is not None and error.cls_name == _BLOCKED


def _assets(evaluation: Evaluation, step: str) -> list[dg.AssetKey]:
    """The assets of the project that a step materializes."""
    op = step.partition("[")[0].rpartition(".")[2]
    return sorted(key for key in evaluation.keys if evaluation.graph.get(key).assets_def.node_def.name == op)


def _message(evaluation: Evaluation, asset: dg.AssetKey | None, event: dg.DagsterEvent | None) -> str:
    """The error of a failed step; messages of generated assets have no values of sensitive columns."""
    if event is None:
        return "the run ended before a step failed: its process was killed, or it could not be started"
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        text = data.user_failure_data.description
        return WITHHELD if asset is not None and evaluation.quotes_values(asset) else text
    error = data.error
    while error and error.cause:
        error = error.cause
    if error is None:
        return ""
    return f"{error.cls_name}: {WITHHELD}" if evaluation.project.sensitive else error.message.strip()


def _open_failures(evaluation: Evaluation) -> dict[str, _Failure]:
    """The failures of open incidents, as far as their runs are still known."""
    found = {}
    for incident in evaluation.store.open_incidents(evaluation.project.name):
        if incident.kind != "run" or not incident.run_id:
            continue
        record = evaluation.instance.get_run_record_by_id(incident.run_id)
        if record is None:  # deleted: nothing is known about it any more
            continue
        ended = record.end_time or record.update_timestamp.timestamp()
        asset = dg.AssetKey.from_user_string(incident.asset) if incident.asset else None
        if asset is None or asset in evaluation.keys:
            job = record.dagster_run.job_name
            failure = _Failure(incident.run_id, ended, job, incident.partition, asset, incident.detail)
            found[failure.key] = failure
    return found


def _recovered(evaluation: Evaluation, failure: _Failure, succeeded: SucceededSteps) -> bool:
    """Whether the asset was materialized, or the job succeeded, after the failure."""
    if failure.asset is None:
        filters = dg.RunsFilter(
            job_name=failure.job,
            statuses=[dg.DagsterRunStatus.SUCCESS],
            created_after=datetime.fromtimestamp(failure.at, UTC),
            tags={_PARTITION: failure.partition} if failure.partition else None,
        )
        return bool(evaluation.instance.get_run_records(filters, limit=1))
    partitioned = evaluation.graph.get(failure.asset).is_partitioned
    partitions = [failure.partition] if failure.partition and partitioned else None
    found = evaluation.instance.fetch_materializations(
        dg.AssetRecordsFilter(failure.asset, asset_partitions=partitions, after_timestamp=failure.at), limit=1
    )
    return any(succeeded.includes(record) for record in found.records)
