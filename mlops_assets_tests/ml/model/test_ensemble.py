"""Greedy ensemble selection, and the weighted mean of its members."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_assets.ml.families import FAMILIES, FitRows
from mlops_assets.ml.model.ensemble import EnsembleEstimator, Member, greedy_weights

TRUTH = np.random.default_rng(0).normal(size=400)


def squared_error(predictions: np.ndarray) -> float:
    return float(np.mean((predictions - TRUTH) ** 2))


def noisy(scale: float, seed: int) -> np.ndarray:
    return TRUTH + scale * np.random.default_rng(seed).normal(size=len(TRUTH))


def test_independent_errors_average_out():
    candidates = [noisy(1.0, seed) for seed in range(1, 5)]
    weights = greedy_weights(candidates, squared_error, most=4)
    assert sum(weights) == pytest.approx(1)
    assert weights == pytest.approx([0.25] * 4, abs=0.1)
    blended = np.tensordot(weights, candidates, 1)
    assert squared_error(blended) < 0.35 * min(map(squared_error, candidates))


def test_candidates_that_do_not_lower_the_loss_have_no_weight():
    candidates = [noisy(0.1, 1), TRUTH + 9.0, noisy(5.0, 2)]
    assert greedy_weights(candidates, squared_error, most=3) == [1.0, 0.0, 0.0]


def test_the_number_of_members_is_limited():
    weights = greedy_weights([noisy(1.0, seed) for seed in range(1, 9)], squared_error, most=2)
    assert np.count_nonzero(weights) == 2


def test_an_ensemble_predicts_the_weighted_mean_and_is_loaded_unchanged(
    problem: Callable[..., Any], tmp_path: Path
):
    features, target, settings = problem("binary")
    matrix = features[["size", "weight"]].to_numpy()
    members = [
        Member("xgboost", FAMILIES["xgboost"].defaults(), 5, 0.75),
        Member("linear", FAMILIES["linear"].defaults(), None, 0.25),
    ]
    ensemble = EnsembleEstimator.fit(FitRows(matrix, target), members, settings)
    boosted, straight = (member.predict(matrix) for member in ensemble.members)
    np.testing.assert_allclose(ensemble.predict(matrix), 0.75 * boosted + 0.25 * straight)
    ensemble.save(tmp_path)
    loaded = EnsembleEstimator.load(tmp_path, members)
    np.testing.assert_array_equal(loaded.predict(matrix), ensemble.predict(matrix))
    assert loaded.digest() == ensemble.digest()
    assert EnsembleEstimator(ensemble.members, (0.5, 0.5)).digest() != ensemble.digest()
