"""Pictures of a model, one function each.

Holds: functions from arrays to a matplotlib `Figure`. They never use pyplot, whose state all threads share.
Add here: another picture. It has to be read in black and white, with any characters in its names.
Not here: which pictures a report shows, and what it says about them (`report.py`).
"""

from collections.abc import Sequence
from io import BytesIO
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import auc, precision_recall_curve, roc_curve

from mlops_assets.ml.evaluation import TrialSummary
from mlops_assets.ml.tasks import HIGHER_IS_BETTER

HALF, WIDE = (4.6, 3.7), (9.4, 3.2)
"""Sizes in inches; the report shows an inch as about 100 pixels."""
DOTS_PER_INCH = 200
SHOWN_IMPORTANCES = 20
_LABELS = {"rmse": "RMSE", "mae": "MAE", "r2": "R²", "mape": "MAPE", "f1": "F1", "roc_auc": "ROC AUC"}
_GUIDE: dict[str, Any] = {"color": "black", "linestyle": (0, (3, 3)), "linewidth": 1}
_LEGEND: dict[str, Any] = {"frameon": False, "fontsize": 8.5}
_INK, _GREY, _PALE = "#12355b", "#7b8794", "#cbd2d9"
_COLOURS = ("#12355b", "#c2591b", "#4a9c86", "#8a5aa5", "#b08d1e", "#5b6770")
_MARKERS, _STYLES = "os^DvPX", ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3)))
_DENSITY = LinearSegmentedColormap.from_list("density", ["#c3d2e2", "#12355b"])
_MOST_POINTS, _MOST_NAMED_CURVES = 1_500, 6


def figure_png(figure: Figure) -> bytes:
    """PNG of a figure, twice as fine as a plain screen."""
    figure.savefig(buffer := BytesIO(), format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()


def predicted_against_true(truth: NDArray, predictions: NDArray, *, label: str) -> Figure:
    """Where the predictions lie; `label` names what is predicted, with its unit."""
    figure, axes = _axes(HALF, f"true {_printable(label)}", f"predicted {_printable(label)}")
    low, high = _span(np.concatenate([truth, predictions]))
    _cloud(axes, truth, predictions)
    axes.axline((low, low), slope=1, **_GUIDE)
    axes.set(xlim=(low, high), ylim=(low, high))
    return figure


def residuals_against_predicted(truth: NDArray, predictions: NDArray, *, label: str) -> Figure:
    """Residuals (predicted - true), with their median and tenth and ninetieth percentile by prediction."""
    figure, axes = _axes(HALF, f"predicted {_printable(label)}", "error (predicted - true)")
    residuals = predictions - truth
    low, high = np.quantile(residuals, [0.001, 0.999])
    _cloud(axes, predictions, np.clip(residuals, low, high))
    axes.axhline(0, **_GUIDE)
    groups = _quantile_groups(predictions, 12)
    centres = [float(np.median(predictions[rows])) for rows in groups]
    for share, style in ((0.1, "--"), (0.5, "-"), (0.9, "--")):
        line = [float(np.quantile(residuals[rows], share)) for rows in groups]
        axes.plot(centres, line, style, color="#c2591b", linewidth=1.8, marker=".", markersize=4)
    axes.set(xlim=_span(predictions), ylim=_span([low, high, 0.0]))
    return figure


def residual_histogram(truth: NDArray, predictions: NDArray, *, label: str) -> Figure:
    """Residuals; the outermost bars also hold what lies further out."""
    figure, axes = _axes(WIDE, f"error (predicted - true) {_printable(label)}", "rows")
    residuals = predictions - truth
    low, high = np.quantile(residuals, [0.005, 0.995])
    axes.hist(np.clip(residuals, low, high), bins=60, color="#8fa9c4", edgecolor="white", linewidth=0.5)
    axes.axvline(0, **_GUIDE, label="no error")
    axes.axvline(mean := residuals.mean(), color=_COLOURS[1], label=f"mean error {mean:+,.3g}")
    axes.legend(**_LEGEND)
    return figure


def roc_curves(outcomes: NDArray, scores: NDArray, labels: Sequence[str]) -> Figure:
    """ROC curve of each class, one against the rest; of many curves only the three worst are named.

    `outcomes`, whether a row is of the class, and `scores`, the probability of that, are `(n, classes)`.
    """
    figure, axes = _axes(HALF, "false positive rate", "true positive rate")
    curves = []
    for outcome, score, label in zip(outcomes.T, scores.T, labels, strict=True):
        if 0 < outcome.sum() < len(outcome):
            false_rate, true_rate, _ = roc_curve(outcome, score)
            curves.append((auc(false_rate, true_rate), label, false_rate, true_rate))
    if not curves:
        return _without_curve(figure, axes, "undefined: the holdout has one class only")
    curves.sort(key=lambda curve: curve[0])
    named = len(curves) if len(curves) <= _MOST_NAMED_CURVES else 3
    for _, _, *rates in curves[named:]:
        axes.plot(*rates, color=_PALE, linewidth=0.8)
    for curve, colour, style in zip(curves[:named], _COLOURS, _STYLES, strict=False):
        area, label, *rates = curve
        text = f"{_printable(label, 22)}  {area:.3f}"
        axes.plot(*rates, color=colour, linestyle=style, linewidth=1.8, label=text)
    if named < len(curves):
        axes.plot([], [], color=_PALE, linewidth=0.8, label=f"{len(curves) - named} other classes")
    axes.plot([0, 1], [0, 1], **_GUIDE)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.legend(**_LEGEND, loc="lower right", title="area", title_fontsize=8.5, alignment="left")
    return figure


def precision_recall(outcome: NDArray, score: NDArray) -> Figure:
    """Precision at each recall, beside the share of positives, which guessing gets."""
    figure, axes = _axes(HALF, "recall", "precision")
    if not outcome.any():
        return _without_curve(figure, axes, "undefined: the holdout has no positive row")
    precision, recall, _ = precision_recall_curve(outcome, score)
    axes.plot(recall, precision, color=_INK, linewidth=1.8, drawstyle="steps-post", label="model")
    axes.axhline(outcome.mean(), **_GUIDE, label=f"guessing {outcome.mean():.3g}")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.03))
    axes.legend(**_LEGEND, loc="best")
    return figure


