"""Baselines: a constant prediction and a linear model."""

import numpy as np
import pandas as pd

from mlops_assets.ml.families import Settings
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.search.baselines import constant_predictions, fit_linear_baseline
from mlops_assets.ml.search.training_data import TrainingData, split_sides


def test_constant_predictions_are_the_mean_or_the_class_frequencies():
    classes = np.array([0, 1, 1, 1])
    assert constant_predictions("regression", np.array([1.0, 3.0]), 2, 1).tolist() == [2.0, 2.0]
    assert constant_predictions("binary", classes, 2, 2).tolist() == [0.75, 0.75]
    assert constant_predictions("multiclass", classes, 2, 3).tolist() == [[0.25, 0.75, 0.0]] * 2


def cars() -> tuple[TrainingData, TrainingData]:
    """Training and holdout rows of a table whose price is linear in the size."""
    random, rows = np.random.default_rng(0), 60
    size = random.uniform(0, 10, rows)
    frame = pd.DataFrame(
        {
            "row_id": random.permutation(rows),
            "size": size,
            "kind": random.choice(["car", "van"], rows),
            "price": 3 * size + random.normal(0, 0.1, rows),
            "_split": np.where(np.arange(rows) % 3 == 0, "holdout", "train"),
        }
    )
    return split_sides(frame, target="price", classes=(), subject="garage")


def test_the_linear_baseline_has_the_features_of_the_model_and_its_own_family():
    train, holdout = cars()
    spec = ModelSpec(
        "garage", "regression", "price", "cars", (), ("size", "kind"), (), "xgboost", {"eta": 0.3}, 5, 0
    )
    baseline = fit_linear_baseline(
        spec, "", train, default_pipeline, Settings("regression", 1, seed=0, threads=1)
    )
    assert (baseline.spec.family, baseline.spec.params, baseline.spec.rounds) == (
        "linear",
        {"penalty": 1.0},
        None,
    )
    np.testing.assert_allclose(baseline.predict_features(holdout.features), holdout.target, atol=1.5)
