"""The status of projects as one self-contained HTML page, and as a summary in Markdown."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from mlops_assets.core.status.asset import SEVERITY, Health
from mlops_assets.core.status.project import ProjectStatus
from mlops_assets.core.status.series import (
    ESTIMATES,
    drift_points,
    drift_series,
    kind_in_words,
    performance_points,
    performance_series,
    shown_metric,
)
from mlops_assets.core.status.workspace import WorkspaceStatus
from mlops_assets.core.times import ago, short_duration
from mlops_assets.ml.number_format import compact, metric_title
from mlops_assets.ml.reports.html import render_page

SYMBOLS: dict[Health, str] = {
    "healthy": "✓",
    "warning": "!",
    "failed": "✗",
    "overdue": "⏱",
    "missing": "–",
    "unknown": "?",
}
"""Beside the colour, which not all readers see."""


@dataclass(frozen=True)
class _Section:
    """A project with the texts and plots of its section."""

    status: ProjectStatus
    reasons: list[str]
    drift: Markup
    drift_text: str
    performance: Markup
    performance_text: str
    metric: str
    score: str


def render_status(status: WorkspaceStatus, *, lineage: Markup | None = None) -> str:
    """Render the page, which has no scripts and loads no other resources.

    Parameters
    ----------
    lineage
        The section about column lineage of the only project; None without one.
    """
    projects = status.projects
    return render_page(
        "status.html.j2",
        status=status,
        title=projects[0].name if len(projects) == 1 else "All projects",
        sections=[_section(project) for project in projects],
        symbols=SYMBOLS,
        counts=_counts(status),
        lineage=lineage,
        ago=lambda at: ago(at, status.at),
        duration_text=short_duration,
        metric_title=metric_title,
        checks_text=_checks_text,
        last_seen=max((each.at for each in status.daemon.daemons if each.at), default=None),
    )


def status_summary(project: ProjectStatus) -> str:
    """The status of a project as Markdown, for the metadata of an asset."""
    lines = [f"**{SYMBOLS[project.health]} {project.health}**"]
    lines += [f"- {reason}" for reason in _reasons(project)]
    if champion := project.champion:
        score = f", {metric_title(champion.metric)} {_score(project)}" if champion.metric else ""
        lines.append(f"- champion: version {champion.version}{score}")
    if project.challenger is not None:
        lines.append(f"- challenger: {project.challenger.description}")
    lines += [f"- {text}" for text in (_drift_text(project), _performance_text(project)) if text]
    return "\n".join(lines)


def _counts(status: WorkspaceStatus) -> list[tuple[str, int]]:
    found = [project.health for project in status.projects]
    return [(health, found.count(health)) for health in SYMBOLS if health in found]


def _section(project: ProjectStatus) -> _Section:
    metric = shown_metric(project)
    newest = performance_points(project)[-1:]
    drift_text, performance_text = _drift_text(project), _performance_text(project)
    return _Section(
        project,
        _reasons(project),
        _drift_plot(project, drift_text),
        drift_text,
        _performance_plot(project, performance_text, newest[0].at_registration if newest else None),
        performance_text,
        metric_title(metric) if metric else "",
        _score(project),
    )


def _reasons(project: ProjectStatus) -> list[str]:
    """Everything that needs attention, the worst first."""
    assets = [asset for asset in project.assets if asset.health not in ("healthy", "missing")]
    ranked = sorted(assets, key=lambda asset: SEVERITY.index(asset.health))
    reasons = [f"{asset.name}: {asset.reason}" for asset in ranked]
    reasons += list(project.errors)
    reasons += [f"version {each.version} is pending approval: {each.command}" for each in project.pending]
    for name, tick in [(each.name, each.last_tick) for each in project.schedules if each.running] + [
        (each.name, each.last_tick) for each in project.sensors if each.running
    ]:
        if tick and tick.state == "failure":
            reasons.append(f"{name}: the last tick failed: {tick.error}")
    reasons += [f"{each.severity}: {each.title}" for each in project.incidents]
    reasons += [
        f"alert not delivered by {each.channel}: {each.subject}: {each.error}" for each in project.undelivered
    ]
    return reasons


def _score(project: ProjectStatus) -> str:
    champion = project.champion
    if champion is None or champion.value is None:
        return ""
    if champion.low is None or champion.high is None:
        return compact(champion.value)
    return f"{compact(champion.value)} ({compact(champion.low)} to {compact(champion.high)})"


def _drift_text(project: ProjectStatus) -> str:
    points = drift_points(project)
    if not points:
        return ""
    last, alarms = points[-1], sum(point.alarm for point in drift_series(project))
    of = f" in {last.partition}" if last.partition else ""
    kinds = f"; drift of {', '.join(last.drifted_kinds)}" if last.drifted_kinds else ""
    largest = (
        f"; the largest effect is {compact(last.largest, 3)}, of {last.largest_column}"
        if last.largest is not None
        else ""
    )
    over = f" Drift in {alarms} of {len(points)} partitions." if len(points) > 1 else ""
    return f"{last.drifted} of {last.columns} features drifted{of}{kinds}{largest}.{over}"


def _performance_text(project: ProjectStatus) -> str:
    points = performance_points(project)
    if not points:
        return ""
    last = points[-1]
    value = "undefined" if last.value is None else compact(last.value)
    of = f" in {last.partition}" if last.partition else ""
    before = f", {compact(last.at_registration)} at registration" if last.at_registration is not None else ""
    holds = {None: "", True: "; it holds", False: "; it does not hold"}[last.holds]
    return f"{metric_title(last.metric)} {value} {kind_in_words(last)}{of}{before}{holds}."


def _drift_plot(project: ProjectStatus, text: str) -> Markup:
    from mlops_assets.ml.reports.plots.line_svg import line_svg

    return line_svg(drift_series(project), text=f"Drift by partition. {text}", zero=True)


def _performance_plot(project: ProjectStatus, text: str, at_registration: float | None) -> Markup:
    from mlops_assets.ml.reports.plots.line_svg import line_svg

    points = performance_series(project)
    return line_svg(
        points, text=f"Performance by partition. {text}", hollow=ESTIMATES, reference=at_registration
    )


def _checks_text(found: Any) -> str:
    """How many checks passed, warn and failed."""
    states = [check.state for check in found.checks]
    named = [("passed", "passed"), ("warned", "warn"), ("failed", "failed")]
    return ", ".join(f"{states.count(state)} {word}" for state, word in named if state in states)
