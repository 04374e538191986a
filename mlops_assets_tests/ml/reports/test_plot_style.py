"""The common style: labels that cannot break a plot, and limits with a margin."""

import pytest

from mlops_assets.ml.reports.plot_style import printable, span


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
