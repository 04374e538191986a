"""Thresholds by group are the best of all whose disparity is within the limit."""

from itertools import product

import numpy as np
import pytest
from fairlearn.postprocessing import ThresholdOptimizer
from sklearn.base import BaseEstimator, ClassifierMixin

from mlops_assets.ml.metrics.disparity import disparity
from mlops_assets.ml.search.decision_threshold import Decision, weighted_objective
from mlops_assets.ml.search.fair_thresholds import choose_fair_thresholds

ACCURACY = Decision(metric="accuracy")
OBJECTIVES = [
    ACCURACY,
    Decision(metric="f1"),
    Decision(metric="balanced_accuracy"),
    Decision(false_positive=1, false_negative=3),
]


def problem(rows: int, *, seed: int = 0):
    """Truth, calibrated probabilities and groups, which have different rates of positives."""
    random = np.random.default_rng(seed)
    groups = random.integers(0, 2, rows)
    probabilities = 1 / (1 + np.exp(-random.normal(0, 1.5, rows) - np.array([-0.8, 0.8])[groups]))
    return (random.random(rows) < probabilities).astype(int), probabilities, groups


def objective(decision: Decision, truth, chosen) -> float:
    """The objective, higher is better."""
    sign = -1 if decision.metric is None else 1
    return sign * float(weighted_objective(decision, truth, chosen)(np.ones((1, len(truth))))[0])


@pytest.mark.parametrize("decision", OBJECTIVES)
@pytest.mark.parametrize("constraint", ["demographic_parity", "equalized_odds"])
@pytest.mark.parametrize("limit", [0.1, 0.25])
def test_no_other_thresholds_within_the_limit_are_better(constraint, decision, limit):
    truth, probabilities, groups = problem(60)
    chosen = choose_fair_thresholds(
        decision, constraint, limit, truth, probabilities, groups, unconstrained=0.5
    )
    classes = (probabilities >= np.array(chosen)[groups]).astype(int)
    assert disparity(constraint, truth, classes, groups) <= limit + 1e-9
    best = -np.inf
    for pair in product(*([0.0, *np.sort(probabilities[groups == group]), 1.1] for group in (0, 1))):
        others = (probabilities >= np.array(pair)[groups]).astype(int)
        if disparity(constraint, truth, others, groups) <= limit:
            best = max(best, objective(decision, truth, others))
    assert objective(decision, truth, classes) == pytest.approx(best)


class Known(ClassifierMixin, BaseEstimator):
    """Returns the probability that it is passed as the only feature."""

    def fit(self, matrix, target):
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, matrix):
        return np.column_stack([1 - matrix[:, 0], matrix[:, 0]])


def test_without_chance_the_accuracy_is_close_to_that_of_fairlearn_and_the_limit_is_kept():
    truth, probabilities, groups = problem(4_000)
    theirs = ThresholdOptimizer(estimator=Known(), predict_method="predict_proba", tol=0.05)
    theirs.fit(probabilities[:, None], truth, sensitive_features=groups)
    drawn = [
        theirs.predict(probabilities[:, None], sensitive_features=groups, random_state=seed)
        for seed in range(10)
    ]
    chosen = choose_fair_thresholds(
        ACCURACY, "demographic_parity", 0.05, truth, probabilities, groups, unconstrained=0.5
    )
    ours = (probabilities >= np.array(chosen)[groups]).astype(int)
    assert disparity("demographic_parity", truth, ours, groups) <= 0.05
    assert any((drawn[0] != other).any() for other in drawn), "otherwise fairlearn needs no replacement"
    mean = np.mean([objective(ACCURACY, truth, each) for each in drawn])
    assert objective(ACCURACY, truth, ours) > mean - 0.005


def test_rows_of_no_group_play_no_part():
    truth, probabilities, groups = problem(400)
    arguments = (ACCURACY, "demographic_parity", 0.1)
    chosen = choose_fair_thresholds(*arguments, truth, probabilities, groups, unconstrained=0.5)
    more = [np.concatenate([values, values[:100]]) for values in (truth, probabilities)]
    apart = np.concatenate([groups, np.full(100, -1)])
    assert choose_fair_thresholds(*arguments, *more, apart, unconstrained=0.5) == chosen
