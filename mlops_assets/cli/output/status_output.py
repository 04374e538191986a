"""The status of projects as text: an overview of all, and everything about one."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mlops_assets.cli.output.console import print_line, print_table
from mlops_assets.core.byte_size import format_bytes
from mlops_assets.core.status.asset import AssetStatus, Health
from mlops_assets.core.status.project import ProjectStatus
from mlops_assets.core.status.series import (
    SeriesPoint,
    drift_series,
    performance_series,
    shown_metric,
    sparkline,
)
from mlops_assets.core.status.workspace import WorkspaceStatus
from mlops_assets.core.times import ago, short_duration

_STYLES: dict[Health, str] = {
    "healthy": "green",
    "warning": "yellow",
    "failed": "bold red",
    "overdue": "red",
    "missing": "dim",
    "unknown": "magenta",
}
_LOW_SPACE = 5 * 2**30


def print_overview(console: Console, status: WorkspaceStatus) -> None:
    """Print a row for each project, then what needs attention."""
    table = Table(box=None, pad_edge=False)
    for title in ("project", "health", "assets", "checks", "last run", "champion", "drift", "performance"):
        table.add_column(title, no_wrap=True)
    for title in ("next schedule", "disk"):
        table.add_column(title, no_wrap=True)
    for project in status.projects:
        table.add_row(*_overview_cells(project, status))
    if status.projects:
        print_table(console, table)
    else:
        print_line("there is no project; create one: mlops new NAME")
    _print_attention(console, status, status.projects)


def print_project(console: Console, status: WorkspaceStatus) -> None:
    """Print everything about the only project of a status."""
    from mlops_assets.cli.output.status_details import detail_lines

    [project] = status.projects
    console.print(
        Text(project.name, "bold") + Text("  ") + Text(project.health, _STYLES[project.health]),
        soft_wrap=True,
    )
    if project.assets:
        table = Table(box=None, pad_edge=False)
        for title in ("asset", "health", "materialized", "partitions", "rows", "checks", "run"):
            table.add_column(title, no_wrap=True)
        for asset in project.assets:
            table.add_row(*_asset_cells(asset, status))
        print_table(console, table)
    lines = [*detail_lines(project, status)]
    width = max((len(name) for name, _ in lines), default=0)
    for name, value in lines:
        console.print(Text(f"{name:<{width}}  ", "dim") + Text(value, "not dim"), soft_wrap=True)
    _print_attention(console, status, status.projects)


def check_counts(project: ProjectStatus | AssetStatus) -> str:
    """How many checks passed, warn and failed."""
    states = [check.state for check in project.checks]
    counts = [(states.count("passed"), "passed"), (states.count("warned"), "warn")]
    counts.append((states.count("failed"), "failed"))
    return ", ".join(f"{count} {name}" for count, name in counts if count)


def _overview_cells(project: ProjectStatus, status: WorkspaceStatus) -> Iterator[str | Text]:
    now, run = status.at, project.last_run
    healthy = sum(asset.health == "healthy" for asset in project.assets)
    yield project.name
    yield Text(project.health, _STYLES[project.health])
    yield f"{healthy} of {len(project.assets)}" if project.assets else ""
    yield check_counts(project)
    yield f"{ago(run.started_at, now)}{'' if run.state == 'success' else f', {run.state}'}" if run else ""
    yield champion_text(project, status)
    yield _spark(drift_series(project))
    metric, points = shown_metric(project), performance_series(project)
    yield f"{metric} {_spark(points)}" if metric else ""
    coming = sorted((each.next_tick, each.name) for each in project.schedules if each.next_tick)
    yield ago(coming[0][0], now) if coming else ""
    yield format_bytes(project.disk_bytes) if project.disk_bytes is not None else ""


def champion_text(project: ProjectStatus, status: WorkspaceStatus) -> str:
    """Version, age and score of the champion."""
    champion = project.champion
    if champion is None:
        return ""
    age = short_duration((status.at - champion.at).total_seconds())
    score = f", {champion.metric} {champion.value:.4g}" if champion.value is not None else ""
    return f"version {champion.version}, {age}{score}"


def _spark(points: Sequence[SeriesPoint]) -> str:
    """The plot, and the number of partitions with an alarm."""
    alarms = sum(point.alarm for point in points)
    return f"{sparkline(points)} {alarms} of {len(points)}" if points else ""


def _asset_cells(asset: AssetStatus, status: WorkspaceStatus) -> Iterator[str | Text]:
    yield asset.name
    yield Text(asset.health, _STYLES[asset.health])
    yield ago(asset.materialized_at, status.at) if asset.materialized_at else ""
    parts = asset.partitions
    failed = f", {len(parts.failed)} failed" if parts and parts.failed else ""
    yield f"{parts.materialized:,} of {parts.declared:,}{failed}" if parts else ""
    yield f"{asset.rows:,}" if asset.rows is not None else ""
    yield check_counts(asset)
    run = asset.run
    seconds = f", {short_duration(run.seconds)}" if run and run.seconds is not None else ""
    yield f"{run.state}{seconds}" if run else ""


def _print_attention(console: Console, status: WorkspaceStatus, projects: Sequence[ProjectStatus]) -> None:
    """Print what needs attention, the daemon and the disk."""
    for error in status.errors:
        _print_attribute(console, "error", error, "red")
    for incident in status.incidents:
        _print_attribute(console, incident.severity, incident.title, "yellow")
    for project in projects:
        if project.health not in ("healthy", "missing"):
            _print_attribute(console, project.name, project.reason, _STYLES[project.health])
        for version in project.pending:
            _print_attribute(console, project.name, f"decide: {version.command}", "yellow")
        for lost in project.undelivered:
            text = f"alert not delivered by {lost.channel}: {lost.subject}: {lost.error}"
            _print_attribute(console, project.name, text, "yellow")
    daemon = status.daemon
    if daemon.running:
        errors = "; ".join(f"{each.name}: {each.error}" for each in daemon.daemons if each.error)
        _print_attribute(console, "daemon", errors or "running", "red" if errors else "green")
    else:
        last = max((each.at for each in daemon.daemons if each.at), default=None)
        seen = f"; last seen {ago(last, status.at)}" if last else ""
        text = f"not running{seen}: schedules, sensors and automation wait; start it: mlops ui"
        _print_attribute(console, "daemon", text, "yellow")
    if status.disk:
        free = status.disk.free_bytes
        text = f"{format_bytes(free)} free for {status.disk.directory}"
        _print_attribute(console, "disk", text, "red" if free < _LOW_SPACE else "dim")


def _print_attribute(console: Console, name: str, text: str, style: str) -> None:
    console.print(Text(f"{name}: ", style) + Text(text), soft_wrap=True)
