"""Dagster runs by ID, as their status."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import dagster as dg

from mlops_assets.core.status.asset import RunState, RunStatus

_CHUNK = 500
_STATES: Mapping[dg.DagsterRunStatus, RunState] = {
    dg.DagsterRunStatus.SUCCESS: "success",
    dg.DagsterRunStatus.FAILURE: "failure",
    dg.DagsterRunStatus.CANCELED: "canceled",
    dg.DagsterRunStatus.CANCELING: "running",
    dg.DagsterRunStatus.STARTED: "running",
}
"""All others wait for their start."""
_PARTITION = "dagster/partition"
_FIRST, _LAST = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def run_statuses(
    instance: dg.DagsterInstance, run_ids: Collection[str], now: datetime
) -> dict[str, RunStatus]:
    """The runs of these IDs that the instance still has."""
    found, wanted = {}, sorted(run_ids)
    for start in range(0, len(wanted), _CHUNK):
        filters = dg.RunsFilter(run_ids=wanted[start : start + _CHUNK])
        for record in instance.get_run_records(filters):
            found[record.dagster_run.run_id] = run_status(record, now)
    return found


def run_status(record: dg.RunRecord, now: datetime) -> RunStatus:
    """The status of a run by its record."""
    run, tags = record.dagster_run, record.dagster_run.tags
    until = record.end_time or now.timestamp()
    ended = _time(record.end_time) if run.is_finished else None
    partition = tags.get(_PARTITION)
    if partition is None and _FIRST in tags:
        partition = f"{tags[_FIRST]}..{tags.get(_LAST, '')}"
    return RunStatus(
        run.run_id,
        run.job_name,
        _STATES.get(run.status, "queued"),
        _time(record.start_time),
        ended,
        None if record.start_time is None else max(until - record.start_time, 0.0),
        partition,
    )


def _time(timestamp: float | None) -> datetime | None:
    return None if timestamp is None else datetime.fromtimestamp(timestamp, UTC)
