"""Plots of prediction intervals and of their coverage."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlops_assets.ml.evaluation.interval_coverage import Coverage
from mlops_assets.ml.reports.plots.style import (
    COLOURS,
    GREY,
    GUIDE,
    HALF,
    INK,
    LEGEND,
    PALE,
    empty_axes,
    printable,
    span,
)

_SHOWN = 100
"""Number of rows in the plot of intervals."""


def interval_plot(truth: NDArray, predictions: NDArray, bounds: NDArray, *, label: str) -> Figure:
    """Intervals and true values of rows that are evenly spread over the predictions.

    Parameters
    ----------
    bounds
        Lower and upper bounds, shape `(2, n)`.
    """
    figure, axes = empty_axes(HALF, "holdout rows, by prediction", printable(f"{label}".strip()))
    order = np.argsort(predictions, kind="stable")
    shown = order[np.unique(np.linspace(0, len(order) - 1, min(_SHOWN, len(order))).round().astype(int))]
    places, (lower, upper) = np.arange(len(shown)), bounds[:, shown]
    inside = (lower <= truth[shown]) & (truth[shown] <= upper)
    axes.vlines(places, lower, upper, color=PALE, linewidth=2.2, label="interval")
    axes.plot(places, predictions[shown], color=GREY, linewidth=1.2, label="prediction")
    for mask, colour, marker, name in ((inside, INK, "o", "inside"), (~inside, COLOURS[1], "D", "outside")):
        axes.scatter(
            places[mask], truth[shown][mask], s=11, color=colour, marker=marker, zorder=3, label=name
        )
    axes.set_xticks([])
    axes.set_ylim(span(np.concatenate([truth[shown], lower, upper])))
    axes.legend(**LEGEND, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, borderaxespad=0.2)
    return figure


def coverage_dots(coverage: Coverage) -> Figure:
    """The coverage of all rows and of each group with its confidence interval; dashed: the declared one."""
    scores = coverage.scores
    figure, axes = empty_axes((HALF[0], max(HALF[1], 0.6 + 0.26 * len(scores))), "coverage in %", "")
    places = np.arange(len(scores))[::-1]
    ends = np.array([(each.low, each.high) for each in scores]) * 100
    values = np.array([each.coverage for each in scores]) * 100
    axes.axvline(100 * coverage.level, **GUIDE)
    axes.hlines(places, *ends.T, color=GREY, linewidth=1.6)
    colours = [COLOURS[1] if each in coverage.too_low else INK for each in scores]
    axes.scatter(values, places, s=26, color=colours, zorder=3)
    axes.set_yticks(
        places, [printable(f"{each.column} {each.value}".strip() or "all rows", 32) for each in scores]
    )
    axes.set(
        xlim=span([*ends[np.isfinite(ends)], *values, 100 * coverage.level]), ylim=(-0.7, len(scores) - 0.3)
    )
    axes.grid(visible=False, axis="y")
    return figure
