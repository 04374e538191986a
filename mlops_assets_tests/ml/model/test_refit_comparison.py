"""Whether two models are one: by digest, by predictions, or not at all."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from mlops_assets.ml.model.refit_comparison import TOLERANCE, Reproduction, compare_refit, largest_difference
from mlops_assets_tests.support.garage import ROWS, garage_model

NAN = math.nan


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1e-6, 4.0], [1e-6, 5.0], 0.2),
        ([1e-6, 4.0], [2e-6, 4.0], 0.5),
        ([0.0, -1.0], [0.0, 1.0], 2.0),
        ([0.0], [1e-300], 1.0),
        ([NAN, 1.0], [NAN, 1.0], 0.0),
        ([NAN], [1.0], math.inf),
        ([1.0], [NAN], math.inf),
        ([], [], 0.0),
        ([1.0], [1.0, 2.0], math.inf),
    ],
)
def test_predictions_are_apart_relative_to_the_larger(before, after, expected):
    assert largest_difference(np.array(before), np.array(after)) == pytest.approx(expected)


def moved(by: float):
    """The same model whose linear estimator predicts a little more."""
    model = garage_model()
    model.estimator.pipeline[-1].intercept_ *= 1 + by
    return model


@pytest.mark.parametrize(
    ("by", "outcome"), [(0.0, "identical"), (TOLERANCE / 100, "equivalent"), (1e-6, "different")]
)
def test_a_refit_is_identical_equivalent_or_different(by, outcome):
    features = ROWS.astype({"kind": object})
    found = compare_refit("judged", garage_model(), moved(by), features, fitted_rows=4)
    assert found.outcome == outcome
    assert (found.digest == found.recorded_digest) is (outcome == "identical")
    assert found.compared_rows == (0 if outcome == "identical" else 4)


def test_without_rows_to_compare_only_the_digest_tells():
    features = ROWS.astype({"kind": object}).iloc[:0]
    assert (
        compare_refit("judged", garage_model(), garage_model(), features, fitted_rows=4).outcome
        == "identical"
    )
    assert (
        compare_refit("judged", garage_model(), moved(1e-15), features, fitted_rows=4).outcome == "different"
    )


def test_the_worst_refit_decides_and_without_any_nothing_is_reproduced():
    features = ROWS.astype({"kind": object})
    same, close, other = (
        compare_refit("judged", garage_model(), moved(by), features, fitted_rows=4)
        for by in (0.0, TOLERANCE / 100, 1e-6)
    )
    for refits, outcome in (
        ((same, same), "identical"),
        ((same, close), "equivalent"),
        ((close, other), "different"),
        ((), "different"),
    ):
        assert Reproduction("garage", 1, refits, ()).outcome == outcome


def test_what_is_infinitely_far_apart_is_null_in_json():
    refit = compare_refit("judged", garage_model(), moved(1e-6), ROWS.astype({"kind": object}), fitted_rows=4)
    told = Reproduction("garage", 1, (replace(refit, largest_difference=math.inf),), ()).to_json()
    assert json.loads(json.dumps(told, allow_nan=False))["refits"][0]["largest_difference"] is None
