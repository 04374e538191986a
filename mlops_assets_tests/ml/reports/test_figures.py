"""The figures of the report: which ones there are, and their captions."""

import numpy as np
import pytest

from mlops_assets.ml.reports.figures import report_figures
from mlops_assets_tests.support.evaluations import classification, full_evaluation, regression, with_intervals

COVERAGE = {"coverage", "intervals"}


@pytest.mark.parametrize(
    ("evaluation", "names"),
    [
        (regression(), {"predicted", "residuals", "histogram", "importances", "history"}),
        (classification(2), {"roc", "recall", "calibration", "importances", "history"}),
        (with_intervals(), {"predicted", "residuals", "histogram", "importances", "history"} | COVERAGE),
        (classification(4), {"roc", "calibration", "importances", "history"}),
        (regression(trials=[], importances={}), {"predicted", "residuals", "histogram"}),
    ],
    ids=["regression", "binary", "intervals", "multiclass", "without analyses"],
)
def test_figures_without_data_are_left_out(evaluation, names):
    assert set(report_figures(evaluation)) == names


def test_every_optional_analysis_has_a_figure():
    figures = report_figures(full_evaluation())
    assert {"map", "periods", "slices", "shap", "learning_curve", "dependences"} <= set(figures)
    assert [each.title for each in figures["dependences"]] == ["income"]


def test_only_figures_wider_than_half_a_page_scroll_on_narrow_screens():
    figures = report_figures(full_evaluation())
    assert [figures[name].is_wide for name in ("predicted", "histogram", "map")] == [False, True, True]


def test_captions_are_in_the_reported_unit():
    evaluation = regression(truth=np.zeros(11), predictions=np.arange(11) * 1e5)
    caption = report_figures(evaluation)["predicted"].caption
    assert "median absolute error is 5.00, the 90th percentile 9.00 (100,000 USD)" in caption
