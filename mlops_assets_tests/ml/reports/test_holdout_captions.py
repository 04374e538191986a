"""Captions of the plots of the holdout follow from their numbers."""

import numpy as np
import pytest

from mlops_assets.ml.evaluation.evaluation import PeriodScore
from mlops_assets.ml.evaluation.groups.error_map import error_map
from mlops_assets.ml.metrics.reliability import reliability
from mlops_assets.ml.reports.holdout_captions import (
    calibration_caption,
    confusion_caption,
    error_map_caption,
    histogram_caption,
    periods_caption,
    precision_recall_caption,
    predicted_caption,
    residuals_caption,
    roc_caption,
)

RANDOM = np.random.default_rng(0)
TRUTH = np.linspace(0, 10, 1_001)


def test_errors_at_both_ends_of_the_true_values_are_described():
    caption = predicted_caption(TRUTH, 5 + 0.8 * (TRUTH - 5), "USD")
    assert "median absolute error is 0.500, the 90th percentile 0.900 (USD)." in caption
    assert "is +0.900 for the lowest tenth of the true values and -0.900 for the highest tenth" in caption


def test_errors_that_grow_with_the_prediction_are_described():
    noise = RANDOM.normal(size=len(TRUTH))
    assert "times as wide at the highest predictions" in residuals_caption(TRUTH, TRUTH + noise * TRUTH / 10)
    assert "about as wide at the highest predictions" in residuals_caption(
        TRUTH, TRUTH + np.resize([-0.1, 0.1], 1_001)
    )


@pytest.mark.parametrize(
    ("shift", "finding"),
    [(0.5, "The mean error is +0.500"), (0.5, "significantly different from 0"), (0.0, "not significant")],
)
def test_the_significance_of_the_mean_error_is_described(shift, finding):
    noise = RANDOM.normal(size=len(TRUTH))
    assert finding in histogram_caption(TRUTH, TRUTH + noise - noise.mean() + shift)


def test_two_classes_have_one_area_and_more_classes_the_lowest_and_highest():
    truth = np.resize([0, 1], 200)
    perfect = roc_caption((truth == 1)[:, None], truth[:, None] * 1.0, ["late"])
    assert "In 100 % of the pairs, a row of “late” has a higher score" in perfect
    outcomes = np.column_stack([truth == 0, truth == 1])
    caption = roc_caption(outcomes, np.column_stack([RANDOM.random(200), truth * 1.0]), ["paid", "late"])
    assert caption.startswith("The lowest area is that of “paid”")
    assert "one class only" in roc_caption(np.ones((5, 1), dtype=bool), np.ones((5, 1)), ["late"])


def test_precision_and_recall_of_the_highest_scores_are_described():
    outcome = np.arange(100) < 20
    caption = precision_recall_caption(outcome, np.linspace(1, 0, 100))
    assert "has a precision of 100 % and a recall of 50.0 %" in caption
    assert "20.0 % of all rows are positive" in caption


def test_probabilities_that_are_too_high_are_not_well_calibrated():
    probability = RANDOM.uniform(0.1, 0.8, 4_000)
    outcome = RANDOM.random(4_000) < probability
    assert "The probability is well calibrated" in calibration_caption(reliability(outcome, probability))
    too_high = calibration_caption(reliability(outcome, probability + 0.1))
    assert "The probability is not well calibrated" in too_high
    assert "percentage points too high" in too_high


def test_the_most_frequent_error_is_described():
    caption = confusion_caption(np.array([[8, 2], [5, 5]]), ["paid", "late"])
    assert caption.startswith(
        "13 of 20 rows (65.0 %) are classified correctly. The most frequent error is “late” "
    )
    assert caption.endswith("predicted as “paid”, in 5 rows.")
    assert confusion_caption(np.diag([3, 4]), ["a", "b"]) == "7 of 7 rows (100 %) are classified correctly."


def test_the_location_with_the_largest_errors_is_described():
    latitude = np.repeat([50.05, 52.05], 30)
    found = error_map(latitude, latitude - 42, np.repeat([-2.0, 0.5], 30))
    caption = error_map_caption(found, "USD")
    assert "error is 2.00 (USD) at latitude 50.1, longitude 8.1 (30 rows, 1.6 times that of all" in caption
    assert "mean error -2.00)" in caption
    few = error_map(latitude[25:35], latitude[25:35] - 42, np.ones(10))
    assert error_map_caption(few, "").startswith("Fewer than two cells have at least 20 rows")


def test_the_holdout_period_is_compared_with_the_training_periods():
    months = [PeriodScore(f"2024-0{month}", "train", 100, 0.4, 0.3, 0.5) for month in (1, 2)]
    worse = PeriodScore("2024-05", "holdout", 100, 0.6, 0.5, 0.7)
    caption = periods_caption([*months, worse], "log_loss")
    assert "0.600 in the holdout period 2024-05 and 0.400 on average" in caption
    assert "significantly worse on the holdout" in caption
    assert "significantly better on the holdout" in periods_caption([*months, worse], "roc_auc")
    like = PeriodScore("2024-05", "holdout", 100, 0.42, 0.35, 0.5)
    assert "the training mean is within the 95 % CI of the holdout" in periods_caption(
        [*months, like], "log_loss"
    )


def test_without_training_periods_the_best_and_the_worst_are_described():
    years = [PeriodScore(str(year), "holdout", 10, score, 0, 1) for year, score in ((2020, 0.5), (2021, 0.7))]
    assert "best in 2020 (0.500, 10 rows) and worst in 2021 (0.700, 10 rows)" in periods_caption(
        years, "rmse"
    )
    assert "best in 2021" in periods_caption(years, "r2")
