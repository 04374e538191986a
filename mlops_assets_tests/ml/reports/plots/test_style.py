"""The common style: labels that cannot break a plot, and limits with a margin."""

from itertools import pairwise

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from mlops_assets.ml.reports.plots.style import (
    HALF,
    SMALL,
    WIDE,
    empty_axes,
    printable,
    span,
    spread_labels,
)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("two\n lines", "two lines"),
        ("$x$", r"\$x\$"),
        ("_hidden", " _hidden"),
        ("特", "?"),
        ("a" * 30 + "b" * 30, "a" * 20 + "…" + "b" * 19),
    ],
)
def test_labels_are_one_line_without_mathtext_and_missing_glyphs(text: str, printed: str):
    assert printable(text) == printed


@pytest.mark.parametrize(
    ("values", "limits"), [([0, 10], (-0.5, 10.5)), ([2, 2], (1.9, 2.1)), ([0], (-1.0, 1.0))]
)
def test_limits_have_a_margin_even_if_all_values_are_equal(values, limits):
    assert span(values) == pytest.approx(limits)


def label_gaps(figure, axes) -> list[float]:
    """The distance in points between neighbouring labels of the horizontal axis."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    low, high = axes.get_xlim()
    shown = [
        label
        for label, place in zip(axes.get_xticklabels(), axes.get_xticks(), strict=True)
        if low <= place <= high and label.get_text()
    ]
    boxes = [label.get_window_extent(canvas.get_renderer()) for label in shown]
    return [(right.x0 - left.x1) * 72 / figure.dpi for left, right in pairwise(boxes)]


@pytest.mark.parametrize("size", [SMALL, HALF, WIDE])
@pytest.mark.parametrize("high", [1.0, 1_234.5, 8_000_000, 7.5e9, 3e-5])
def test_labels_of_a_horizontal_axis_do_not_overlap(size: tuple[float, float], high: float):
    figure, axes = empty_axes(size, "amount", "rows")
    axes.plot([0, high], [0, 1])
    gaps = label_gaps(figure, axes)
    assert gaps, "there are fewer than two labels"
    assert min(gaps) >= 2


@pytest.mark.parametrize("count", [1, 2, 13, 60, 400])
def test_labels_of_periods_do_not_overlap(count: int):
    figure, axes = empty_axes(WIDE, "", "error")
    spread_labels(axes, [f"2025-{place:02}-01" for place in range(count)])
    axes.set_xlim(-0.5, count - 0.5)
    gaps = label_gaps(figure, axes)
    assert (len(gaps) > 0) == (count > 1)
    assert min(gaps, default=2) >= 2
