"""Confidence bounds against values by hand, and against their coverage in simulation."""

import math

import numpy as np
import pytest

from mlops_assets.serving.canary.bounds import distance, distance_low, quantile_bounds, rate_bounds


def test_a_rate_without_events_has_the_bound_of_the_binomial_distribution():
    assert rate_bounds(0, 100, 0.05) == pytest.approx((0, 1 - 0.025 ** (1 / 100)))
    assert rate_bounds(100, 100, 0.05) == pytest.approx((0.025 ** (1 / 100), 1))
    assert rate_bounds(0, 0, 0.05) == (0, 1)


def test_a_rate_has_the_interval_of_clopper_and_pearson():
    assert rate_bounds(4, 20, 0.05) == pytest.approx((0.0573, 0.4366), abs=1e-4)  # of textbooks


def test_the_bounds_of_a_median_are_order_statistics():
    # Of 20 values, the 6th and the 15th cover the median with 95.9 %, by tables of the sign test.
    assert quantile_bounds(np.arange(1.0, 21.0), 0.5, 0.05) == (6, 15)
    assert quantile_bounds(np.arange(1.0, 21.0), 0.95, 0.05).high == math.inf
    assert quantile_bounds(np.array([1.0]), 0.5, 0.05) == (-math.inf, math.inf)


def test_the_distance_of_two_samples_is_the_largest_difference_of_their_shares():
    first, second = np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0, 5.0, 6.0])
    assert distance(first, second) == 0.5
    assert distance(first, first) == 0
    assert distance(first, first + 10) == 1


def test_the_lower_bound_of_a_distance_subtracts_the_margins_of_both_samples():
    first, second = np.arange(1_000.0), np.arange(1_000.0) + 2_000
    margin = math.sqrt(math.log(4 / 0.01) / 2_000)
    assert distance_low(first, second, 0.01) == pytest.approx(1 - 2 * margin)
    assert distance_low(first[:3], second, 0.01) == 0


def test_bounds_hold_in_at_least_the_stated_share_of_samples():
    random = np.random.default_rng(0)
    samples = random.normal(size=(300, 200))
    median = [quantile_bounds(one, 0.5, 0.1) for one in samples]
    assert np.mean([low <= 0 <= high for low, high in median]) >= 0.9
    rates = [rate_bounds(int((one > 1.28).sum()), 200, 0.1) for one in samples]
    assert np.mean([low <= 0.1003 <= high for low, high in rates]) >= 0.9
    # The distance of N(0, 1) and N(0.5, 1) is 2 Phi(0.25) - 1.
    lows = [
        distance_low(one, other + 0.5, 0.1) for one, other in zip(samples[::2], samples[1::2], strict=True)
    ]
    assert np.mean([low <= 0.1974 for low in lows]) >= 0.9
