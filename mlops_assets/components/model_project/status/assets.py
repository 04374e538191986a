"""The health of assets: materializations, partitions, runs, checks and freshness, of all projects at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import dagster as dg
from dagster import AssetCheckKey, AssetKey

from mlops_assets.compat.dagster_events import PartitionEvents, partition_events, runs_of_events
from mlops_assets.components.model_project.status.checks import check_statuses
from mlops_assets.components.model_project.status.declared import DeclaredAsset
from mlops_assets.components.model_project.status.freshness import freshness_status
from mlops_assets.components.model_project.status.runs import run_statuses
from mlops_assets.core.periods import Periods
from mlops_assets.core.status.asset import (
    AssetStatus,
    CheckStatus,
    FreshnessStatus,
    Health,
    PartitionStatus,
    RunStatus,
)

_ROWS = "dagster/row_count"
_NAMED = 3
"""Partitions that a reason names."""


@dataclass(frozen=True)
class _Events:
    """What the event log has about assets."""

    latest: Mapping[AssetKey, dg.EventLogEntry]
    partitions: Mapping[AssetKey, Sequence[PartitionEvents]]
    runs_of_events: Mapping[int, str]
    runs: Mapping[str, RunStatus]
    checks: Mapping[AssetCheckKey, CheckStatus]


def asset_statuses(
    instance: dg.DagsterInstance, assets: Sequence[DeclaredAsset], now: datetime
) -> dict[AssetKey, AssetStatus]:
    """The status of every asset; the number of queries does not depend on the number of assets."""
    found = _events(instance, assets, now)
    return {asset.key: _status(instance, asset, found, now) for asset in assets}


def _events(instance: dg.DagsterInstance, assets: Sequence[DeclaredAsset], now: datetime) -> _Events:
    keys = [asset.key for asset in assets]
    latest = {
        record.asset_entry.asset_key: record.asset_entry.last_materialization
        for record in (instance.get_asset_records(keys) if keys else [])
        if record.asset_entry.last_materialization
    }
    partitions: dict[AssetKey, list[PartitionEvents]] = {key: [] for key in keys}
    for event in partition_events(instance, keys):
        partitions[event.key].append(event)
    newest = [max(found, key=_newest_id) for found in partitions.values() if found]
    attempts = [each for found in partitions.values() for each in found if each.planned > each.materialized]
    ids = {*map(_newest_id, newest), *(attempt.planned for attempt in attempts)}
    runs_of = runs_of_events(instance, sorted(ids))
    runs = run_statuses(instance, set(runs_of.values()), now)
    return _Events(latest, partitions, runs_of, runs, check_statuses(instance, assets))


def _newest_id(event: PartitionEvents) -> int:
    return max(event.planned, event.materialized)


def _status(instance: dg.DagsterInstance, asset: DeclaredAsset, found: _Events, now: datetime) -> AssetStatus:
    events = _declared_events(asset, found.partitions[asset.key])
    entry = found.latest.get(asset.key)
    at = datetime.fromtimestamp(entry.timestamp, UTC) if entry else None
    freshness = freshness_status(asset.freshness, at, now) if asset.freshness else None
    run = _run(max(found.partitions[asset.key], key=_newest_id, default=None), found)
    checks = tuple(found.checks[key] for key in asset.checks)
    failed = tuple(
        sorted(
            event.partition or ""
            for event in events
            if event.planned > event.materialized and _state(event, found) == "failure"
        )
    )
    done = sorted(event.partition or "" for event in events if event.materialized)
    partitions = None
    if asset.partitions is not None:
        count = _partition_count(instance, asset, now)
        partitions = PartitionStatus(count, len(done), failed, done[-1] if done else None)
    health, reason = _health(bool(done), failed, partitions, run, checks, freshness)
    rows = _rows(entry) if entry else None
    return AssetStatus(asset.name, health, reason, at, rows, freshness, partitions, run, checks)


def _declared_events(asset: DeclaredAsset, events: Iterable[PartitionEvents]) -> list[PartitionEvents]:
    """Events of the declared partitions, or of an asset without partitions."""
    if asset.partitions is None:
        return [event for event in events if event.partition is None]
    return [
        event
        for event in events
        if event.partition is not None and (asset.periods is None or event.partition in asset.periods)
    ]


def _health(
    materialized: bool,
    failed: Sequence[str],
    partitions: PartitionStatus | None,
    run: RunStatus | None,
    checks: Sequence[CheckStatus],
    freshness: FreshnessStatus | None,
) -> tuple[Health, str]:
    """The health, and the reason if it is not healthy."""
    newest = partitions.newest if partitions else None
    if failed and (newest is None or failed[-1] >= newest):
        of = f" of {_some(failed)}" if partitions else ""
        return "failed", f"the last run{of} failed{_run_text(run)}"
    if broken := [check.name for check in checks if check.state == "failed"]:
        return "failed", f"checks failed: {', '.join(broken)}"
    if freshness and freshness.state == "overdue" and freshness.due_at:
        return "overdue", f"overdue since {freshness.due_at:%Y-%m-%d %H:%M} UTC ({freshness.policy})"
    if not materialized:
        return "missing", "not materialized yet"
    warned = [check.name for check in checks if check.state == "warned"]
    reasons = [f"checks warn: {', '.join(warned)}"] if warned else []
    reasons += [f"runs of older partitions failed: {_some(failed)}"] if failed else []
    if blocked := sorted({each for check in checks if check.blocking for each in check.failed_partitions}):
        reasons.append(f"blocked partitions: {_some(blocked)}")
    if freshness and freshness.state == "due soon" and freshness.due_at:
        reasons.append(f"overdue from {freshness.due_at:%Y-%m-%d %H:%M} UTC ({freshness.policy})")
    return ("warning", "; ".join(reasons)) if reasons else ("healthy", "")


def _run_text(run: RunStatus | None) -> str:
    return f" (run {run.run_id[:8]})" if run and run.state == "failure" else ""


def _some(partitions: Sequence[str]) -> str:
    newest = [*reversed(partitions)][:_NAMED]
    more = len(partitions) - len(newest)
    return f"{', '.join(newest)}{f' and {more:,} more' if more else ''}"


def _run(event: PartitionEvents | None, found: _Events) -> RunStatus | None:
    return found.runs.get(found.runs_of_events[_newest_id(event)]) if event else None


def _state(event: PartitionEvents, found: _Events) -> str | None:
    run = found.runs.get(found.runs_of_events[event.planned])
    return run.state if run else None


def _partition_count(instance: dg.DagsterInstance, asset: DeclaredAsset, now: datetime) -> int:
    """The number of partitions that exist by now."""
    if asset.periods is not None:
        return _period_count(asset.periods, asset.periods.newest(now))
    assert asset.partitions is not None
    return len(asset.partitions.get_partition_keys(dynamic_partitions_store=instance))


@cache
def _period_count(periods: Periods, newest: str) -> int:
    return len(periods.between(periods.first, newest))


def _rows(entry: dg.EventLogEntry) -> int | None:
    materialization = entry.asset_materialization
    found = materialization.metadata.get(_ROWS) if materialization else None
    return int(found.value) if found is not None and isinstance(found.value, int) else None
