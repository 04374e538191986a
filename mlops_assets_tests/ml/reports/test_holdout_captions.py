"""A sentence about a picture of the holdout follows from its numbers, and changes with them."""

import numpy as np
import pytest

from mlops_assets.ml.evaluation.error_map import error_map
from mlops_assets.ml.evaluation.evaluation import PeriodScore
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


def test_predictions_that_shrink_to_the_middle_are_told():
    told = predicted_caption(TRUTH, 5 + 0.8 * (TRUTH - 5), "USD")
    assert "Half of the predictions are off by at most 0.500, nine tenths by at most 0.900 (USD)." in told
    assert "lowest true values is predicted 0.900 too high, and that with the highest 0.900 too low" in told


def test_errors_that_grow_with_the_prediction_are_told():
    noise = RANDOM.normal(size=len(TRUTH))
    assert "times as wide at the highest predictions" in residuals_caption(TRUTH, TRUTH + noise * TRUTH / 10)
    assert "about as wide at the highest predictions" in residuals_caption(
        TRUTH, TRUTH + np.resize([-0.1, 0.1], 1_001)
    )


@pytest.mark.parametrize(
    ("shift", "told"),
    [(0.5, "0.500 too high on average, which is more than chance explains"), (0.0, "which may be chance")],
)
def test_errors_that_lean_to_one_side_are_told(shift, told):
    noise = RANDOM.normal(size=len(TRUTH))
    assert told in histogram_caption(TRUTH, TRUTH + noise - noise.mean() + shift)


def test_the_ranking_of_two_classes_is_told_and_of_more_the_worst():
    truth = np.resize([0, 1], 200)
    perfect = roc_caption((truth == 1)[:, None], truth[:, None] * 1.0, ["late"])
    assert "“late” is ranked above one of the others 100 % of the time" in perfect
    outcomes = np.column_stack([truth == 0, truth == 1])
    told = roc_caption(outcomes, np.column_stack([RANDOM.random(200), truth * 1.0]), ["paid", "late"])
    assert told.startswith("Told apart worst is “paid”")
    assert "one class only" in roc_caption(np.ones((5, 1), dtype=bool), np.ones((5, 1)), ["late"])


def test_what_the_highest_scores_hold_is_told():
    outcome = np.arange(100) < 20
    told = precision_recall_caption(outcome, np.linspace(1, 0, 100))
    assert "highest probability 100 % are positive, of all rows 20.0 %" in told
    assert "holds 50.0 % of the positives" in told


def test_probabilities_that_boast_are_not_to_be_taken_at_their_word():
    probability = RANDOM.uniform(0.1, 0.8, 4_000)
    outcome = RANDOM.random(4_000) < probability
    assert "so it can be taken at its word" in calibration_caption(reliability(outcome, probability))
    boasting = calibration_caption(reliability(outcome, probability + 0.1))
    assert "so don't take it at its word" in boasting
    assert "percentage points too high" in boasting


def test_the_most_frequent_mistake_is_told():
    told = confusion_caption(np.array([[8, 2], [5, 5]]), ["paid", "late"])
    assert told.startswith("13 of 20 rows (65.0 %) are predicted right; the most frequent mistake is “late” ")
    assert told.endswith("taken for “paid”, in 5 rows.")
    assert confusion_caption(np.diag([3, 4]), ["a", "b"]) == "7 of 7 rows (100 %) are predicted right."


def test_the_place_with_the_largest_errors_is_told():
    latitude = np.repeat([50.05, 52.05], 30)
    found = error_map(latitude, latitude - 42, np.repeat([-2.0, 0.5], 30))
    told = error_map_caption(found, "USD")
    assert (
        "largest around latitude 50.1, longitude 8.1: 2.00 (USD) on average over 30 rows, 1.6 times" in told
    )
    assert "predictions there are 2.00 too low" in told
    few = error_map(latitude[25:35], latitude[25:35] - 42, np.ones(10))
    assert error_map_caption(few, "").startswith("No two places have 20 rows or more")


def test_the_month_that_judges_is_compared_with_those_that_trained():
    months = [PeriodScore(f"2024-0{month}", "trained", 100, 0.4, 0.3, 0.5) for month in (1, 2)]
    worse = PeriodScore("2024-05", "judges", 100, 0.6, 0.5, 0.7)
    assert "0.600 in 2024-05, which judges, and 0.400 on average" in periods_caption(
        [*months, worse], "log_loss"
    )
    assert "worse by more than chance" in periods_caption([*months, worse], "log_loss")
    assert "better by more than chance" in periods_caption([*months, worse], "roc_auc")
    like = PeriodScore("2024-05", "judges", 100, 0.42, 0.35, 0.5)
    assert "within what a sample of that size makes likely" in periods_caption([*months, like], "log_loss")


def test_without_training_periods_the_best_and_the_worst_are_told():
    years = [PeriodScore(str(year), "holdout", 10, score, 0, 1) for year, score in ((2020, 0.5), (2021, 0.7))]
    assert "best in 2020 (0.500, 10 rows) and worst in 2021 (0.700, 10 rows)" in periods_caption(
        years, "rmse"
    )
    assert "best in 2021" in periods_caption(years, "r2")
