"""Plots of figures of the rows over the partitions, each with the range that the past suggests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mlops_assets.ml.reports.plots.style import COLOURS, GREY, INK, PALE, printable

_COLUMNS, _WIDTH, _HEIGHT = 3, 2.6, 1.7


@dataclass(frozen=True)
class Series:
    """A figure in earlier partitions, by their places, and in the newest one.

    Attributes
    ----------
    band
        The expected range of the newest value, if there is one.
    """

    title: str
    past: Mapping[int, float]
    value: float
    band: tuple[float, float] | None
    in_line: bool | None


def quality_plot(series: Sequence[Series], labels: Sequence[str]) -> Figure:
    """A small plot for each figure.

    Parameters
    ----------
    labels
        The names of the partitions by their places, the newest one last; empty without partitions.
    """
    columns = min(_COLUMNS, len(series))
    rows = -(-len(series) // columns)
    figure = Figure(figsize=(columns * _WIDTH, rows * _HEIGHT), layout="constrained")
    for place, each in enumerate(series, start=1):
        axes = figure.add_subplot(rows, columns, place)
        newest = len(labels) - 1 if labels else max(each.past, default=-1) + 1
        axes.plot(list(each.past), list(each.past.values()), color=INK, linewidth=1, marker=".", markersize=3)
        if each.band:
            axes.vlines(newest, *each.band, color=PALE, linewidth=6)
        colour = COLOURS[1] if each.in_line is False else INK
        axes.plot([newest], [each.value], color=colour, marker="o", markersize=4)
        axes.set_title(printable(each.title, 34), fontsize=7.5, loc="left", color=colour)
        axes.tick_params(labelsize=6.5, color=GREY, length=2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.yaxis.set_major_locator(MaxNLocator(4))
        if labels:
            first = min(each.past, default=newest)
            axes.set_xticks(sorted({first, newest}), [labels[one] for one in sorted({first, newest})])
        else:
            axes.set_xticks([])
    return figure
