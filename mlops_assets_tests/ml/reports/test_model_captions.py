"""A sentence about a picture of the model follows from its numbers, and changes with them."""

import math

import pytest

from mlops_assets.ml.evaluation.fairness import Fairness, GroupDifference
from mlops_assets.ml.evaluation.learning_curve import CurvePoint
from mlops_assets.ml.evaluation.partial_dependence import PartialDependence
from mlops_assets.ml.evaluation.slices import SliceScore, WeakestSlices
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


def test_the_most_important_feature_is_told_beside_the_next_and_the_idle_ones():
    told = importances_caption({"size": 0.4, "age": 0.1, "idle": 0.0, "worse": -0.1}, "rmse")
    assert told == (
        "Shuffling size makes RMSE 0.400 worse, 4.0 times as much as age, the next; 2 of 4 features matter "
        "less than a hundredth of that."
    )
    assert "the model leans on none" in importances_caption({"size": -0.1}, "rmse")
    assert importances_caption({"size": NAN}, "rmse") == "No importance is defined."


def test_two_ways_to_tell_importance_agree_or_not():
    assert "shuffling puts it first, too" in shap_caption({"size": 0.3}, {"size": 0.1}, "")
    assert "shuffling puts age first" in shap_caption({"size": 0.3}, {"age": 0.1, "size": 0.0}, "")


@pytest.mark.parametrize(
    ("values", "means", "told"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0], "Rises from 1.00 at 1 to 4.00 at 3."),
        ([1.0, 2.0, 3.0], [4.0, 2.0, 1.0], "Falls from 4.00 at 1 to 1.00 at 3."),
        ([1.0, 2.0, 3.0], [1.0, 3.0, 1.0], "Lowest at 1 (1.00), highest at 2 (3.00)."),
        (["van", "car"], [2.0, 1.0], "Lowest at car (1.00), highest at van (2.00)."),
        ([1.0, 2.0], [1.0, 1.0], "Does not move it: 1.00 throughout."),
    ],
)
def test_the_way_of_a_dependence_is_told(values, means, told):
    assert dependence_caption(dependence(values, means)) == told


def test_the_worst_slice_is_told_and_whether_it_is_chance():
    by_chance = [of_slice("car", 1.4, 0.3), of_slice("van", 0.8, 1.0), of_slice("rare", 9.0, NAN, NAN)]
    told = slices_caption(by_chance, "rmse")
    assert "Worst is kind car: RMSE 0.500 over 100 rows, with 1.4 times the mean loss" in told
    assert "No slice is worse than the rest by more than chance explains." in told
    assert "1 of 2 slices is worse" in slices_caption([of_slice("car", 1.4, 0.01), by_chance[1]], "rmse")
    assert "No slice has the 30 rows" in slices_caption(by_chance[2:], "rmse")


def test_the_search_for_weak_slices_tells_how_many_it_looked_at():
    found = WeakestSlices([of_slice("car", 2.0, 0.01)], 1_234, 5, 500, 499)
    assert weakest_slices_caption(found) == (
        "1,234 slices of one or two columns were looked at on 500 rows, and the 5 that look worst were "
        "measured on 499 others: 1 of them is worse there by more than chance explains."
    )
    assert "none of them is worse" in weakest_slices_caption(WeakestSlices([], 9, 5, 500, 499))
    assert weakest_slices_caption(WeakestSlices([], 9, 0, 500, 499)).endswith("none is worse than the rest.")


def test_only_certain_differences_between_groups_are_called_so():
    gaps = [
        GroupDifference("accuracy", 0.2, "south", "north", True),
        GroupDifference("true positive rate", 0.3, "north", "south", False),
    ]
    told = fairness_caption(Fairness("region", [], gaps, {}), "")
    assert told.endswith("explains in accuracy, 20 points higher for north than for south.")
    assert "no difference is more than chance may explain" in fairness_caption(
        Fairness("region", [], gaps[1:], {}), ""
    )
    assert "no two groups" in fairness_caption(Fairness("region", [], [], {}), "")
    money = Fairness("region", [], [GroupDifference("mean error", 1.5, "south", "north", True)], {})
    assert "1.50 (USD) higher for north" in fairness_caption(money, "USD")


def test_what_a_prediction_costs_is_told():
    entry = LeaderboardEntry("model", "xgboost", 0.4, 0.4, 1.0, 2.5, 1e5, 3 * 2**20)
    told = costs_caption([entry], Speed(9.0, 1e4))
    assert "2.50 ms from features, and 9.00 ms from what a caller sends" in told
    assert "100,000 a second, and its files take 3.00 MiB" in told


def test_the_history_tells_when_the_best_came():
    trials = [
        TrialSummary(index, "linear", {}, score, "complete", 1.0)
        for index, score in enumerate([0.5, 0.3, 0.4])
    ]
    assert "number 1 (linear, 0.300); the 1 after it did not improve on it" in history_caption(trials, "rmse")
    assert "number 0 (linear, 0.500)" in history_caption(trials, "r2")
    assert "it is the last, so more may help" in history_caption(trials[:2], "rmse")


def test_more_rows_help_only_where_the_last_gain_is_no_chance():
    def curve(last: float, gain: tuple[float, float]) -> list[CurvePoint]:
        return [CurvePoint(100, 0.5, 0.4, 0.6), CurvePoint(200, last, 0.3, 0.5, gain)]

    assert "more rows would probably help" in learning_curve_caption(curve(0.4, (-0.15, -0.05)), "rmse")
    assert "which may be chance" in learning_curve_caption(curve(0.4, (-0.15, 0.05)), "rmse")
    assert "gets no better" in learning_curve_caption(curve(0.6, (0.0, 0.2)), "rmse")
    assert "too few rows" in learning_curve_caption([], "rmse")
    assert math.isnan(CurvePoint(1, 0.5, 0.4, 0.6).gain[0])
