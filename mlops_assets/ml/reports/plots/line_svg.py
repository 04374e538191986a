"""A small line plot over partitions as inline SVG, which follows the colours of its page."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from mlops_assets.core.status.series import SeriesPoint
from mlops_assets.ml.number_format import compact

_WIDTH, _HEIGHT = 460.0, 150.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 10.0, 10.0, 22.0
_LABELS = 4
"""From this number of partitions on, the middle one is named as well."""


@dataclass(frozen=True)
class _Scale:
    """From places and values to coordinates."""

    count: int
    low: float
    high: float

    def x(self, place: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (place + 0.5) / self.count

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (value - self.low) / (self.high - self.low)


def line_svg(
    points: Sequence[SeriesPoint],
    *,
    text: str,
    hollow: Collection[str] = (),
    reference: float | None = None,
    zero: bool = False,
) -> Markup:
    """Plot a value for each partition, with its interval; partitions with an alarm are marked.

    Parameters
    ----------
    text
        What the plot shows, for readers who do not see it.
    hollow
        The kinds of points that are drawn hollow, such as estimates.
    reference
        A value that is drawn as a dashed line.
    zero
        Start the axis at zero.
    """
    scale = _scale(points, reference, zero=zero)
    if scale is None:
        return Markup("")
    parts = [*_axis(scale)]
    if reference is not None:
        y = scale.y(reference)
        parts.append(
            f'<line class="ref" x1="{_LEFT:.1f}" x2="{_WIDTH - _RIGHT:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
    known = [(place, point) for place, point in enumerate(points) if _finite(point.value)]
    for place, point in known:
        if _finite(point.low) and _finite(point.high):
            x, low, high = scale.x(place), scale.y(point.low or 0), scale.y(point.high or 0)
            parts.append(f'<line class="ci" x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>')
    path = " ".join(f"{scale.x(place):.1f},{scale.y(point.value or 0):.1f}" for place, point in known)
    parts.append(f'<polyline class="line" points="{path}"/>')
    parts += [_dot(scale, place, point, hollow) for place, point in known]
    parts += _names(scale, points)
    size = f"0 0 {_WIDTH:.0f} {_HEIGHT:.0f}"
    return Markup(f'<svg viewBox="{size}" role="img" aria-label="{escape(text)}">{"".join(parts)}</svg>')


def _scale(points: Sequence[SeriesPoint], reference: float | None, *, zero: bool) -> _Scale | None:
    """The scale of all values and intervals; None if no value is known."""
    if not any(_finite(point.value) for point in points):
        return None
    values = [value for point in points for value in (point.value, point.low, point.high) if _finite(value)]
    values += [reference] if reference is not None else []
    known = [float(value) for value in values if value is not None]
    low, high = min([*known, 0.0] if zero else known), max(known)
    margin = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    return _Scale(len(points), low if zero and low == 0 else low - margin, high + margin)


def _axis(scale: _Scale) -> list[str]:
    """Three lines with their values."""
    parts = []
    for share in (0.0, 0.5, 1.0):
        value = scale.low + (scale.high - scale.low) * share
        y = scale.y(value)
        parts.append(
            f'<line class="grid" x1="{_LEFT:.1f}" x2="{_WIDTH - _RIGHT:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 6:.1f}" y="{y + 3.5:.1f}" text-anchor="end">{compact(value, 2)}</text>'
        )
    return parts


def _dot(scale: _Scale, place: int, point: SeriesPoint, hollow: Collection[str]) -> str:
    value = point.value or 0.0
    kind = "alarm" if point.alarm else "hollow" if point.kind in hollow else "dot"
    interval = (
        f" ({compact(point.low)} to {compact(point.high)})"
        if point.low is not None and point.high is not None and _finite(point.low) and _finite(point.high)
        else ""
    )
    words = f"{point.partition}: {compact(value)}{interval} {point.kind}{', alarm' if point.alarm else ''}"
    x, y = scale.x(place), scale.y(value)
    shape = (
        f'<path class="alarm" d="M{x:.1f} {y - 5:.1f}l5 9h-10z">'
        if kind == "alarm"
        else f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3">'
    )
    return f"{shape}<title>{escape(words.strip())}</title></{'path' if kind == 'alarm' else 'circle'}>"


def _names(scale: _Scale, points: Sequence[SeriesPoint]) -> list[str]:
    """The names of the first, the middle and the last partition."""
    last = len(points) - 1
    if last == 0:
        placed = [(scale.x(0), "middle", 0)]
    else:
        placed = [(_LEFT, "start", 0), (_WIDTH - _RIGHT, "end", last)]
        placed += [(scale.x(last // 2), "middle", last // 2)] if last + 1 >= _LABELS else []
    y = f"{_HEIGHT - 5:.1f}"
    return [
        f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(points[place].partition)}</text>'
        for x, anchor, place in placed
    ]


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
