"""The expected range of a figure: level, trend, season, single outliers, and a new level."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlops_assets.ml.monitoring.expected_range import MINIMUM, NEW_LEVEL, Past, Range, expected_range

NOISE = (0.3, -0.2, 0.1, -0.4, 0.2, -0.1, 0.4, -0.3)


def after(values, *, variance: float = 0.0, alpha: float = 0.01, season: int = 12) -> Range | None:
    past = Past(range(len(values)), list(values), [variance] * len(values))
    return expected_range(past, len(values), variance, alpha=alpha, season=season)


def noisy(length: int) -> np.ndarray:
    return np.resize(NOISE, length)


def test_a_level_has_the_prediction_interval_of_students_t():
    values = [4.0, 6.0, 5.0, 4.5, 5.5]
    found = after(values)
    reach = stats.t.isf(0.005, 4) * math.sqrt(np.var(values, ddof=1) * (1 + 1 / 5))
    assert found.expected == pytest.approx(5.0)
    assert (found.low, found.high) == pytest.approx((5 - reach, 5 + reach))


def test_nothing_is_expected_of_a_short_past():
    assert after([1.0] * (MINIMUM - 1)) is None


def test_a_trend_is_continued_so_that_it_does_not_alarm():
    values = 2.0 * np.arange(20) + noisy(20)
    found = after(values)
    assert found.expected == pytest.approx(40.0, abs=0.5)
    assert found.low < 40 < found.high
    assert found.high - found.low < 3


def test_a_season_is_expected_and_its_absence_is_not():
    december = 20.0 * (np.arange(36) % 12 == 11) + noisy(36)
    quiet, peak = after(december), after(december[:-1])
    assert quiet.high < 5
    assert peak.low > 15


def test_one_outlier_in_the_past_does_not_widen_the_range():
    values = noisy(16)
    values[9] = 50.0
    assert after(values) == after(np.delete(values, 9)) or after(values).high < 2


def test_a_new_level_is_out_of_line_until_it_has_held():
    old, new = noisy(16), 10 + noisy(8)
    for held in range(NEW_LEVEL):
        found = after([*old, *new[:held]])
        assert not found.low <= 10 <= found.high, held
    for held in (NEW_LEVEL, NEW_LEVEL + 2):
        found = after([*old, *new[:held]])
        assert found.low < 10 < found.high, held
        assert found.high < 13


def test_fewer_rows_widen_the_range():
    past = Past(range(12), list(noisy(12)), [0.01] * 12)
    many, few = (expected_range(past, 12, variance, alpha=0.01, season=12) for variance in (0.01, 1.0))
    assert few.high - few.low > 2 * (many.high - many.low)


def test_a_constant_past_has_the_range_of_sampling():
    found = after([3.0] * 10, variance=0.04)
    assert found.expected == pytest.approx(3.0)
    reach = stats.norm.isf(0.005) * math.sqrt(0.04 * (1 + 1 / 10))
    assert found.high == pytest.approx(3 + reach)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e3, 1e3, width=32), min_size=MINIMUM, max_size=30),
    st.floats(-1e3, 1e3, width=32),
    st.integers(1, 12),
)
def test_any_past_has_a_range_around_the_expected_value_that_moves_with_it(values, shift, season):
    found = after(values, variance=1.0, season=season)
    assert found.low <= found.expected <= found.high
    assert math.isfinite(found.high - found.low)
    moved = after([value + shift for value in values], variance=1.0, season=season)
    assert moved.high - moved.low == pytest.approx(found.high - found.low, rel=1e-3, abs=1e-3)