def calibration(outcome: NDArray, probability: NDArray, *, xlabel: str, ylabel: str) -> Figure:
    """How often what was predicted came true, in tenths of the rows, with 95 % Wilson intervals."""
    figure, axes = _axes(HALF, xlabel, ylabel)
    groups = _quantile_groups(probability, 10)
    said = [probability[rows].mean() for rows in groups]
    came = np.array([outcome[rows].mean() for rows in groups])
    size, z = np.array([rows.sum() for rows in groups]), 1.96
    middle = (came + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z * np.sqrt(came * (1 - came) / size + z**2 / (4 * size**2)) / (1 + z**2 / size)
    axes.plot([0, 1], [0, 1], **_GUIDE)
    axes.vlines(said, middle - half, middle + half, color=_GREY, linewidth=1.4)
    axes.plot(said, came, color=_INK, marker="o", markersize=5, linewidth=1.4)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    return figure


def importance_bars(importances: dict[str, float], metric: str) -> Figure:
    """The features whose shuffling hurts most."""
    known = {name: value for name, value in importances.items() if np.isfinite(value)}
    shown = dict(sorted(known.items(), key=lambda item: -item[1])[:SHOWN_IMPORTANCES])
    size = (WIDE[0], 0.9 + 0.25 * max(len(shown), 3))
    figure, axes = _axes(size, f"how much worse {metric_label(metric)} gets when the feature is shuffled", "")
    axes.barh(
        range(len(shown)), list(shown.values()), height=0.62, color="#8fa9c4", edgecolor=_INK, linewidth=0.7
    )
    axes.set_yticks(range(len(shown)), [_printable(name, 44) for name in shown])
    axes.set_ylim(max(len(shown), 1) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    return figure


def trial_history(trials: Sequence[TrialSummary], metric: str) -> Figure:
    """Score of each trial, and the best so far; far-off scores are drawn at the edge."""
    figure, axes = _axes(WIDE, "trial", f"{metric_label(metric)} in cross-validation")
    known = sorted((trial for trial in trials if np.isfinite(trial.score)), key=lambda trial: trial.number)
    if not known:
        return _without_curve(figure, axes, "no trial has a score")
    limits = _history_limits(np.array([trial.score for trial in known]), metric)
    complete = [trial for trial in known if trial.state != "pruned"]
    if complete:
        best = np.maximum if metric in HIGHER_IS_BETTER else np.minimum
        scores = best.accumulate([trial.score for trial in complete])
        line = [trial.number for trial in (*complete, known[-1])], [*scores, scores[-1]]
        axes.step(*line, where="post", color="black", linewidth=1.3, zorder=2, label="best so far")
    families = dict.fromkeys(trial.family for trial in known)
    for family, marker, colour in zip(families, cycle(_MARKERS), cycle(_COLOURS), strict=False):
        ours = [trial for trial in known if trial.family == family]
        faces = ["white" if trial.state == "pruned" else colour for trial in ours]
        places = [trial.number for trial in ours], np.clip([trial.score for trial in ours], *limits)
        axes.scatter(*places, s=30, marker=marker, fc=faces, ec=colour, zorder=3, clip_on=False)
        axes.plot([], [], marker, color=colour, label=_printable(family, 24))
    if len(complete) < len(known):
        axes.plot([], [], "o", color=_GREY, markerfacecolor="white", label="hollow: pruned")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axes.set(xlim=(known[0].number - 0.7, known[-1].number + 0.7), ylim=limits)
    axes.legend(**_LEGEND, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def metric_label(metric: str) -> str:
    """How people write a metric."""
    return _LABELS.get(metric, metric.replace("_", " "))


def _history_limits(scores: NDArray, metric: str) -> tuple[float, float]:
    """From the best score to four times as far as the median, so that a hopeless one flattens none."""
    best, worst = (max, min) if metric in HIGHER_IS_BETTER else (min, max)
    reach = 4 * (np.median(scores) - best(scores))
    return _span([best(scores), best(worst(scores), best(scores) + reach) if reach else worst(scores)])


def _axes(size: tuple[float, float], xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    """Empty axes in the report's style, set here because `rcParams` belong to the whole process."""
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot(axisbelow=True)
    axes.set_xlabel(xlabel, fontsize=9)
    axes.set_ylabel(ylabel, fontsize=9)
    axes.tick_params(labelsize=8.5, color=_GREY, length=3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_GREY)
    axes.grid(visible=True, color="#e8ecf0", linewidth=0.8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))
    return figure, axes


def _cloud(axes: Axes, x: NDArray, y: NDArray) -> None:
    """Points; how many there are in each cell, where they would hide each other."""
    if len(x) <= _MOST_POINTS:
        axes.scatter(x, y, s=9, color=_INK, alpha=0.4, linewidths=0)
        return
    style: dict[str, Any] = {"mincnt": 1, "bins": "log", "cmap": _DENSITY, "linewidths": 0.2}
    cells = axes.hexbin(x, y, gridsize=44, extent=(*_span(x), *_span(y)), **style)
    bar = axes.figure.colorbar(cells, ax=axes, shrink=0.6, aspect=24, format=StrMethodFormatter("{x:,g}"))
    bar.set_label("rows in a cell", fontsize=8.5)
    bar.ax.tick_params(labelsize=8, length=2)


def _span(values: ArrayLike) -> tuple[float, float]:
    """Limits a little wider than the values, also when these are all the same."""
    low, high = float(np.min(values)), float(np.max(values))
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


def _quantile_groups(values: NDArray, count: int) -> list[NDArray]:
    """Masks of groups of about the same size; equal values are never parted, so there may be fewer."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)[1:-1]))
    group = np.searchsorted(edges, values, side="left")
    return [group == index for index in np.unique(group)]


def _without_curve(figure: Figure, axes: Axes, reason: str) -> Figure:
    axes.text(0.5, 0.5, reason, transform=axes.transAxes, ha="center", va="center", color=_GREY, fontsize=9)
    axes.set(xticks=[], yticks=[])
    return figure


def _printable(text: str, longest: int = 40) -> str:
    """`text` on one line, its middle left out when long, safe from mathtext, and without missing glyphs."""
    text = " ".join(text.split())
    if len(text) > longest:
        text = f"{text[: longest // 2]}…{text[-(longest // 2 - 1) :]}"
    font = get_font(findfont(FontProperties()))
    text = "".join(letter if font.get_char_index(ord(letter)) else "?" for letter in text)
    return (f" {text}" if text.startswith("_") else text).replace("$", r"\$")
