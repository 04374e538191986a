"""The common style of all plots."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import ArrayLike

SMALL, HALF, WIDE = (3.0, 2.3), (4.6, 3.7), (7.8, 3.0)
"""Sizes of figures in inches; an inch is about 100 pixels wide on a page."""
GUIDE: dict[str, Any] = {"color": "black", "linestyle": (0, (3, 3)), "linewidth": 1}
LEGEND: dict[str, Any] = {"frameon": False, "fontsize": 8.5}
INK, GREY, PALE = "#12355b", "#7b8794", "#cbd2d9"
CHARACTER_WIDTH = 0.6
"""Width of a digit, as a share of the font size; commas are narrower."""
MAX_CHARACTERS = 100
"""Characters of tick labels that fit side by side on the axis of a wide figure."""
COLOURS = ("#12355b", "#c2591b", "#4a9c86", "#8a5aa5", "#b08d1e", "#5b6770")


def empty_axes(size: tuple[float, float], xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    """Empty axes in the common style, which is set here because `rcParams` apply to the whole process."""
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot(axisbelow=True)
    axes.set_xlabel(xlabel, fontsize=9)
    axes.set_ylabel(ylabel, fontsize=9)
    axes.tick_params(labelsize=8.5, color=GREY, length=3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.grid(visible=True, color="#e8ecf0", linewidth=0.8)
    axes.xaxis.set_major_locator(FittingLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))
    return figure, axes


class FittingLocator(MaxNLocator):
    """Ticks of a horizontal axis, as many as there is room for their labels.

    Parameters
    ----------
    most
        Maximum number of intervals.
    **kwargs
        Of `MaxNLocator`.
    """

    def __init__(self, most: int, **kwargs: Any) -> None:
        super().__init__(most, **kwargs)
        self._most = most

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """The ticks within a range, and one on each side; fewer than asked for if their labels are wide."""
        ticks: list[float] = []
        for bins in range(self._most, 0, -1):
            self.set_params(nbins=bins)
            ticks = list(super().tick_values(vmin, vmax))
            if len(ticks) < 2 or self._fits(ticks, abs(vmax - vmin)):
                break
        return ticks

    def _fits(self, ticks: Sequence[float], length: float) -> bool:
        axis = self.axis
        figure = axis.get_figure(root=True) if isinstance(axis, Axis) else None
        if not isinstance(axis, Axis) or figure is None or not length:  # the limits without an axis
            return True
        labels = axis.get_major_formatter().format_ticks(list(ticks))
        points = axis.axes.bbox.width * 72 / figure.dpi
        size = float(axis.get_major_ticks(1)[0].label1.get_fontsize())
        room = points * (ticks[1] - ticks[0]) / length
        return bool(max(map(len, labels)) * CHARACTER_WIDTH * size + size <= room)


def spread_labels(axes: Axes, labels: Sequence[str]) -> None:
    """Label the positions 0, 1, … of a horizontal axis, leaving out labels that would overlap."""
    texts = [printable(label) for label in labels]
    longest = max(map(len, texts), default=0) + 2
    step = -(-len(texts) * longest // MAX_CHARACTERS) if texts else 1
    axes.set_xticks(range(0, len(texts), step), texts[::step])


def span(values: ArrayLike) -> tuple[float, float]:
    """Axis limits with a margin around the values, also if these are all equal."""
    low, high = float(np.min(values)), float(np.max(values))
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


def without_data(figure: Figure, axes: Axes, reason: str) -> Figure:
    """Write the reason for missing data into the axes."""
    axes.text(0.5, 0.5, reason, transform=axes.transAxes, ha="center", va="center", color=GREY, fontsize=9)
    axes.set(xticks=[], yticks=[])
    return figure


def printable(text: str, longest: int = 40) -> str:
    """`text` on one line: shortened in the middle, with mathtext escaped and missing glyphs replaced."""
    text = " ".join(text.split())
    if len(text) > longest:
        text = f"{text[: longest // 2]}…{text[-(longest // 2 - 1) :]}"
    font = get_font(findfont(FontProperties()))
    text = "".join(character if font.get_char_index(ord(character)) else "?" for character in text)
    return (f" {text}" if text.startswith("_") else text).replace("$", r"\$")
