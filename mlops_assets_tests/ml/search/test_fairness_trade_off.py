"""Groups with enough rows, and the choice among thresholds for several limits."""

from dataclasses import replace

import numpy as np
import pytest

from mlops_assets.core.errors import DataError, ModelError
from mlops_assets.ml.model.group_thresholds import MISSING, OTHERS
from mlops_assets.ml.search import fairness_trade_off
from mlops_assets.ml.search.decision_threshold import Decision
from mlops_assets.ml.search.fairness_trade_off import (
    FairnessRule,
    TradeOff,
    choose_group_thresholds,
    find_groups,
)

ACCURACY = Decision(metric="accuracy")
RULE = FairnessRule("sex", "demographic_parity", 0.05)


def problem(rows: int, shift: float, *, seed: int = 0):
    """Truth, calibrated probabilities and the sensitive column; positives are rarer in one group."""
    random = np.random.default_rng(seed)
    sex = random.choice(["f", "m"], rows)
    probabilities = 1 / (1 + np.exp(-random.normal(0, 1.5, rows) - np.where(sex == "m", shift, -shift)))
    return (random.random(rows) < probabilities).astype(int), probabilities, sex.astype(object)


def choose(rule: FairnessRule, *data, threshold: float | None = None):
    return choose_group_thresholds(rule, ACCURACY, *data, threshold=threshold, seed=0, subject="lending")


@pytest.mark.parametrize("constraint", ["demographic_parity", "equalized_odds"])
def test_the_disparity_of_new_rows_is_close_to_the_limit_and_the_objective_falls_little(constraint):
    rule = replace(RULE, constraint=constraint)
    fair, found = choose(rule, *problem(4_000, 0.6))
    chosen, free = found.points[found.chosen], found.points[-1]
    assert (free.limit, free.disparity > 0.2) == (None, True)
    assert chosen.disparity <= 0.05
    assert free.objective - 0.06 < chosen.objective < free.objective
    assert fair.thresholds[0] < 0.5 < fair.thresholds[1], "the group with fewer positives has the lower one"
    truth, probabilities, sex = problem(20_000, 0.6, seed=1)
    selected = probabilities >= fair.of(sex)
    among = (
        [np.ones(len(truth), dtype=bool)] if constraint == "demographic_parity" else [truth == 1, truth == 0]
    )
    gaps = [selected[rows & (sex == "m")].mean() - selected[rows & (sex == "f")].mean() for rows in among]
    assert max(map(abs, gaps)) < 0.075


def test_larger_limits_have_larger_disparities_and_better_objectives():
    _, found = choose(RULE, *problem(8_000, 0.6))
    disparities = [point.disparity for point in found.points]
    assert disparities[0] < 0.03
    assert disparities == sorted(disparities)
    assert found.points[-1].objective > found.points[0].objective


def test_a_model_within_the_limit_keeps_its_threshold():
    fair, found = choose(RULE, *problem(6_000, 0.01), threshold=0.4)
    assert fair.thresholds == (0.4, 0.4)
    assert found.points[found.chosen].limit is None


def test_thresholds_are_measured_on_rows_that_they_were_not_chosen_on(monkeypatch):
    data, seen = problem(400, 0.6), []
    known = fairness_trade_off.choose_fair_thresholds

    def choose_on(decision, constraint, limit, truth, *others, **named):
        seen.append(len(truth))
        return known(decision, constraint, limit, truth, *others, **named)

    monkeypatch.setattr(fairness_trade_off, "choose_fair_thresholds", choose_on)
    choose(RULE, *data)
    assert set(seen) == {400, 320}
    assert seen.count(320) == 5 * seen.count(400)


def test_the_same_rows_give_the_same_thresholds_and_the_file_is_read_back():
    data = problem(1_000, 0.6)
    (first, found), (second, again) = choose(RULE, *data), choose(RULE, *data)
    assert first == second
    assert found.to_json() == again.to_json()
    assert TradeOff.of_json(found.to_json()) == found
    with pytest.raises(
        ModelError, match=r"(?s)fairness\.json of the run can't be read.*materialize tuned_model"
    ):
        TradeOff.of_json('{"points": 1}')


def test_small_groups_are_pooled_and_a_small_pool_is_not_constrained():
    truth = np.tile([0, 1], 250)
    values = np.array(["a"] * 200 + ["b"] * 150 + ["c"] * 60 + ["d"] * 50 + [None] * 40, dtype=object)
    rows, ungrouped = find_groups(RULE, truth, values, subject="lending")
    assert (rows, ungrouped) == ({"a": 200, "b": 150, OTHERS: 150}, {})
    values[350:380] = "a"
    rows, ungrouped = find_groups(replace(RULE, minimum_rows=140), truth, values, subject="lending")
    assert (rows, ungrouped) == ({"a": 230, "b": 150}, {"c": 30, "d": 50, MISSING: 40})
    fair, found = choose(replace(RULE, minimum_rows=140), truth, np.linspace(0, 1, 500), values)
    assert fair.labels == ("a", "b")
    assert "not constrained, because too small: c, d, missing" in found.describe()


def test_too_few_large_groups_are_an_error_with_the_rows_of_each_class():
    truth = np.array([0] * 150 + [1] * 50 + [0] * 20)
    values = np.array(["a"] * 200 + ["b"] * 20)
    message = (
        r"(?s)lending: fairness requires at least two groups of sex with 100 training rows each; found a: "
        r"150 \+ 50, b: 20 \+ 0 rows of the two classes.*reduce fairness.minimum_rows"
    )
    with pytest.raises(DataError, match=message):
        find_groups(RULE, truth, values, subject="lending")
    odds = replace(RULE, constraint="equalized_odds")
    with pytest.raises(DataError, match="with 100 training rows of each class each"):
        find_groups(odds, truth, values, subject="lending")


def test_a_column_of_many_numbers_requires_edges():
    random = np.random.default_rng(0)
    age, truth = random.integers(18, 90, 1_000).astype(float), random.integers(0, 2, 1_000)
    message = r"(?s)column age has 72 distinct numbers.*group them with fairness\.edges"
    with pytest.raises(DataError, match=message):
        find_groups(FairnessRule("age", "demographic_parity", 0.05), truth, age, subject="lending")
    grouped = FairnessRule("age", "demographic_parity", 0.05, edges=(30, 60))
    rows, _ = find_groups(grouped, truth, age, subject="lending")
    assert list(rows) == ["30 to below 60", "60 or more", "below 30"]
