"""The age of an asset against its freshness policy, computed without Dagster's daemon.

Dagster's own state of a policy is written by its daemon, and stays as it was while the daemon is down.
"""

from datetime import datetime, timedelta
from itertools import islice

import dagster as dg

from mlops_assets.compat.dagster import (
    CronFreshnessPolicy,
    TimeWindowFreshnessPolicy,
    get_latest_completed_cron_tick,
    schedule_execution_time_iterator,
)
from mlops_assets.core.status.asset import FreshnessStatus


def freshness_status(
    policy: dg.FreshnessPolicy, materialized_at: datetime | None, now: datetime
) -> FreshnessStatus:
    """Evaluate a policy of a time window or of a cron deadline, as Dagster does.

    Parameters
    ----------
    materialized_at
        The last materialization. Without one the state is unknown.
    """
    match policy:
        case TimeWindowFreshnessPolicy():
            return _in_window(policy, materialized_at, now)
        case CronFreshnessPolicy():
            return _by_deadline(policy, materialized_at, now)
    return FreshnessStatus("unknown", type(policy).__name__)


def _in_window(
    policy: TimeWindowFreshnessPolicy, materialized_at: datetime | None, now: datetime
) -> FreshnessStatus:
    fail = policy.fail_window.to_timedelta()
    warn = policy.warn_window.to_timedelta() if policy.warn_window else fail
    words = f"every {_duration(fail)}"
    if materialized_at is None:
        return FreshnessStatus("unknown", words)
    age = now - materialized_at
    due_at = materialized_at + fail
    if age >= fail:
        return FreshnessStatus("overdue", words, due_at)
    return FreshnessStatus("due soon" if age >= warn else "fresh", words, due_at)


def _by_deadline(
    policy: CronFreshnessPolicy, materialized_at: datetime | None, now: datetime
) -> FreshnessStatus:
    """Overdue if nothing was materialized since the start of the window before the last deadline."""
    words = f"by cron {policy.deadline_cron} ({policy.timezone})"
    if materialized_at is None:
        return FreshnessStatus("unknown", words)
    deadline = get_latest_completed_cron_tick(policy.deadline_cron, now, policy.timezone)
    if materialized_at < deadline - policy.lower_bound_delta:
        return FreshnessStatus("overdue", words, deadline)
    coming = schedule_execution_time_iterator(now.timestamp(), policy.deadline_cron, policy.timezone)
    missed = (tick for tick in islice(coming, 3) if materialized_at < tick - policy.lower_bound_delta)
    return FreshnessStatus("fresh", words, next(missed, None))


def _duration(time: timedelta) -> str:
    hours = time.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours >= 48 and hours % 24 == 0 else f"{hours:g} h"
