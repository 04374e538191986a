"""Drift and performance of a project over its partitions, as one value for each partition."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mlops_assets.core.status.project import DriftPoint, PerformancePoint, ProjectStatus
from mlops_assets.core.status.workspace import WorkspaceStatus

SCHEMA = 1
"""Version of the JSON document, raised when a field is removed or changes its meaning."""
_TRAINING, _LIVE = "training", "live"
_KINDS = {
    "measured": "measured",
    "live_measured": "measured on live requests",
    "estimated": "estimated",
    "live_estimated": "estimated on live requests",
}
"""The kinds of performance in words, the one to show first."""
ESTIMATES = frozenset(_KINDS[kind] for kind in ("estimated", "live_estimated"))
"""The kinds of `SeriesPoint` that are estimates."""
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class SeriesPoint:
    """A value of a partition; `alarm` if it drifted, or if the performance does not hold."""

    partition: str
    value: float | None
    alarm: bool = False
    low: float | None = None
    high: float | None = None
    kind: str = ""


def drift_points(status: ProjectStatus) -> list[DriftPoint]:
    """Drift against the training data in each partition; of logged requests if nothing else is predicted."""
    by_reference = {
        name: [point for point in status.drift if point.reference == name] for name in (_TRAINING, _LIVE)
    }
    return by_reference[_TRAINING] or by_reference[_LIVE]


def drift_series(status: ProjectStatus) -> list[SeriesPoint]:
    """The largest weighted effect of a feature in each partition, against the training data."""
    return [
        SeriesPoint(point.partition or "all rows", point.largest, bool(point.drifted or point.drifted_kinds))
        for point in drift_points(status)
    ]


def shown_metric(status: ProjectStatus) -> str | None:
    """The metric whose values are shown over time: that of the champion if the report has it."""
    metrics = [point.metric for point in status.performance]
    if status.champion and status.champion.metric in metrics:
        return status.champion.metric
    return metrics[0] if metrics else None


def performance_points(status: ProjectStatus) -> list[PerformancePoint]:
    """One value of the shown metric for each partition: measured, or before it is known the estimate.

    Predictions that are stored go before logged requests, and of several versions the newest one counts.
    """
    metric, order = shown_metric(status), list(_KINDS)
    found = dict[str | None, PerformancePoint]()
    for point in status.performance:
        if point.metric != metric or point.kind not in order:
            continue
        best = found.setdefault(point.partition, point)
        rank, of_best = order.index(point.kind), order.index(best.kind)
        if rank < of_best or (rank == of_best and (point.model_version or 0) >= (best.model_version or 0)):
            found[point.partition] = point
    return list(found.values())


def kind_in_words(point: PerformancePoint) -> str:
    """Whether a value is measured or estimated, and on which rows."""
    return _KINDS[point.kind]


def performance_series(status: ProjectStatus) -> list[SeriesPoint]:
    """The shown metric of each partition, with its interval."""
    return [
        SeriesPoint(
            point.partition or "all rows",
            point.value,
            point.holds is False,
            point.low,
            point.high,
            kind_in_words(point),
        )
        for point in performance_points(status)
    ]


def sparkline(points: Sequence[SeriesPoint]) -> str:
    """A bar for each point, from the smallest to the largest value; a space for an undefined value."""
    values = [point.value for point in points if point.value is not None and point.value == point.value]
    if not values:
        return ""
    low, span = min(values), max(values) - min(values)
    top = len(_BARS) - 1
    return "".join(
        " "
        if point.value is None or point.value != point.value
        else _BARS[round((point.value - low) / span * top) if span else 0]
        for point in points
    )


def status_document(status: WorkspaceStatus) -> dict[str, Any]:
    """The status as a JSON document: the fields of `core.project_status`, and the version of the schema."""
    return {"schema": SCHEMA, **asdict(status)}
