"""Coverage on the page: captions, warning and table, from the numbers."""

import pytest

from mlops_assets.ml.reports.coverage_captions import (
    coverage_caption,
    coverage_rows,
    coverage_summary,
    coverage_warning,
    groups_caption,
    width_caption,
)
from mlops_assets.ml.reports.evaluation_page import render_report
from mlops_assets_tests.support.evaluations import regression, with_intervals


def test_the_caption_has_coverage_interval_rows_and_width():
    evaluation = with_intervals(0.9)
    expected = (
        "The 90 % prediction intervals contain the true value in 90.0 % of 400 holdout rows "
        "(95 % CI 86.7 % to 92.6 %); mean width 1.20 (100,000 USD)."
    )
    assert coverage_caption(evaluation.coverage, evaluation.unit) == expected == coverage_summary(evaluation)


def test_a_coverage_that_is_too_low_is_a_warning_on_the_page_and_in_the_summary():
    evaluation = with_intervals(0.8)
    warning = coverage_warning(evaluation.coverage)
    assert warning.startswith(
        "The coverage is significantly below 90 % (all rows: 80.0 % of 400; region north"
    )
    assert coverage_summary(evaluation).endswith(warning)
    assert warning in render_report(evaluation)
    assert [row["is_low"] for row in coverage_rows(evaluation.coverage)] == [True, True, True]
    assert coverage_warning(with_intervals(0.9).coverage) == ""


def test_the_page_has_a_table_of_all_rows_and_groups_and_none_without_intervals():
    page = render_report(with_intervals(0.9))
    assert '<table id="coverage">' in page
    assert "<tr><th>region</th><td>north</td>" in page
    assert "Prediction intervals" not in render_report(regression())


def test_the_lowest_and_highest_group_and_the_widths_are_described():
    evaluation = with_intervals(0.9)
    assert groups_caption(evaluation.coverage).startswith("The coverage is lowest for region ")
    assert width_caption(evaluation.bounds / 1e5).startswith("All intervals have the same width, 1.20")


@pytest.mark.parametrize("rows", [2, 400])
def test_any_number_of_rows_is_rendered(rows):
    assert render_report(with_intervals(1.0, rows=rows)).rstrip().endswith("</html>")
