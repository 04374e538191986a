"""Predicted probabilities against observed frequencies."""

import numpy as np
import pytest
from scipy.stats import binomtest

from mlops_assets.ml.metrics.reliability import reliability, wilson


def test_calibrated_probabilities_lie_in_the_intervals_and_overconfident_ones_do_not():
    random = np.random.default_rng(0)
    probability = random.uniform(0.05, 0.95, 5_000)
    outcome = random.random(5_000) < probability
    calibrated = reliability(outcome, probability)
    assert calibrated.is_inside.sum() >= 8
    assert calibrated.error < 0.02
    overconfident = reliability(outcome, np.minimum(probability + 0.1, 1.0))
    assert overconfident.is_inside.sum() <= 2
    assert overconfident.bias == pytest.approx(0.1, abs=0.02)


def test_intervals_of_shares_are_wilson_intervals():
    expected = binomtest(7, 20).proportion_ci(method="wilson")
    assert wilson(0.35, 20) == pytest.approx((expected.low, expected.high), abs=1e-4)
    assert np.isnan(wilson(float("nan"), 0)).all()
