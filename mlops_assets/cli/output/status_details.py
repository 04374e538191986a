"""The lines of `mlops status PROJECT` below its table of assets."""

from collections.abc import Iterator

from mlops_assets.core.byte_size import format_bytes
from mlops_assets.core.status.project import ProjectStatus, ServiceStatus, TickStatus
from mlops_assets.core.status.series import (
    drift_points,
    drift_series,
    kind_in_words,
    performance_points,
    performance_series,
    shown_metric,
    sparkline,
)
from mlops_assets.core.status.workspace import WorkspaceStatus
from mlops_assets.core.times import ago


def detail_lines(project: ProjectStatus, status: WorkspaceStatus) -> Iterator[tuple[str, str]]:
    """A name and a value for each line."""
    yield from _check_lines(project)
    yield from _champion_lines(project, status)
    yield from _figure_lines(project)
    if project.retraining:
        decision = project.retraining
        yield "retraining", f"{decision.decision} ({ago(decision.decided_at, status.at)}): {decision.reason}"
    for service in project.services:
        yield "served", _service_text(service, status)
    yield from _automation_lines(project, status)
    if project.disk_bytes is not None:
        yield "disk", format_bytes(project.disk_bytes)


def _service_text(service: ServiceStatus, status: WorkspaceStatus) -> str:
    """Version, address and traffic of a service, and its problem."""
    version = "no version" if service.version is None else f"version {service.version}"
    since = f" ({ago(service.since, status.at)})" if service.since else ""
    workers = f"{service.ready} of {service.workers} worker{'' if service.workers == 1 else 's'}"
    latency = "" if service.p50 is None else f", p50 {service.p50 * 1000:.3g} ms"
    latency += "" if service.p99 is None else f", p99 {service.p99 * 1000:.3g} ms"
    text = f"{version}{since} at {service.address}, {workers}, {service.requests:,} requests{latency}"
    return f"{text}; {service.error}" if service.error else text


def _check_lines(project: ProjectStatus) -> Iterator[tuple[str, str]]:
    """The checks that did not pass, with their descriptions."""
    for asset in project.assets:
        for check in asset.checks:
            if check.state in ("warned", "failed"):
                of = f" of {check.partition}" if check.partition else ""
                text = f": {check.description}" if check.description else ""
                yield f"check {check.state}", f"{asset.name}/{check.name}{of}{text}"


def _champion_lines(project: ProjectStatus, status: WorkspaceStatus) -> Iterator[tuple[str, str]]:
    if champion := project.champion:
        by = f"approved by {champion.approved_by}" if champion.approved_by else f"by {champion.actor}"
        cutoff = f", cut-off {champion.cutoff}" if champion.cutoff else ""
        yield (
            "champion",
            f"version {champion.version}{cutoff}, {ago(champion.at, status.at)}, {by}: {champion.reason}",
        )
        if champion.value is not None:
            interval = (
                f" ({champion.low:.4g} to {champion.high:.4g})"
                if champion.low is not None and champion.high is not None
                else ""
            )
            yield "at registration", f"{champion.metric} {champion.value:.4g}{interval}"
    if (challenger := project.challenger) is not None:
        yield "challenger", f"{challenger.description}, {ago(challenger.since, status.at)}"
    for version in project.pending:
        yield "pending", f"version {version.version}, {ago(version.since, status.at)}: {version.command}"


def _figure_lines(project: ProjectStatus) -> Iterator[tuple[str, str]]:
    if points := drift_series(project):
        last = drift_points(project)[-1]
        largest = f", largest effect {last.largest:.3g} ({last.largest_column})" if last.largest else ""
        yield (
            "drift",
            f"{sparkline(points)}  {points[0].partition} to {points[-1].partition}: {last.drifted} of "
            f"{last.columns} columns drifted{largest}{_others(last.drifted_kinds)}",
        )
    if series := performance_series(project):
        newest, metric = performance_points(project)[-1], shown_metric(project)
        value = "undefined" if newest.value is None else f"{newest.value:.4g}"
        at = newest.at_registration
        before = f", at registration {at:.4g}" if at is not None else ""
        holds = "" if newest.holds is None else "; holds" if newest.holds else "; does not hold"
        yield (
            "performance",
            f"{sparkline(series)}  {series[0].partition} to {series[-1].partition}: {metric} {value} "
            f"{kind_in_words(newest)}{before}{holds}",
        )
    if project.quality:
        last_quality = project.quality[-1]
        first = f": {last_quality.first}" if last_quality.first else ""
        yield (
            "data quality",
            f"{last_quality.out_of_line} of {last_quality.measures} measures out of line in "
            f"{last_quality.partition or 'all rows'}{first}",
        )


def _others(kinds: tuple[str, ...]) -> str:
    return f"; drift of: {', '.join(kinds)}" if kinds else ""


def _automation_lines(project: ProjectStatus, status: WorkspaceStatus) -> Iterator[tuple[str, str]]:
    for schedule in project.schedules:
        coming = f"next {schedule.next_tick:%Y-%m-%d %H:%M %Z}" if schedule.next_tick else "stopped"
        yield "schedule", f"{schedule.name}: {coming}{_tick(schedule.last_tick, status)}"
    for sensor in project.sensors:
        state = "running" if sensor.running else "stopped"
        yield "sensor", f"{sensor.name}: {state}{_tick(sensor.last_tick, status)}"


def _tick(tick: TickStatus | None, status: WorkspaceStatus) -> str:
    if tick is None:
        return ", no tick yet"
    error = f": {tick.error}" if tick.error else ""
    return f", last tick {ago(tick.at, status.at)}: {tick.state}{error}"
