"""Two-sample tests and effect sizes of histograms, against scipy and known distributions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, norm, ttest_ind, wasserstein_distance

from mlops_assets.ml.monitoring.drift.column_tests import compare_distributions, holm, measure_effect
from mlops_assets.ml.monitoring.drift.histograms import Bins, Counts

EDGES = tuple(norm.ppf(np.arange(1, 100) / 100))
NUMBER = Bins("x", "number", edges=EDGES)
COLOURS = Bins("x", "category", values=("red", "blue", "teal"))
counts = st.lists(st.integers(0, 400), min_size=4, max_size=4)


def counted(values: np.ndarray, *, missing: int = 0, not_finite: int = 0) -> Counts:
    places = np.searchsorted(EDGES, values, side="left")
    return Counts(missing, not_finite, tuple(np.bincount(places, minlength=100).tolist()))


def normal(rows: int, shift: float = 0.0, scale: float = 1.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, scale, rows)


def test_a_shift_has_the_p_value_of_a_t_test_and_the_distance_in_standard_deviations():
    before, after = normal(50_000), normal(2_000, 0.1, seed=1)
    tested = compare_distributions(NUMBER, counted(before), counted(after))
    assert tested.name == "normal_scores"
    ours, theirs = norm.isf(0.8 * tested.p_value / 2), norm.isf(ttest_ind(before, after).pvalue / 2)
    assert ours == pytest.approx(theirs, rel=0.03)
    effect = measure_effect(NUMBER, counted(before), counted(after))
    clipped = [np.clip(side, EDGES[0], EDGES[-1]) for side in (before, after)]
    distance = wasserstein_distance(*clipped) / clipped[0].std()
    assert effect.name == "wasserstein"
    assert 0.9 * distance < effect.size < distance


def test_a_change_of_the_scale_alone_is_found_by_the_chi_square_test():
    before, after = normal(20_000), normal(2_000, scale=1.3, seed=1)
    tested = compare_distributions(NUMBER, counted(before), counted(after))
    assert tested.name == "chi_square"
    assert tested.p_value < 1e-10
    assert measure_effect(NUMBER, counted(before), counted(after)).size == pytest.approx(0.24, abs=0.05)


def test_categories_have_the_chi_square_test_with_both_samples_random():
    before, after = Counts(0, 0, (300, 200, 100, 50)), Counts(0, 0, (280, 240, 90, 60))
    expected = chi2_contingency([before.bins, after.bins]).pvalue
    assert compare_distributions(COLOURS, before, after).p_value == pytest.approx(expected)


def test_the_expectation_of_the_index_without_a_change_is_subtracted():
    before, after = Counts(0, 0, (250, 250, 250, 250)), Counts(0, 0, (260, 240, 250, 250))
    raw = 2 * 0.01 * math.log(26 / 24) / 2  # without the half rows of the smoothing
    assert measure_effect(COLOURS, before, after).square == pytest.approx(raw - 3 * 2 / 1000, abs=1e-5)


def test_effects_of_equal_distributions_are_zero_on_average():
    squares = [
        measure_effect(NUMBER, counted(normal(1_000, seed=seed)), counted(normal(500, seed=1_000 + seed)))
        for seed in range(200)
    ]
    mean = np.mean([each.square for each in squares])
    assert abs(mean) < 3 * np.std([each.square for each in squares]) / math.sqrt(200)
    assert abs(mean) < 0.0005


def test_missing_values_are_a_change_of_a_number():
    before, after = counted(normal(50_000)), counted(normal(1_900, seed=1), missing=100)
    assert compare_distributions(NUMBER, before, after).p_value < 1e-50
    effect = measure_effect(NUMBER, before, after)
    assert effect.name == "missing"
    assert effect.size > 0.5


def test_a_value_between_the_edges_of_one_value_is_compared_as_a_category():
    flag = Bins("x", "number", edges=(math.nextafter(0.0, -1.0), 0.0))
    before, after = Counts(0, 0, (0, 9_900, 100)), Counts(0, 0, (0, 900, 100))
    assert measure_effect(flag, before, after).name == "root_psi"
    assert compare_distributions(flag, before, after).p_value < 1e-20


def test_adjusted_p_values_are_those_of_holm():
    found = [0.01, 0.04, 0.03, 0.005, 0.5, 1.0, 0.005]
    # In order, times 7, 6, 5, 4, 3, 2 and 1; never below the one before, and at most 1.
    assert holm(found) == pytest.approx([0.05, 0.12, 0.12, 0.035, 1.0, 1.0, 0.035])
    assert holm([]) == []


@given(counts, counts)
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_samples_does_not_matter(one, other):
    before, after = Counts(3, 0, tuple(one)), Counts(0, 0, tuple(other))
    there, back = (measure_effect(COLOURS, *pair).square for pair in ((before, after), (after, before)))
    assert there == pytest.approx(back)
    ordered = Bins("x", "number", edges=(1.0, 2.0, 4.0))
    p_values = [compare_distributions(ordered, *pair).p_value for pair in ((before, after), (after, before))]
    assert 0 <= p_values[0] <= 1
    if min(sum(one), sum(other)) > 200:  # the exact test of rare rows rounds their number
        assert math.log(p_values[0] + 1e-300) == pytest.approx(math.log(p_values[1] + 1e-300), rel=0.5, abs=2)


@given(st.floats(0, 2), st.floats(0.05, 1))
@settings(max_examples=30, deadline=None)
def test_a_larger_shift_is_a_larger_effect_and_a_smaller_p_value(shift, more):
    values = norm.ppf((np.arange(2_000) + 0.5) / 2_000)
    small, large = (counted(values + by) for by in (shift, shift + more))
    before = counted(values)
    assert measure_effect(NUMBER, before, small).square < measure_effect(NUMBER, before, large).square
    p_values = [compare_distributions(NUMBER, before, each).p_value for each in (small, large)]
    assert p_values[1] <= p_values[0] + 1e-12
