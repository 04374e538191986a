"""The conformal quantile of crepes: the k-th smallest residual, without its rounding and its filter."""

import math
import sys
import warnings

import numpy as np
import pytest

from mlops_assets.compat.crepes import conformal_quantiles


@pytest.mark.parametrize(
    ("rows", "coverage", "expected"),
    [(9, 0.9, 9), (10, 0.9, 10), (19, 0.9, 18), (99, 0.9, 90), (100, 0.9, 91), (4, 0.8, 4), (19, 0.95, 19)],
)
def test_the_quantile_is_the_smallest_residual_that_covers_a_further_row(rows, coverage, expected):
    residuals = np.random.default_rng(0).permutation(np.arange(1.0, rows + 1)) * np.tile([1, -1], rows)[:rows]
    assert conformal_quantiles(residuals, coverage) == {0: expected}


def test_too_few_rows_have_an_infinite_quantile():
    assert conformal_quantiles(np.arange(8.0), 0.9) == {0: math.inf}


def test_bins_and_difficulty_scale_the_quantiles():
    residuals, bins = np.arange(1.0, 19.0), np.repeat([0, 7], 9)
    assert conformal_quantiles(residuals, 0.9, bins=bins) == {0: 9, 7: 18}
    assert conformal_quantiles(residuals, 0.9, bins=bins, difficulty=np.full(18, 2.0)) == {0: 4.5, 7: 9}


def test_the_filters_of_warnings_are_those_from_before_the_import(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "crepes"]:
        monkeypatch.delitem(sys.modules, name)
    before = list(warnings.filters)
    conformal_quantiles(np.arange(20.0), 0.9)
    assert "crepes.base" in sys.modules
    assert warnings.filters == before
