"""The effect of a fairness constraint on the holdout, in numbers, words and a plot."""

from dataclasses import replace

import numpy as np
import pytest
from fairlearn.metrics import demographic_parity_difference
from sklearn.metrics import accuracy_score

from mlops_assets.ml.evaluation.groups.mitigation import Mitigation, measure_mitigation
from mlops_assets.ml.model.group_thresholds import GroupThresholds
from mlops_assets.ml.reports.plots.fairness import constraint_headline, trade_off_caption, trade_off_plot
from mlops_assets.ml.search.decision_threshold import Decision
from mlops_assets.ml.search.fairness_trade_off import TradeOff, TradeOffPoint

RANDOM = np.random.default_rng(0)
ROWS = 2_000
SEX = RANDOM.choice(["f", "m"], ROWS)
SCORE = np.clip(RANDOM.random(ROWS) * 0.7 + np.where(SEX == "m", 0.3, 0.0), 0, 1)
TRUTH = (RANDOM.random(ROWS) < SCORE).astype(int)
FAIR = GroupThresholds("sex", ("f", "m"), (0.37, 0.63), 0.5, "demographic_parity", 0.1)
POINTS = (
    TradeOffPoint(0.05, (0.35, 0.65), 0.05, 0.7),
    TradeOffPoint(0.1, FAIR.thresholds, 0.09, 0.72),
    TradeOffPoint(None, (0.5, 0.5), 0.4, 0.75),
)


def measured(decision: Decision | None = None) -> Mitigation:
    found = TradeOff({"f": 900, "m": 800}, {"x": 7}, POINTS, 1)
    return measure_mitigation(FAIR, found, decision or Decision(metric="accuracy"), TRUTH, SCORE, SEX)


def test_disparity_and_objective_are_those_of_the_classes_that_each_model_predicts():
    found = measured()
    free, ours = (SCORE >= 0.5).astype(int), (np.where(SEX == "f", 0.37, 0.63) <= SCORE).astype(int)
    for point, chosen in ((found.before, free), (found.after, ours)):
        expected = demographic_parity_difference(TRUTH, chosen, sensitive_features=SEX)
        assert point.disparity == pytest.approx(expected)
        assert point.disparity_interval[0] < expected < point.disparity_interval[1]
        assert point.objective == pytest.approx(accuracy_score(TRUTH, chosen))
    assert found.metrics["accuracy"] == pytest.approx((found.before.objective, found.after.objective))
    assert found.cost[0] < found.after.objective - found.before.objective < found.cost[1]
    assert [point.limit for point in found.curve] == [0.05, 0.1, None]
    assert found.curve[1].disparity == pytest.approx(found.after.disparity)
    group = found.groups[0]
    assert (group.label, group.training_rows, group.rows) == ("f", 900, int((SEX == "f").sum()))
    assert group.selected_after == pytest.approx(ours[SEX == "f"].mean())
    assert group.selected_before < group.selected_after


def test_an_objective_of_costs_is_the_mean_cost_of_a_row():
    found = measured(Decision(false_positive=1, false_negative=3))
    wrong = (SCORE >= 0.5).astype(int) - TRUTH
    assert found.objective == "mean cost"
    assert found.before.objective == pytest.approx(np.mean(np.where(wrong == 1, 1, 3) * (wrong != 0)))


@pytest.mark.parametrize(
    ("disparity", "low", "headline", "problem"),
    [
        (0.08, 0.05, "✓ The constraint holds on the holdout.", ""),
        (
            0.12,
            0.09,
            "⚠ The limit is exceeded on the holdout, not significantly",
            "the interval includes 0.1",
        ),
        (0.15, 0.11, "✗ The limit is exceeded on the holdout, significantly", "reduce fairness.at_most"),
    ],
)
def test_an_excess_is_called_significant_if_the_interval_does_not_include_the_limit(
    disparity, low, headline, problem
):
    found = measured()
    after = replace(found.after, disparity=disparity, disparity_interval=(low, 0.2))
    found = replace(found, after=after)
    assert found.holds == (not problem)
    assert constraint_headline(found).startswith(headline)
    assert problem in found.problem()
    assert bool(found.problem()) == bool(problem)
    assert f"→ {disparity:.3f}".rstrip("0") in found.describe()


def test_the_plot_has_both_models_the_other_limits_and_the_limit():
    found = measured()
    (axes,) = trade_off_plot(found).axes
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["other limits", "without the constraint", "this model", "at most 0.1"]
    assert axes.get_xlabel() == "demographic parity difference by sex"
    caption = trade_off_caption(found)
    assert caption.startswith("The constraint changes the demographic parity difference from ")
    assert caption.endswith(" significant).")
