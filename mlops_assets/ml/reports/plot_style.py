"""The common style of all plots."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import ArrayLike

SMALL, HALF, WIDE = (3.0, 2.3), (4.6, 3.7), (7.8, 3.0)
"""Sizes of figures in inches; an inch is about 100 pixels wide on a page."""
GUIDE: dict[str, Any] = {"color": "black", "linestyle": (0, (3, 3)), "linewidth": 1}
LEGEND: dict[str, Any] = {"frameon": False, "fontsize": 8.5}
INK, GREY, PALE = "#12355b", "#7b8794", "#cbd2d9"
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
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))
    return figure, axes


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
