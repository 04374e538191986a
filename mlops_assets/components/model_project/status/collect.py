"""The status of projects, from the instance, the ledgers and the tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from dagster import AssetKey

from mlops_assets.components.model_project.status.assets import asset_statuses
from mlops_assets.components.model_project.status.automation import (
    Instigators,
    instigators,
    schedule_status,
    sensor_status,
)
from mlops_assets.components.model_project.status.champions import (
    challenger_status,
    champion_status,
    pending_versions,
)
from mlops_assets.components.model_project.status.declared import DeclaredProject
from mlops_assets.components.model_project.status.disk import disk_bytes
from mlops_assets.components.model_project.status.incidents import incidents, undelivered_alerts
from mlops_assets.components.model_project.status.services import services
from mlops_assets.core.status.asset import SEVERITY, AssetStatus, Health
from mlops_assets.core.status.project import ProjectStatus
from mlops_assets.stores.governance.ledger.state import LedgerState

if TYPE_CHECKING:  # DuckDB, whose objects have to be collected at the end
    from mlops_assets.components.model_project.status.reports import Reports


@dataclass(frozen=True)
class StateFolders:
    """The folders of a state directory that a status reads."""

    root: Path
    warehouse: Path
    reports: Path
    studies: Path

    def of(self, project: str) -> list[Path]:
        """The folders with the files of a project; MLflow's are shared by all projects."""
        return [self.warehouse / project, self.reports / project, self.studies / project]


def collect_projects(
    instance: dg.DagsterInstance | None,
    projects: Sequence[DeclaredProject],
    folders: StateFolders,
    now: datetime,
    *,
    newest: int | None = None,
) -> tuple[ProjectStatus, ...]:
    """Collect the status of projects; what can't be read is in their `errors`.

    Parameters
    ----------
    instance
        The Dagster instance; None if there is none yet.
    newest
        The number of partitions with figures, from the newest on; None for all.
    """
    assets: Mapping[AssetKey, AssetStatus] = {}
    automation = Instigators({}, {})
    if instance is not None:
        declared = [asset for project in projects for asset in project.assets]
        assets = asset_statuses(instance, declared, now)
        automation = instigators(instance, projects)
    from mlops_assets.components.model_project.status.reports import open_reports

    with open_reports(folders.warehouse, newest) as reports:
        reports.read_ahead([project.name for project in projects])
        return tuple(_collect(project, assets, automation, reports, folders, now) for project in projects)


def _collect(
    project: DeclaredProject,
    assets: Mapping[AssetKey, AssetStatus],
    automation: Instigators,
    reports: "Reports",
    folders: StateFolders,
    now: datetime,
) -> ProjectStatus:
    reports.errors.clear()
    name, missing = project.name, AssetStatus("", "missing", "not materialized yet")
    found = tuple(assets.get(asset.key, replace(missing, name=asset.name)) for asset in project.assets)
    entries = reports.ledger(name)
    state = LedgerState.of(entries)
    status = ProjectStatus(
        name,
        "healthy",
        assets=found,
        champion=champion_status(entries, state, folders.reports / name),
        challenger=challenger_status(state),
        pending=pending_versions(name, state),
        schedules=tuple(schedule_status(each, automation, now) for each in project.schedules),
        sensors=tuple(sensor_status(each, automation) for each in project.sensors),
        quality=reports.quality(name),
        drift=reports.drift(name),
        performance=reports.performance(name),
        retraining=reports.retraining(name),
        services=reports.read("the status of services", lambda: services(folders.root, name, now), ()),
        incidents=reports.read("the store of alerts", lambda: incidents(folders.root, name), ()),
        undelivered=reports.read("the store of alerts", lambda: undelivered_alerts(folders.root, name), ()),
        disk_bytes=disk_bytes(folders.of(name)),
        errors=tuple(reports.errors),
    )
    health, reason = _health(status)
    return replace(status, health=health, reason=reason)


def _health(status: ProjectStatus) -> tuple[Health, str]:
    """The worst health of an asset, schedule or sensor; `missing` only if nothing is materialized."""
    found: list[tuple[Health, str]] = [
        (asset.health, f"{asset.name}: {asset.reason}")
        for asset in status.assets
        if asset.health not in ("healthy", "missing")
    ]
    if all(asset.health == "missing" for asset in status.assets):
        found.append(("missing", "nothing is materialized yet"))
    found += [("unknown", error) for error in status.errors]
    found += [("warning", error) for error in _tick_errors(status)]
    found += [("warning", each.title) for each in status.incidents]
    if status.undelivered:
        found.append(("warning", f"{len(status.undelivered)} alerts were not delivered"))
    if status.pending:
        versions = ", ".join(str(each.version) for each in status.pending)
        found.append(("warning", f"pending approval: version {versions}"))
    if not found:
        return "healthy", ""
    worst = min((health for health, _ in found), key=SEVERITY.index)
    return worst, "; ".join(reason for health, reason in found if health == worst)


def _tick_errors(status: ProjectStatus) -> Iterator[str]:
    """A message for each running schedule and sensor whose last tick failed."""
    running = [(each.name, each.last_tick) for each in status.schedules if each.running]
    running += [(each.name, each.last_tick) for each in status.sensors if each.running]
    for name, tick in running:
        if tick and tick.state == "failure":
            yield f"{name}: the last tick failed: {tick.error}"
