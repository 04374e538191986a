"""What all pictures look like."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import ArrayLike

SMALL, HALF, WIDE = (3.0, 2.3), (4.6, 3.7), (7.8, 3.0)
"""Sizes in inches; the pages show an inch as about 100 pixels."""
GUIDE: dict[str, Any] = {"color": "black", "linestyle": (0, (3, 3)), "linewidth": 1}
LEGEND: dict[str, Any] = {"frameon": False, "fontsize": 8.5}
INK, GREY, PALE = "#12355b", "#7b8794", "#cbd2d9"
COLOURS = ("#12355b", "#c2591b", "#4a9c86", "#8a5aa5", "#b08d1e", "#5b6770")


def empty_axes(size: tuple[float, float], xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    """Empty axes in the pages' style, set here because `rcParams` belong to the whole process."""
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
    """Limits a little wider than the values, also when these are all the same."""
    low, high = float(np.min(values)), float(np.max(values))
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


def without_curve(figure: Figure, axes: Axes, reason: str) -> Figure:
    """A picture that says why there is nothing to see."""
    axes.text(0.5, 0.5, reason, transform=axes.transAxes, ha="center", va="center", color=GREY, fontsize=9)
    axes.set(xticks=[], yticks=[])
    return figure


def printable(text: str, longest: int = 40) -> str:
    """`text` on one line, its middle left out when long, safe from mathtext, and without missing glyphs."""
    text = " ".join(text.split())
    if len(text) > longest:
        text = f"{text[: longest // 2]}…{text[-(longest // 2 - 1) :]}"
    font = get_font(findfont(FontProperties()))
    text = "".join(letter if font.get_char_index(ord(letter)) else "?" for letter in text)
    return (f" {text}" if text.startswith("_") else text).replace("$", r"\$")
