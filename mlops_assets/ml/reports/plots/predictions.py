"""Plots of predictions and scores."""

from collections.abc import Sequence
from io import BytesIO
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import auc, precision_recall_curve, roc_curve

from mlops_assets.ml.metrics.reliability import quantile_groups, reliability
from mlops_assets.ml.reports.plots.style import (
    COLOURS,
    GREY,
    GUIDE,
    HALF,
    INK,
    LEGEND,
    PALE,
    WIDE,
    empty_axes,
    printable,
    span,
    spread_labels,
    without_data,
)

DOTS_PER_INCH = 160
_STYLES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3)))
_DENSITY = LinearSegmentedColormap.from_list("density", ["#c3d2e2", "#12355b"])
_MAX_POINTS, _MAX_NAMED_CURVES = 1_500, 6


def figure_png(figure: Figure) -> bytes:
    """PNG of a figure at `DOTS_PER_INCH`."""
    figure.set_dpi(DOTS_PER_INCH)
    if (layout := figure.get_layout_engine()) is not None:
        layout.execute(figure)  # once: `savefig` would draw the whole figure for it
        figure.set_layout_engine(None)
    figure.savefig(buffer := BytesIO(), format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()


def predicted_against_true(truth: NDArray, predictions: NDArray, *, label: str) -> Figure:
    """Predictions against true values; `label` is the unit in parentheses."""
    figure, axes = empty_axes(HALF, f"true {printable(label)}", f"predicted {printable(label)}")
    low, high = span(np.concatenate([truth, predictions]))
    _cloud(axes, truth, predictions)
    axes.axline((low, low), slope=1, **GUIDE)
    axes.set(xlim=(low, high), ylim=(low, high))
    return figure


def residuals_against_predicted(truth: NDArray, predictions: NDArray, *, label: str) -> Figure:
    """Residuals (predicted - true) by prediction, with their median and 10th and 90th percentile."""
    figure, axes = empty_axes(HALF, f"predicted {printable(label)}", "error (predicted - true)")
    residuals = predictions - truth
    low, high = np.quantile(residuals, [0.001, 0.999])
    _cloud(axes, predictions, np.clip(residuals, low, high))
    axes.axhline(0, **GUIDE)
    groups = quantile_groups(predictions, 12)
    centres = [float(np.median(predictions[rows])) for rows in groups]
    for share, style in ((0.1, "--"), (0.5, "-"), (0.9, "--")):
        line = [float(np.quantile(residuals[rows], share)) for rows in groups]
        axes.plot(centres, line, style, color="#c2591b", linewidth=1.8, marker=".", markersize=4)
    axes.set(xlim=span(predictions), ylim=span([low, high, 0.0]))
    return figure


def residual_histogram(truth: NDArray, predictions: NDArray, *, label: str) -> Figure:
    """Histogram of residuals (predicted - true); values beyond the axis are in the outermost bars."""
    figure, axes = empty_axes(WIDE, f"error (predicted - true) {printable(label)}", "rows")
    residuals = predictions - truth
    low, high = np.quantile(residuals, [0.005, 0.995])
    axes.hist(np.clip(residuals, low, high), bins=60, color="#8fa9c4", edgecolor="white", linewidth=0.5)
    axes.axvline(0, **GUIDE, label="no error")
    axes.axvline(mean := residuals.mean(), color=COLOURS[1], label=f"mean error {mean:+,.3g}")
    axes.legend(**LEGEND)
    return figure


def roc_curves(outcomes: NDArray, scores: NDArray, labels: Sequence[str]) -> Figure:
    """ROC curves, one class against the rest; of many, only the three with the lowest area are labelled.

    Parameters
    ----------
    outcomes
        Whether a row belongs to the class, shape `(n, classes)`.
    scores
        The probability of the class, shape `(n, classes)`.
    """
    figure, axes = empty_axes(HALF, "false positive rate", "true positive rate")
    curves = []
    for outcome, score, label in zip(outcomes.T, scores.T, labels, strict=True):
        if 0 < outcome.sum() < len(outcome):
            false_rate, true_rate, _ = roc_curve(outcome, score)
            curves.append((auc(false_rate, true_rate), label, false_rate, true_rate))
    if not curves:
        return without_data(figure, axes, "undefined: the holdout has one class only")
    curves.sort(key=lambda curve: curve[0])
    named = len(curves) if len(curves) <= _MAX_NAMED_CURVES else 3
    for _, _, *rates in curves[named:]:
        axes.plot(*rates, color=PALE, linewidth=0.8)
    for curve, colour, style in zip(curves[:named], COLOURS, _STYLES, strict=False):
        area, label, *rates = curve
        text = f"{printable(label, 22)}  {area:.3f}"
        axes.plot(*rates, color=colour, linestyle=style, linewidth=1.8, label=text)
    if named < len(curves):
        axes.plot([], [], color=PALE, linewidth=0.8, label=f"{len(curves) - named} other classes")
    axes.plot([0, 1], [0, 1], **GUIDE)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.legend(**LEGEND, loc="lower right", title="area", title_fontsize=8.5, alignment="left")
    return figure


def precision_recall(outcome: NDArray, score: NDArray) -> Figure:
    """The precision-recall curve, and the share of positives, which is the precision of random guessing."""
    figure, axes = empty_axes(HALF, "recall", "precision")
    if not outcome.any():
        return without_data(figure, axes, "undefined: the holdout has no positive row")
    precision, recall, _ = precision_recall_curve(outcome, score)
    axes.plot(recall, precision, color=INK, linewidth=1.8, drawstyle="steps-post", label="model")
    axes.axhline(outcome.mean(), **GUIDE, label=f"share of positives {outcome.mean():.3g}")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.03))
    axes.legend(**LEGEND, loc="best")
    return figure


