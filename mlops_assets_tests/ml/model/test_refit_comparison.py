"""Refits are identical by digest, equivalent by predictions, or different."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from mlops_assets.ml.model.refit_comparison import (
    TOLERANCE,
    Difference,
    Reproduction,
    compare_refit,
    largest_difference,
)
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
def test_the_difference_of_predictions_is_relative_to_the_larger_one(before, after, expected):
    assert largest_difference(np.array(before), np.array(after)) == pytest.approx(expected)


def shifted(by: float):
    """The same model with a scaled intercept."""
    model = garage_model()
    model.estimator.pipeline[-1].intercept_ *= 1 + by
    return model


@pytest.mark.parametrize(
    ("by", "outcome"), [(0.0, "identical"), (TOLERANCE / 100, "equivalent"), (1e-6, "different")]
)
def test_a_refit_is_identical_equivalent_or_different(by, outcome):
    features = ROWS.astype({"kind": object})
    found = compare_refit("evaluated", garage_model(), shifted(by), features, fitted_rows=4)
    assert found.outcome == outcome
    assert (found.digest == found.recorded_digest) is (outcome == "identical")
    assert found.compared_rows == (0 if outcome == "identical" else 4)


def test_without_rows_to_compare_only_equal_digests_are_identical():
    features = ROWS.astype({"kind": object}).iloc[:0]
    assert (
        compare_refit("evaluated", garage_model(), garage_model(), features, fitted_rows=4).outcome
        == "identical"
    )
    assert (
        compare_refit("evaluated", garage_model(), shifted(1e-15), features, fitted_rows=4).outcome
        == "different"
    )


def test_the_outcome_is_that_of_the_worst_refit_and_different_without_any():
    features = ROWS.astype({"kind": object})
    same, close, other = (
        compare_refit("evaluated", garage_model(), shifted(by), features, fitted_rows=4)
        for by in (0.0, TOLERANCE / 100, 1e-6)
    )
    for refits, outcome in (
        ((same, same), "identical"),
        ((same, close), "equivalent"),
        ((close, other), "different"),
        ((), "different"),
    ):
        assert Reproduction("garage", 1, refits, ()).outcome == outcome


def test_an_infinite_difference_is_null_in_json():
    refit = compare_refit(
        "evaluated", garage_model(), shifted(1e-6), ROWS.astype({"kind": object}), fitted_rows=4
    )
    written = Reproduction("garage", 1, (replace(refit, largest_difference=math.inf),), ()).to_json()
    assert json.loads(json.dumps(written, allow_nan=False))["refits"][0]["largest_difference"] is None


def test_json_has_the_message_of_a_difference_under_message():
    changed = Difference("environment", "numpy 1.0, now 2.0", hint="install numpy 1.0")
    assert Reproduction("garage", 1, (), (changed,)).to_json()["differences"] == [
        {"subject": "environment", "message": "numpy 1.0, now 2.0", "diff": "", "hint": "install numpy 1.0"}
    ]
