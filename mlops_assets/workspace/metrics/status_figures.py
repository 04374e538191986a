"""Figures of the status of a workspace: what `mlops status` shows, as numbers."""

from collections import Counter
from collections.abc import Sequence
from typing import get_args

from mlops_assets.core.status.asset import AssetStatus, CheckState, Health
from mlops_assets.core.status.project import IncidentStatus, ProjectStatus, ScheduleStatus, SensorStatus
from mlops_assets.core.status.workspace import DaemonStatus, WorkspaceStatus
from mlops_assets.workspace.metrics import catalogue
from mlops_assets.workspace.metrics.figures import Figures

_DECISIONS = ("train", "keep")
_SEVERITIES = ("critical", "error", "warning", "info")


def add_status(figures: Figures, status: WorkspaceStatus, *, with_dagster: bool = True) -> None:
    """Add the figures of all projects, of Dagster's daemon and of the disk.

    Parameters
    ----------
    with_dagster
        False if Dagster's instance could not be read. What it knows is unknown then, not missing.
    """
    figures.add(catalogue.COLLECTED_AT, status.at)
    for project in status.projects:
        _add_project(figures, project, with_dagster)
    channels = Counter(alert.channel for project in status.projects for alert in project.undelivered)
    for channel, number in channels.items():
        figures.add(catalogue.UNDELIVERED, number, channel=channel)
    _add_incidents(figures, "", status.incidents)
    if with_dagster:
        _add_daemon(figures, status.daemon)
    if status.disk:
        figures.add(catalogue.DISK_FREE, status.disk.free_bytes)
        figures.add(catalogue.DISK_SIZE, status.disk.total_bytes)


def _add_daemon(figures: Figures, status: DaemonStatus) -> None:
    figures.add(catalogue.DAEMON_RUNNING, status.running)
    for daemon in status.daemons:
        figures.add(catalogue.DAEMON_HEALTHY, daemon.healthy, daemon=daemon.name)
        figures.add(catalogue.HEARTBEAT_AT, daemon.at, daemon=daemon.name)


def _add_project(figures: Figures, status: ProjectStatus, with_dagster: bool) -> None:
    is_loaded = bool(status.assets)  # a project whose declarations are invalid has none
    figures.add(catalogue.PROJECT_LOAD_ERROR, not is_loaded, project=status.name)
    if not is_loaded:
        return
    figures.add(catalogue.PROJECT_ERRORS, len(status.errors), project=status.name)
    figures.add(catalogue.PROJECT_DISK, status.disk_bytes, project=status.name)
    if with_dagster:
        for health in get_args(Health):
            is_current = health == status.health
            figures.add(catalogue.PROJECT_HEALTH, is_current, project=status.name, health=health)
        for asset in status.assets:
            _add_asset(figures, status.name, asset)
        _add_checks(figures, status)
        _add_automation(figures, status)
    _add_versions(figures, status)
    _add_monitoring(figures, status)
    _add_incidents(figures, status.name, status.incidents)


def _add_incidents(figures: Figures, project: str, incidents: Sequence[IncidentStatus]) -> None:
    severities = Counter(incident.severity for incident in incidents)
    for severity in _names(_SEVERITIES, *severities):
        figures.add(catalogue.INCIDENTS, severities[severity], project=project, severity=severity)


def _add_asset(figures: Figures, project: str, asset: AssetStatus) -> None:
    labels = {"project": project, "asset": asset.name}
    figures.add(catalogue.MATERIALIZED_AT, asset.materialized_at, **labels)
    figures.add(catalogue.ROWS, asset.rows, **labels)
    if asset.freshness:
        figures.add(catalogue.DEADLINE, asset.freshness.due_at, **labels)
        figures.add(catalogue.OVERDUE, asset.freshness.state == "overdue", **labels)
    if asset.partitions:
        done = asset.partitions.materialized
        missing = max(asset.partitions.declared - done, 0)
        figures.add(catalogue.PARTITIONS, done, **labels, state="materialized")
        figures.add(catalogue.PARTITIONS, missing, **labels, state="missing")
        figures.add(catalogue.FAILED_PARTITIONS, len(asset.partitions.failed), **labels)