def calibration(
    outcome: NDArray, probability: NDArray, *, xlabel: str, ylabel: str, weights: NDArray | None = None
) -> Figure:
    """The calibration curve in ten quantile bins, with 95 % Wilson score intervals."""
    figure, axes = empty_axes(HALF, xlabel, ylabel)
    curve = reliability(outcome, probability, weights=weights)
    axes.plot([0, 1], [0, 1], **GUIDE)
    axes.vlines(curve.predicted, curve.low, curve.high, color=GREY, linewidth=1.4)
    axes.plot(curve.predicted, curve.observed, color=INK, marker="o", markersize=5, linewidth=1.4)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    return figure


def metric_by_cutoff(
    cutoffs: Sequence[str],
    scores: ArrayLike,
    intervals: ArrayLike,
    baselines: ArrayLike,
    *,
    label: str,
) -> Figure:
    """A metric at each cut-off with its confidence interval, and that of the baseline; NaN leaves a gap.

    Parameters
    ----------
    intervals
        Shape `(cutoffs, 2)`.
    label
        The metric, with its unit.
    """
    figure, axes = empty_axes(WIDE, "cut-off", printable(label))
    places, scores, baselines = np.arange(len(cutoffs)), np.asarray(scores), np.asarray(baselines)
    low, high = np.asarray(intervals, dtype=float).reshape(-1, 2).T
    theirs: dict[str, Any] = {"color": COLOURS[1], "linestyle": (0, (4, 2)), "marker": "s", "markersize": 4.5}
    ours: dict[str, Any] = {"color": INK, "marker": "o", "markersize": 5.5}
    axes.plot(places, baselines, **theirs, markerfacecolor="white", linewidth=1.4, label="best baseline")
    axes.vlines(places, low, high, color=INK, linewidth=1.6)
    caps: dict[str, Any] = {"linestyle": "none", "color": INK, "marker": "_", "markersize": 9}
    axes.plot(places, low, **caps)
    axes.plot(places, high, **caps)
    axes.plot(places, scores, **ours, linewidth=1.8, label="model, with 95 % CI")
    spread_labels(axes, cutoffs)
    known = np.concatenate([values[np.isfinite(values)] for values in (low, high, scores, baselines)])
    if not len(known):
        return without_data(figure, axes, "undefined at every cut-off")
    axes.set(xlim=(-0.5, len(cutoffs) - 0.5), ylim=span(known))
    axes.grid(visible=False, axis="x")
    axes.legend(**LEGEND, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2)
    return figure


def metric_by_training(
    names: Sequence[str],
    scores: ArrayLike,
    intervals: ArrayLike,
    baselines: ArrayLike,
    families: Sequence[str],
    *,
    champion: int | None,
    label: str,
) -> Figure:
    """The score of each training, oldest first, marked by the family of its model; NaN leaves a gap.

    Parameters
    ----------
    intervals
        Shape `(trainings, 2)`.
    champion
        The index of the champion; None if there is none among the trainings.
    label
        The metric, with its unit.
    """
    figure, axes = empty_axes(WIDE, "", printable(label))
    places, scores, baselines = np.arange(len(names)), np.asarray(scores), np.asarray(baselines)
    low, high = np.asarray(intervals, dtype=float).reshape(-1, 2).T
    known = np.concatenate([values[np.isfinite(values)] for values in (low, high, scores, baselines)])
    if not len(known):
        return without_data(figure, axes, "no training was evaluated")
    if champion is not None and np.isfinite(scores[champion]):
        axes.axvline(champion, color=PALE, linewidth=9, zorder=0, label="champion")
    axes.vlines(places, low, high, color=GREY, linewidth=1.6, zorder=2)
    hollow: dict[str, Any] = {"facecolor": "white", "edgecolor": "black", "zorder": 3}
    axes.scatter(places, baselines, s=26, marker="s", **hollow, label="best baseline")
    for family, marker, colour in zip(dict.fromkeys(families), cycle("o^DvPX"), cycle(COLOURS), strict=False):
        ours = np.array([one == family for one in families])
        axes.scatter(
            places[ours],
            scores[ours],
            s=42,
            marker=marker,
            color=colour,
            zorder=4,
            label=printable(family, 24),
        )
    spread_labels(axes, names)
    axes.set(xlim=(-0.5, len(names) - 0.5), ylim=span(known))
    axes.grid(visible=False, axis="x")
    axes.legend(**LEGEND, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=6, borderaxespad=0.2)
    return figure


def _cloud(axes: Axes, x: NDArray, y: NDArray) -> None:
    """A scatter plot; for many points, the number of rows in hexagonal cells."""
    if len(x) <= _MAX_POINTS:
        axes.scatter(x, y, s=9, color=INK, alpha=0.4, linewidths=0)
        return
    style: dict[str, Any] = {"mincnt": 1, "bins": "log", "cmap": _DENSITY, "linewidths": 0.2}
    cells = axes.hexbin(x, y, gridsize=44, extent=(*span(x), *span(y)), **style)
    bar = axes.figure.colorbar(cells, ax=axes, shrink=0.6, aspect=24, format=StrMethodFormatter("{x:,g}"))
    bar.set_label("rows per cell", fontsize=8.5)
    bar.ax.tick_params(labelsize=8, length=2)
