"""Versions that are pending approval: their description, the check and the reminder."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import job_names, names
from mlops_assets.stores.governance.pending_versions import describe_pending

if TYPE_CHECKING:
    from mlops_assets.stores.governance.ledger.state import LedgerState

NO_OVERDUE_APPROVAL = "no_overdue_approval"
"""Name of the check."""


@dataclass(frozen=True)
class Reminder:
    """The result of a tick.

    Attributes
    ----------
    messages
        A message for each version whose reminder is due; empty if all were sent in this period.
    cursor
        When the last reminder of each version was sent.
    skip_reason
        Why no reminder is sent.
    """

    messages: list[str]
    cursor: str
    skip_reason: str


def approval_check(project: Project) -> dg.AssetCheckSpec:
    """The check that fails while an approval is overdue."""
    hours = project.settings.approval.remind_after_hours
    sensor = job_names.sensor_name(project.name, job_names.REMINDER)
    return dg.AssetCheckSpec(
        NO_OVERDUE_APPROVAL,
        asset=project.key(names.CHAMPION),
        description=f"No version has been pending approval for more than {hours:g} hours. The sensor "
        f"`{sensor}` repeats the reminder every {hours:g} hours.",
    )


def approval_check_result(project: Project, state: "LedgerState") -> dg.AssetCheckResult:
    """The current result of the check."""
    overdue = _overdue(project, state, datetime.now(UTC))
    return dg.AssetCheckResult(
        check_name=NO_OVERDUE_APPROVAL,
        passed=not overdue,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(describe_pending(project.name, state)) or "no version is pending approval",
    )


def overdue_evaluation(project: Project, reminder: Reminder) -> dg.AssetCheckEvaluation:
    """A failure of the check, as the sensor reports it."""
    return dg.AssetCheckEvaluation(
        asset_key=project.key(names.CHAMPION),
        check_name=NO_OVERDUE_APPROVAL,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(reminder.messages),
    )


def remind(project: Project, state: "LedgerState", cursor: str | None) -> Reminder:
    """The reminders that are due, at most one for each version in each period.

    Parameters
    ----------
    cursor
        The cursor of the previous tick.
    """
    now, period = datetime.now(UTC), _period(project)
    sent = {int(version): datetime.fromisoformat(at) for version, at in json.loads(cursor or "{}").items()}
    overdue = _overdue(project, state, now)
    due = [version for version in overdue if version not in sent or now - sent[version] >= period]
    remembered = {version: now if version in due else sent[version] for version in overdue}
    messages = dict(zip(state.pending, describe_pending(project.name, state), strict=True))
    return Reminder(
        [messages[version] for version in due],
        json.dumps({version: at.isoformat() for version, at in remembered.items()}),
        "; ".join(messages.values()) or "no version is pending approval",
    )


def _overdue(project: Project, state: "LedgerState", now: datetime) -> list[int]:
    """Versions that have been pending for a whole period, in a project where a person has to decide."""
    if not (project.settings.approval.required or state.on_hold):
        return []
    return [version for version in state.pending if now - state.pending_since[version] >= _period(project)]


def _period(project: Project) -> timedelta:
    return timedelta(hours=project.settings.approval.remind_after_hours)
