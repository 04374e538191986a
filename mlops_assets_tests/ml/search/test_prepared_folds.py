"""Folds that are preprocessed once, and stored out-of-fold predictions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from mlops_assets.ml.families import FAMILIES
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.search.prepared_folds import OutOfFold, PreparedFolds
from mlops_assets.ml.search.splits import make_folds


def test_a_pipeline_is_fitted_once_for_each_fold(problem: Callable[..., Any]):
    features, target, settings = problem("regression", rows=90)
    made: list[BaseEstimator] = []

    def make_pipeline() -> BaseEstimator:
        made.append(default_pipeline())
        return made[-1]

    folds = make_folds("regression", target, folds=3, seed=0)
    prepared = PreparedFolds(features, target, folds, make_pipeline, settings)
    for family in ("linear", "xgboost", "linear"):
        for fold in range(3):
            prepared.get(family, fold).fit(FAMILIES[family].defaults())
    assert len(made) == 3
    assert prepared.get("linear", 0) is prepared.get("linear", 0)


def test_the_loss_is_the_mean_over_the_folds_and_lower_is_better(problem: Callable[..., Any]):
    features, target, settings = problem("regression", rows=90)
    folds = make_folds("regression", target, folds=3, seed=0)
    prepared = PreparedFolds(features, target, folds, default_pipeline, settings)
    truth = target[prepared.rows]
    assert prepared.mean_loss(truth + 2.0, "rmse", 10.0) == pytest.approx(0.2)
    assert prepared.mean_loss(truth, "r2", 1.0) == pytest.approx(-1.0)


def test_predictions_are_stored_and_an_incomplete_file_is_ignored(tmp_path: Path):
    kept = np.random.default_rng(0).normal(size=(5, 3))
    OutOfFold(tmp_path / "predictions").keep(7, kept)
    (tmp_path / "predictions" / "8.npy.part").write_bytes(b"half")
    again = OutOfFold(tmp_path / "predictions")
    np.testing.assert_array_equal(again.get(7), kept)
    assert again.get(8) is None
    assert OutOfFold(None).get(7) is None