def _add_checks(figures: Figures, status: ProjectStatus) -> None:
    states = Counter(check.state for check in status.checks)
    for state in get_args(CheckState):
        figures.add(catalogue.CHECKS, states[state], project=status.name, state=state)
    for asset in status.assets:
        for check in asset.checks:
            labels = {"project": status.name, "asset": asset.name, "check": check.name}
            if check.state != "not_run":
                blocking = str(check.blocking).lower()
                figures.add(catalogue.CHECK_PASSED, check.state == "passed", **labels, blocking=blocking)
            figures.add(catalogue.CHECK_FAILED_PARTITIONS, len(check.failed_partitions), **labels)


def _add_automation(figures: Figures, status: ProjectStatus) -> None:
    kinds: dict[str, Sequence[ScheduleStatus | SensorStatus]] = {
        "schedule": status.schedules,
        "sensor": status.sensors,
    }
    for kind, found in kinds.items():
        for each in found:
            labels = {"project": status.name, "kind": kind, "name": each.name}
            figures.add(catalogue.AUTOMATION_RUNNING, each.running, **labels)
            if each.last_tick:
                figures.add(catalogue.TICK_AT, each.last_tick.at, **labels)
                figures.add(catalogue.TICK_FAILED, each.last_tick.state == "failure", **labels)


def _add_versions(figures: Figures, status: ProjectStatus) -> None:
    project, champion = status.name, status.champion
    if champion:
        figures.add(catalogue.CHAMPION, 1, project=project, version=str(champion.version))
        figures.add(catalogue.PROMOTED_AT, champion.at, project=project)
        figures.add(catalogue.REGISTERED_AT, champion.registered_at, project=project)
        if champion.metric:
            figures.add(catalogue.CHAMPION_METRIC, champion.value, project=project, metric=champion.metric)
    figures.add(catalogue.PENDING, len(status.pending), project=project)
    since = min((version.since for version in status.pending), default=None)
    figures.add(catalogue.PENDING_SINCE, since, project=project)


def _add_monitoring(figures: Figures, status: ProjectStatus) -> None:
    """Add the newest partition of each report."""
    project = status.name
    for quality in status.quality[-1:]:
        figures.add(catalogue.QUALITY, quality.out_of_line, project=project)
    for reference, drift in {point.reference: point for point in status.drift}.items():
        figures.add(catalogue.DRIFT_EFFECT, drift.largest, project=project, reference=reference)
        figures.add(catalogue.DRIFTED_COLUMNS, drift.drifted, project=project, reference=reference)
    for (kind, metric), point in {(point.kind, point.metric): point for point in status.performance}.items():
        labels = {"project": project, "kind": kind, "metric": metric}
        figures.add(catalogue.PERFORMANCE, point.value, **labels)
        figures.add(catalogue.PERFORMANCE_LOW, point.low, **labels)
        figures.add(catalogue.PERFORMANCE_HIGH, point.high, **labels)
        figures.add(catalogue.PERFORMANCE_BEFORE, point.at_registration, **labels)
        figures.add(catalogue.PERFORMANCE_HOLDS, point.holds, **labels)
    if status.retraining:
        for decision in _names(_DECISIONS, status.retraining.decision):
            is_made = decision == status.retraining.decision
            figures.add(catalogue.RETRAINING, is_made, project=project, decision=decision)
        figures.add(catalogue.RETRAINING_AT, status.retraining.decided_at, project=project)


def _names(usual: Sequence[str], *found: str) -> list[str]:
    """Return the usual values of a label, and those that were found if they are others."""
    return list(dict.fromkeys([*usual, *found]))
