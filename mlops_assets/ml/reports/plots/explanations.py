"""Plots of feature importances, partial dependence, the learning curve and the history of trials."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlops_assets.ml.evaluation.importances import PermutationImportance
from mlops_assets.ml.evaluation.learning_curve import CurvePoint
from mlops_assets.ml.evaluation.partial_dependence import PartialDependence
from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER
from mlops_assets.ml.number_format import metric_label
from mlops_assets.ml.reports.plots.style import (
    COLOURS,
    GREY,
    INK,
    LEGEND,
    SMALL,
    WIDE,
    FittingLocator,
    empty_axes,
    printable,
    span,
    without_data,
)
from mlops_assets.ml.search.trials import TrialSummary

SHOWN_IMPORTANCES = 20
_MARKERS = "os^DvPX"


def importance_bars(
    importances: Mapping[str, float], metric: str, permutation: Mapping[str, PermutationImportance]
) -> Figure:
    """The features with the largest permutation importance.

    Parameters
    ----------
    permutation
        Confidence intervals of the importances, by feature; bars whose interval includes 0 are hollow.
    """
    change = "decrease" if metric in HIGHER_IS_BETTER else "increase"
    figure = _bars(importances, f"{change} in {metric_label(metric)} when the feature is shuffled")
    axes = figure.axes[0]
    for place, name in enumerate(_largest(importances)):
        spread = permutation.get(name)
        if spread is None:
            continue
        if spread.includes_zero:
            axes.patches[place].set_facecolor("none")
        if np.isfinite(spread.low):
            axes.plot([spread.low, spread.high], [place, place], color=INK, linewidth=1.2)
    return figure


def contribution_bars(shap: dict[str, float], scale: str) -> Figure:
    """The features with the largest mean absolute SHAP value."""
    return _bars(shap, f"mean absolute SHAP value{scale}")


def dependence_curve(found: PartialDependence, *, label: str, limits: tuple[float, float]) -> Figure:
    """The partial dependence on a feature, with the 10th to 90th percentile of the predictions.

    Parameters
    ----------
    label
        Label of the axis of the prediction.
    limits
        Limits of this axis, the same for all features, so that their plots can be compared.
    """
    figure, axes = empty_axes(SMALL, "", printable(label, 26))
    places = np.asarray(found.values, dtype=float) if found.is_numeric else np.arange(len(found.values))
    axes.tick_params(labelsize=7.5)
    if found.is_numeric:
        axes.fill_between(places, found.low, found.high, color="#dfe6ee", linewidth=0)
        axes.plot(places, found.means, color=INK, linewidth=1.8)
        axes.plot(places, np.full(len(places), limits[0]), "|", color=GREY, markersize=7, clip_on=False)
        axes.xaxis.set_major_locator(FittingLocator(4, steps=[1, 2, 2.5, 5, 10]))
    else:
        axes.vlines(places, found.low, found.high, color="#b6c2cf", linewidth=5)
        axes.plot(places, found.means, "o", color=INK, markersize=5)
        names = [printable(str(value), 14) for value in found.values]
        axes.set_xticks(places, names, rotation=40, ha="right", rotation_mode="anchor", fontsize=7)
    axes.set_ylim(*limits)
    return figure


def learning_curve_plot(points: Sequence[CurvePoint], metric: str, *, label: str) -> Figure:
    """The metric on the holdout by the number of training rows, with its confidence interval."""
    figure, axes = empty_axes(WIDE, "training rows", printable(label))
    known = np.array([[each.rows, each.score, each.low, each.high] for each in points], dtype=float)
    known = known[np.isfinite(known[:, 1])] if len(known) else known.reshape(0, 4)
    if not len(known):
        return without_data(figure, axes, f"{metric_label(metric)} is undefined for every sample")
    rows, scores, low, high = known.T
    axes.vlines(rows, low, high, color=GREY, linewidth=1.4)
    axes.plot(rows, scores, color=INK, marker="o", markersize=5, linewidth=1.6)
    finite = known[:, 1:][np.isfinite(known[:, 1:])]
    axes.set(xlim=(0, 1.05 * rows.max()), ylim=span(finite))
    return figure


def trial_history(trials: Sequence[TrialSummary], metric: str) -> Figure:
    """The score of each trial and the best score so far; scores beyond the axis are drawn at its edge."""
    figure, axes = empty_axes(WIDE, "trial", f"{metric_label(metric)} in cross-validation")
    known = sorted((trial for trial in trials if np.isfinite(trial.score)), key=lambda trial: trial.number)
    if not known:
        return without_data(figure, axes, "no trial has a score")
    limits = _history_limits(np.array([trial.score for trial in known]), metric)
    complete = [trial for trial in known if trial.state != "pruned"]
    if complete:
        best = np.maximum if metric in HIGHER_IS_BETTER else np.minimum
        scores = best.accumulate([trial.score for trial in complete])
        line = [trial.number for trial in (*complete, known[-1])], [*scores, scores[-1]]
        axes.step(*line, where="post", color="black", linewidth=1.3, zorder=2, label="best so far")
    families = dict.fromkeys(trial.family for trial in known)
    for family, marker, colour in zip(families, cycle(_MARKERS), cycle(COLOURS), strict=False):
        ours = [trial for trial in known if trial.family == family]
        faces = ["white" if trial.state == "pruned" else colour for trial in ours]
        places = [trial.number for trial in ours], np.clip([trial.score for trial in ours], *limits)
        axes.scatter(*places, s=30, marker=marker, fc=faces, ec=colour, zorder=3, clip_on=False)
        axes.plot([], [], marker, color=colour, label=printable(family, 24))
    if len(complete) < len(known):
        axes.plot([], [], "o", color=GREY, markerfacecolor="white", label="hollow: pruned, fewer folds")
    axes.xaxis.set_major_locator(FittingLocator(9, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axes.set(xlim=(known[0].number - 0.7, known[-1].number + 0.7), ylim=limits)
    axes.legend(**LEGEND, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _largest(values: Mapping[str, float]) -> dict[str, float]:
    known = {name: value for name, value in values.items() if np.isfinite(value)}
    return dict(sorted(known.items(), key=lambda item: -item[1])[:SHOWN_IMPORTANCES])


def _bars(values: Mapping[str, float], label: str) -> Figure:
    shown = _largest(values)
    size = (WIDE[0], 0.9 + 0.25 * max(len(shown), 3))
    figure, axes = empty_axes(size, label, "")
    axes.barh(
        range(len(shown)), list(shown.values()), height=0.62, color="#8fa9c4", edgecolor=INK, linewidth=0.7
    )
    axes.set_yticks(range(len(shown)), [printable(name, 44) for name in shown])
    axes.set_ylim(max(len(shown), 1) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    return figure


def _history_limits(scores: NDArray, metric: str) -> tuple[float, float]:
    """From the best score to four times the distance of the worse quartile.

    Outliers must not flatten the rest, and one trial of a few is no outlier.
    """
    best, worst = (max, min) if metric in HIGHER_IS_BETTER else (min, max)
    quartile = np.quantile(scores, 0.25 if metric in HIGHER_IS_BETTER else 0.75)
    reach = 4 * (quartile - best(scores))
    return span([best(scores), best(worst(scores), best(scores) + reach) if reach else worst(scores)])
