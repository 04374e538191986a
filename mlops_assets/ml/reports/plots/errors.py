"""Plots of errors by slice, by period and by location."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from mlops_assets.ml.evaluation.evaluation import PeriodScore
from mlops_assets.ml.evaluation.groups.error_map import MIN_ROWS, ErrorMap
from mlops_assets.ml.evaluation.groups.slices import SliceScore
from mlops_assets.ml.reports.plots.style import (
    COLOURS,
    GREY,
    GUIDE,
    INK,
    LEGEND,
    WIDE,
    empty_axes,
    printable,
    span,
    spread_labels,
    without_data,
)

_SIZES = LinearSegmentedColormap.from_list("sizes", ["#eef2f6", "#8fa9c4", "#12355b"])
_ROLES: dict[str, tuple[str, str, str]] = {
    "train": ("o", "white", "training"),
    "embargo": ("s", "#b6c2cf", "embargo (unused)"),
    "holdout": ("D", INK, "holdout"),
}
_MARKED_SHARE = 0.15


def slice_dots(slices: Sequence[SliceScore], overall: float, *, label: str) -> Figure:
    """The metric of each slice with its confidence interval; significantly worse slices are marked."""
    shown = [each for each in slices if np.isfinite(each.score)]
    size = (WIDE[0], 1.0 + 0.27 * max(len(shown), 3))
    figure, axes = empty_axes(size, printable(label, 60), "")
    if not shown:
        return without_data(figure, axes, "no slice has enough rows")
    axes.axvline(overall, **GUIDE, label="all rows")
    for place, each in enumerate(shown):
        axes.hlines(place, each.low, each.high, color=GREY, linewidth=1.6)
        marker, face = ("v", INK) if each.is_worse else ("o", "white")
        axes.plot(each.score, place, marker, color=INK, markerfacecolor=face, markersize=6)
    axes.plot([], [], "v", color=INK, markersize=6, label="significantly worse")
    axes.plot([], [], "o", color=INK, markerfacecolor="white", markersize=6, label="not significant")
    names = [f"{printable(each.column, 24)}: {printable(each.value, 26)}" for each in shown]
    axes.set_yticks(range(len(shown)), names)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    for place in range(1, len(shown)):
        if shown[place].column != shown[place - 1].column:
            axes.axhline(place - 0.5, color="#e8ecf0", linewidth=1)
    axes.legend(**LEGEND, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, borderaxespad=0.2)
    return figure


def metric_by_period(periods: Sequence[PeriodScore], *, label: str) -> Figure:
    """The metric of each period with its confidence interval; markers show how its rows were used."""
    figure, axes = empty_axes(WIDE, "", printable(label))
    places = np.arange(len(periods))
    scores = np.array([each.score for each in periods])
    ends = np.array([[each.low, each.high] for each in periods])
    known = np.concatenate([scores, ends.ravel()])
    known = known[np.isfinite(known)]
    if not len(known):
        return without_data(figure, axes, "undefined in every period")
    axes.plot(places, scores, color=GREY, linewidth=1.0, zorder=1)
    axes.vlines(places, ends[:, 0], ends[:, 1], color=GREY, linewidth=1.4, zorder=1)
    for role in dict.fromkeys(each.role for each in periods):
        marker, face, name = _ROLES[role]
        ours = [index for index, each in enumerate(periods) if each.role == role]
        style: dict[str, Any] = {"linestyle": "none", "color": INK, "markersize": 6.5, "zorder": 2}
        axes.plot(places[ours], scores[ours], marker=marker, markerfacecolor=face, **style, label=name)
    spread_labels(axes, [each.period for each in periods])
    axes.set(xlim=(-0.5, len(periods) - 0.5), ylim=span(known))
    axes.grid(visible=False, axis="x")
    axes.legend(**LEGEND, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, borderaxespad=0.2)
    return figure


def error_map_plot(found: ErrorMap, *, label: str) -> Figure:
    """Mean absolute errors by location, with the sign of the mean error in the most biased cells."""
    height = float(np.ptp(found.latitude) + found.width)
    breadth = float(np.ptp(found.longitude) + found.width) * np.cos(np.deg2rad(found.latitude.mean()))
    inches = min(6.4, max(3.4, 5.8 * height / max(breadth, 1e-9)))
    figure, axes = empty_axes((WIDE[0], inches), "longitude", "latitude")
    enough = found.rows >= MIN_ROWS
    top = float(np.quantile(found.size[enough], 0.98)) if enough.any() else 1.0
    shares = np.minimum(1.0, found.size / (top or 1.0))
    colours = np.where(enough[:, None], _SIZES(shares), (1.0, 1.0, 1.0, 1.0))
    west, south = found.longitude - found.width / 2, found.latitude - found.width / 2
    corners = [(west, south), (west + found.width, south), (west + found.width, south + found.width)]
    corners.append((west, south + found.width))
    cells = np.stack([np.column_stack(corner) for corner in corners], axis=1)
    axes.add_collection(PolyCollection(list(cells), facecolors=colours, edgecolors="#dfe4e9", linewidths=0.4))
    _mark_bias(axes, found, enough, top)
    axes.set_xlim(span(np.append(found.longitude - found.width / 2, found.longitude + found.width / 2)))
    axes.set_ylim(span(np.append(found.latitude - found.width / 2, found.latitude + found.width / 2)))
    axes.set_aspect(1 / max(np.cos(np.deg2rad(found.latitude.mean())), 0.1))
    axes.grid(visible=False)
    bar = figure.colorbar(ScalarMappable(Normalize(0, top), _SIZES), ax=axes, shrink=0.7, aspect=26)
    bar.set_label(printable(f"mean absolute error {label}", 60), fontsize=8.5)
    bar.ax.tick_params(labelsize=8, length=2)
    return figure


def _mark_bias(axes: Any, found: ErrorMap, enough: Any, top: float) -> None:
    """Mark the most biased cells: plus where predictions are too high, minus where they are too low."""
    if not enough.any():
        return
    least = np.quantile(np.abs(found.bias[enough]), 1 - _MARKED_SHARE)
    for index in np.flatnonzero(enough & (np.abs(found.bias) >= least) & (found.bias != 0)):
        dark = found.size[index] > 0.55 * top
        axes.text(
            found.longitude[index],
            found.latitude[index],
            "+" if found.bias[index] > 0 else "−",
            ha="center",
            va="center",
            fontsize=7,
            color="white" if dark else COLOURS[0],
        )
