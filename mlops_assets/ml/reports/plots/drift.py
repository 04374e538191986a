"""A small plot of the distribution of a column in the training rows and in a partition."""

import base64
from html import escape

from mlops_assets.ml.monitoring.drift.histograms import Bins, Counts
from mlops_assets.ml.number_format import number

_MOST_BARS, _WIDTH, _HEIGHT = 20, 420, 150
_BEFORE, _AFTER = "#9aa7b4", "#c2571a"


def distribution_plot(bins: Bins, before: Counts, after: Counts) -> str:
    """The shares of rows by bin as an image in Markdown: training rows grey, the partition orange."""
    labels, shares = _bars(bins, before, after)
    highest = max((max(pair) for pair in shares), default=0.0) or 1.0
    step = (_WIDTH - 20) / max(len(shares), 1)
    shapes = []
    for place, (label, pair) in enumerate(zip(labels, shares, strict=True)):
        for side, (share, colour) in enumerate(zip(pair, (_BEFORE, _AFTER), strict=True)):
            tall = (_HEIGHT - 50) * share / highest
            left = 10 + place * step + side * step * 0.42
            shapes.append(
                f'<rect x="{left:.1f}" y="{_HEIGHT - 30 - tall:.1f}" width="{step * 0.4:.1f}" '
                f'height="{tall:.1f}" fill="{colour}"><title>{escape(label)}: {share:.1%}</title></rect>'
            )
    ends = [(10, "start", labels[0]), (_WIDTH - 10, "end", labels[-1])] if labels else []
    texts = "".join(
        f'<text x="{x}" y="{_HEIGHT - 15}" text-anchor="{anchor}">{escape(label[:30])}</text>'
        for x, anchor, label in ends
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="10" y="14">{escape(bins.column)}: <tspan fill="{_BEFORE}">training rows</tspan>, '
        f'<tspan fill="{_AFTER}">this partition</tspan></text>{"".join(shapes)}{texts}</svg>'
    )
    encoded = base64.b64encode(svg.encode()).decode()
    return f"![Shares of rows of {bins.column}](data:image/svg+xml;base64,{encoded})"


def _bars(bins: Bins, before: Counts, after: Counts) -> tuple[list[str], list[tuple[float, float]]]:
    """The label of each bar, and the shares of rows of both sides."""
    sides = [(side, max(side.rows, 1)) for side in (before, after)]

    def pair(start: int, stop: int) -> tuple[float, float]:
        one, other = (sum(side.bins[start:stop]) / total for side, total in sides)
        return one, other

    if bins.is_category:
        named = min(len(bins.values), _MOST_BARS)
        labels = [*bins.values[:named], "others"]
        shares = [*(pair(place, place + 1) for place in range(named)), pair(named, len(before.bins))]
    else:
        count, each = len(before.bins), max(1, -(-len(before.bins) // _MOST_BARS))
        starts = range(0, count, each)
        labels = [
            f"up to {number(bins.edges[min(start + each, count - 1) - 1])}"
            if start + each < count
            else f"more than {number(bins.edges[start - 1])}"
            for start in starts
        ]
        shares = [pair(start, start + each) for start in starts]
    missing = [(side.missing + side.not_finite) / total for side, total in sides]
    if any(missing):
        labels, shares = [*labels, "missing"], [*shares, (missing[0], missing[1])]
    return labels, shares
