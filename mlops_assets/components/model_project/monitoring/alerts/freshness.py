"""Overdue assets and partitions: Dagster's freshness states, and partitions that have not arrived."""

from collections.abc import Iterator
from datetime import UTC, timedelta

from mlops_assets.compat.dagster import CronFreshnessPolicy, TimeWindowFreshnessPolicy
from mlops_assets.components.model_project.monitoring.alerts.evaluation import Evaluation, asset_name
from mlops_assets.core import names
from mlops_assets.core.periods import Periods
from mlops_assets.stores.alerts.alert import Condition

_MOST_PARTITIONS = 60
"""Older partitions are not expected any more."""


def overdue(evaluation: Evaluation) -> Iterator[Condition]:
    """Yield a condition for each overdue asset and partition."""
    yield from _overdue_assets(evaluation)
    hours = evaluation.project.settings.freshness.arrival_hours
    if hours is not None:
        for table in evaluation.project.read_tables:
            if periods := evaluation.project.periods_of(table):
                yield from _overdue_partitions(evaluation, table, periods, hours)


def _overdue_assets(evaluation: Evaluation) -> Iterator[Condition]:
    """Assets whose freshness policy fails or warns, as Dagster's daemon and its pages see them."""
    policies = {key: evaluation.graph.get(key).freshness_policy_or_from_metadata for key in evaluation.keys}
    keys = sorted(key for key, policy in policies.items() if policy)
    states = evaluation.instance.get_freshness_state_records(keys) if keys else {}
    for key, record in sorted(states.items()):
        state = record.freshness_state.value
        if state not in ("FAIL", "WARN"):
            continue
        failed = state == "FAIL"
        yield Condition(
            key=f"freshness:{key.to_user_string()}",
            kind="freshness",
            severity=evaluation.severity("freshness") if failed else "warning",
            title=f"{asset_name(key)} is {'overdue' if failed else 'nearly overdue'}",
            detail=_describe(policies[key]),
            asset=key.to_user_string(),
        )


def _describe(policy: object) -> str:
    match policy:
        case TimeWindowFreshnessPolicy():
            hours = policy.fail_window.to_timedelta() / timedelta(hours=1)
            return f"it is expected to be materialized at least every {hours:g} hours"
        case CronFreshnessPolicy():
            return f"it is expected to be materialized by `{policy.deadline_cron}` ({policy.timezone})"
        case _:
            return ""


def _overdue_partitions(
    evaluation: Evaluation, table: str, periods: Periods, hours: float
) -> Iterator[Condition]:
    """Partitions that ended longer ago than the declared delay, and have no rows.

    Those before the first that has rows are not expected; without any, only the newest is.
    """
    key = evaluation.project.table_key(names.RAW, table)
    arrived = evaluation.instance.get_materialized_partitions(key)
    now = evaluation.now.astimezone(UTC).replace(tzinfo=None)
    due, first = periods.newest(now), min(arrived, default=None)
    while periods.end_of(due) + timedelta(hours=hours) > now:
        due = periods.shift(due, -1)
    for _ in range(_MOST_PARTITIONS if first else 1):
        if due < (first or periods.first):
            return
        if due not in arrived:
            expected = periods.end_of(due) + timedelta(hours=hours)
            yield Condition(
                key=f"arrival:{table}:{due}",
                kind="freshness",
                severity=evaluation.severity("freshness"),
                title=f"{table} has no rows of {due}",
                detail=f"the partition was expected by {expected:%Y-%m-%d %H:%M} UTC, {hours:g} hours after "
                "its end",
                partition=due,
                asset=key.to_user_string(),
            )
        due = periods.shift(due, -1)
