"""Versions that wait for somebody's word: how it is told, and when it is told again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import job_names, names

if TYPE_CHECKING:
    from mlops_assets.stores.governance.ledger_state import Standing

NOBODY_WAITS = "nobody_waits"


@dataclass(frozen=True)
class Reminder:
    """What a tick has to say.

    Attributes
    ----------
    told
        A sentence for each version that has waited for too long; empty when it was said in this period.
    cursor
        When each version was last told of.
    quiet
        Why nothing is said.
    """

    told: list[str]
    cursor: str
    quiet: str


def waiting_check(project: Project) -> dg.AssetCheckSpec:
    """The check that fails when somebody's word is overdue."""
    hours = project.settings.approval.remind_after_hours
    sensor = job_names.sensor_name(project.name, job_names.REMINDER)
    return dg.AssetCheckSpec(
        NOBODY_WAITS,
        asset=project.key(names.CHAMPION),
        description=f"No version has waited for approval for more than {hours:g} hours. The sensor "
        f"`{sensor}` tells it again after each {hours:g} hours.",
    )


def waiting_result(project: Project, standing: "Standing") -> dg.AssetCheckResult:
    """The check's verdict now."""
    overdue = _overdue(project, standing, datetime.now(UTC))
    return dg.AssetCheckResult(
        check_name=NOBODY_WAITS,
        passed=not overdue,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(waiting_lines(project.name, standing)) or "no version waits for approval",
    )


def overdue_evaluation(project: Project, reminder: Reminder) -> dg.AssetCheckEvaluation:
    """The same as a sensor tells it."""
    return dg.AssetCheckEvaluation(
        asset_key=project.key(names.CHAMPION),
        check_name=NOBODY_WAITS,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(reminder.told),
    )


def waiting_lines(project: str, standing: "Standing") -> Iterator[str]:
    """A sentence for each version that waits: since when, and what to say."""
    for version in standing.waiting:
        yield (
            f"version {version} waits for approval since {standing.since[version]:%Y-%m-%d %H:%M} UTC: "
            f'mlops approve {project} {version} --reason "…", or mlops reject'
        )


def remind(project: Project, standing: "Standing", cursor: str | None) -> Reminder:
    """What is to be said now, once in each period for each version.

    Parameters
    ----------
    cursor
        Of the tick before.
    """
    now, period = datetime.now(UTC), _period(project)
    told = {int(version): datetime.fromisoformat(at) for version, at in json.loads(cursor or "{}").items()}
    overdue = _overdue(project, standing, now)
    due = [version for version in overdue if version not in told or now - told[version] >= period]
    remembered = {version: now if version in due else told[version] for version in overdue}
    lines = dict(zip(standing.waiting, waiting_lines(project.name, standing), strict=True))
    return Reminder(
        [lines[version] for version in due],
        json.dumps({version: at.isoformat() for version, at in remembered.items()}),
        "; ".join(lines.values()) or "no version waits for approval",
    )


def _overdue(project: Project, standing: "Standing", now: datetime) -> list[int]:
    """Versions that have waited for a whole period, where somebody has to decide."""
    if not (project.settings.approval.required or standing.held):
        return []
    return [version for version in standing.waiting if now - standing.since[version] >= _period(project)]


def _period(project: Project) -> timedelta:
    return timedelta(hours=project.settings.approval.remind_after_hours)
