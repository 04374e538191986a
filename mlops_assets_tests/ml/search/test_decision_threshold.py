"""Thresholds by a metric and by the cost of errors."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from mlops_assets.ml.search.decision_threshold import Decision, choose_threshold

RANDOM = np.random.default_rng(0)
PROBABILITIES = RANDOM.beta(1, 4, 3000)
TRUTH = (RANDOM.random(3000) < PROBABILITIES).astype(int)


def test_the_threshold_of_calibrated_probabilities_follows_from_the_costs():
    decision = Decision(false_positive=1, false_negative=4)
    assert choose_threshold(decision, TRUTH, PROBABILITIES) == pytest.approx(1 / 5, abs=0.05)
    even = Decision(false_positive=2, false_negative=2)
    assert choose_threshold(even, TRUTH, PROBABILITIES) == pytest.approx(1 / 2, abs=0.08)


@pytest.mark.parametrize(
    ("metric", "score"), [("f1", f1_score), ("balanced_accuracy", balanced_accuracy_score)]
)
def test_no_other_threshold_has_a_better_metric(metric, score):
    chosen = choose_threshold(Decision(metric=metric), TRUTH, PROBABILITIES)
    best = max(score(TRUTH, other <= PROBABILITIES) for other in np.linspace(0.01, 0.99, 99))
    assert score(TRUTH, chosen <= PROBABILITIES) >= best


def test_an_error_without_cost_is_always_accepted():
    assert choose_threshold(Decision(false_positive=0, false_negative=1), TRUTH, PROBABILITIES) < 0.01
    assert choose_threshold(Decision(false_positive=1, false_negative=0), TRUTH, PROBABILITIES) > 0.6


def test_similar_rows_get_the_same_class():
    probabilities, truth = np.array([0.2, 0.2, 0.8, 0.8]), np.array([0, 0, 1, 1])
    assert choose_threshold(Decision(metric="accuracy"), truth, probabilities) == pytest.approx(0.5)
