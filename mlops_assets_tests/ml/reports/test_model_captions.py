"""Captions of the plots of the model follow from their numbers."""

import math

import pytest

from mlops_assets.ml.evaluation.groups.fairness import Fairness, GroupDifference
from mlops_assets.ml.evaluation.groups.slices import SliceScore
from mlops_assets.ml.evaluation.groups.weakest_slices import WeakestSlices
from mlops_assets.ml.evaluation.importances import PermutationImportance
from mlops_assets.ml.evaluation.learning_curve import CurvePoint
from mlops_assets.ml.evaluation.partial_dependence import PartialDependence
from mlops_assets.ml.model.costs import Speed
from mlops_assets.ml.reports.model_captions import (
    costs_caption,
    dependence_caption,
    fairness_caption,
    history_caption,
    importances_caption,
    learning_curve_caption,
    shap_caption,
    slices_caption,
    weakest_slices_caption,
)
from mlops_assets.ml.search.leaderboard import LeaderboardEntry
from mlops_assets.ml.search.trials import TrialSummary

NAN = float("nan")


def of_slice(value: str, ratio: float, chance: float, score: float = 0.5) -> SliceScore:
    return SliceScore("kind", value, 100, score, 0.4, 0.6, ratio, chance)


def dependence(values, means) -> PartialDependence:
    return PartialDependence("x", values, means, means, means, 10)


def test_the_most_important_feature_is_compared_with_the_next_one():
    caption = importances_caption({"size": 0.4, "age": 0.1, "idle": 0.0, "worse": -0.1}, "rmse", {})
    assert caption == (
        "Shuffling size increases RMSE by 0.400, 4.0 times as much as the next feature, age; 2 of 4 features "
        "have less than 1 % of this importance."
    )
    assert importances_caption({"size": 0.1}, "r2", {}) == "Shuffling size decreases R² by 0.100."
    assert "No feature has a positive permutation importance" in importances_caption(
        {"size": -0.1}, "rmse", {}
    )
    assert importances_caption({"size": NAN}, "rmse", {}) == "Permutation importance is undefined."


def test_the_caption_counts_the_features_whose_interval_includes_0():
    spreads = {
        "size": PermutationImportance(0.4, 0.02, 0.3, 0.5),
        "noise": PermutationImportance(0.1, 0.09, -0.1, 0.3),
    }
    caption = importances_caption({"size": 0.4, "noise": 0.1}, "rmse", spreads)
    assert caption.endswith("The 95 % intervals of 1 of 2 features include 0 (hollow bars).")


def test_shap_values_and_permutation_importance_agree_or_not():
    assert "and the largest permutation importance." in shap_caption({"size": 0.3}, {"size": 0.1}, "")
    assert "age has the largest permutation importance" in shap_caption(
        {"size": 0.3}, {"age": 0.1, "size": 0.0}, ""
    )


@pytest.mark.parametrize(
    ("values", "means", "caption"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0], "Increases from 1.00 at 1 to 4.00 at 3."),
        ([1.0, 2.0, 3.0], [4.0, 2.0, 1.0], "Decreases from 4.00 at 1 to 1.00 at 3."),
        ([1.0, 2.0, 3.0], [1.0, 3.0, 1.0], "Lowest at 1 (1.00), highest at 2 (3.00)."),
        (["van", "car"], [2.0, 1.0], "Lowest at car (1.00), highest at van (2.00)."),
        ([1.0, 2.0], [1.0, 1.0], "Constant at 1.00."),
    ],
)
def test_the_direction_of_a_partial_dependence_is_described(values, means, caption):
    assert dependence_caption(dependence(values, means)) == caption


def test_the_worst_slice_is_described_and_whether_it_is_significant():
    not_significant = [of_slice("car", 1.4, 0.3), of_slice("van", 0.8, 1.0), of_slice("rare", 9.0, NAN, NAN)]
    caption = slices_caption(not_significant, "rmse")
    assert "worst slice is kind car: RMSE 0.500 over 100 rows, with a mean loss of 1.4 times" in caption
    assert "No slice is significantly worse than the other rows." in caption
    assert "1 of 2 slices is significantly worse" in slices_caption(
        [of_slice("car", 1.4, 0.01), not_significant[1]], "rmse"
    )
    assert "No slice has the minimum of 30 rows" in slices_caption(not_significant[2:], "rmse")


def test_the_size_of_the_search_for_weak_slices_is_described():
    found = WeakestSlices([of_slice("car", 2.0, 0.01)], 1_234, 5, 500, 499)
    assert weakest_slices_caption(found) == (
        "1,234 slices of one or two columns were compared on 500 rows, and the worst 5 were tested on 499 "
        "other rows: 1 of them is significantly worse there."
    )
    assert "none of them is significantly worse" in weakest_slices_caption(WeakestSlices([], 9, 5, 500, 499))
    assert weakest_slices_caption(WeakestSlices([], 9, 0, 500, 499)).endswith(
        "none is worse than the other rows."
    )


def test_only_significant_differences_between_groups_are_listed():
    gaps = [
        GroupDifference("accuracy", 0.2, "south", "north", True),
        GroupDifference("true positive rate", 0.3, "north", "south", False),
    ]
    caption = fairness_caption(Fairness("region", [], gaps, {}), "")
    assert caption == (
        "Significant differences between groups: accuracy, 20 percentage points higher for north than for "
        "south."
    )
    assert (
        "No difference between groups is significant. The largest is true positive rate"
        in fairness_caption(Fairness("region", [], gaps[1:], {}), "")
    )
    assert "Fewer than two groups" in fairness_caption(Fairness("region", [], [], {}), "")
    money = Fairness("region", [], [GroupDifference("mean error", 1.5, "south", "north", True)], {})
    assert "1.50 (USD) higher for north" in fairness_caption(money, "USD")


def test_latency_throughput_and_size_are_described():
    entry = LeaderboardEntry("model", "xgboost", 0.4, 0.4, 1.0, 2.5, 1e5, 3 * 2**20)
    caption = costs_caption([entry], Speed(9.0, 1e4))
    assert "2.50 ms from features, 9.00 ms from model input" in caption
    assert "100,000 rows per second. Model files: 3.00 MiB." in caption


def test_the_history_has_the_number_of_the_best_trial():
    trials = [
        TrialSummary(index, "linear", {}, score, "complete", 1.0)
        for index, score in enumerate([0.5, 0.3, 0.4])
    ]
    assert "trial 1 (linear, 0.300); the 1 after it did not improve the score" in history_caption(
        trials, "rmse"
    )
    assert "trial 0 (linear, 0.500)" in history_caption(trials, "r2")
    assert "it is the last one, so more trials may improve the score" in history_caption(trials[:2], "rmse")


def test_more_rows_help_only_if_the_last_improvement_is_significant():
    def curve(last: float, gain: tuple[float, float]) -> list[CurvePoint]:
        return [CurvePoint(100, 0.5, 0.4, 0.6), CurvePoint(200, last, 0.3, 0.5, gain)]

    assert "more rows would probably help" in learning_curve_caption(curve(0.4, (-0.15, -0.05)), "rmse")
    assert "which is not significant (95 % CI)" in learning_curve_caption(curve(0.4, (-0.15, 0.05)), "rmse")
    assert "does not improve" in learning_curve_caption(curve(0.6, (0.0, 0.2)), "rmse")
    assert "Too few training rows" in learning_curve_caption([], "rmse")
    assert math.isnan(CurvePoint(1, 0.5, 0.4, 0.6).gain[0])
