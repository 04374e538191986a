"""The disparity between groups is that of fairlearn, with an interval."""

import math

import numpy as np
import pytest
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference

from mlops_assets.ml.metrics.disparity import disparity, disparity_interval

RANDOM = np.random.default_rng(0)
ROWS = 600
GROUPS = RANDOM.integers(0, 3, ROWS)
TRUTH = (RANDOM.random(ROWS) < 0.3 + 0.1 * GROUPS).astype(int)
CHOSEN = (RANDOM.random(ROWS) < 0.2 + 0.4 * TRUTH + 0.1 * GROUPS).astype(int)


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("demographic_parity", demographic_parity_difference),
        ("equalized_odds", equalized_odds_difference),
    ],
)
def test_it_is_the_difference_that_fairlearn_computes(constraint, expected):
    value = expected(TRUTH, CHOSEN, sensitive_features=GROUPS)
    assert disparity(constraint, TRUTH, CHOSEN, GROUPS) == pytest.approx(value)
    interval = disparity_interval(constraint, TRUTH, CHOSEN, GROUPS)
    assert 0 < interval.low < value < interval.high < 1
    wide = disparity_interval(constraint, TRUTH, CHOSEN, GROUPS, clusters=np.arange(ROWS) // 20)
    assert wide.is_defined
    assert wide != interval


def test_rows_of_no_group_are_ignored():
    apart = np.where(GROUPS == 2, -1, GROUPS)
    both = GROUPS < 2
    expected = disparity("equalized_odds", TRUTH[both], CHOSEN[both], GROUPS[both])
    assert disparity("equalized_odds", TRUTH, CHOSEN, apart) == pytest.approx(expected)


def test_it_is_undefined_for_one_group_and_for_a_group_without_a_class():
    assert math.isnan(disparity("demographic_parity", TRUTH, CHOSEN, np.zeros(ROWS, dtype=int)))
    assert math.isnan(disparity("equalized_odds", np.where(GROUPS == 0, 0, TRUTH), CHOSEN, GROUPS))
