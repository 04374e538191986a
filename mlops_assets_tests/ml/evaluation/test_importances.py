"""Importances are those of the features, whatever columns the pipeline derives from them."""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mlops_assets.ml.evaluation.importances import (
    column_sources,
    permutation_importances,
    shap_importances,
    shap_rows,
)
from mlops_assets.ml.families import FAMILIES
from mlops_assets.ml.model.tabular_model import ModelSpec, TabularModel


def rotating_pipeline():
    """One-hot kinds, the weight, and a column that depends on size and weight, without feature names."""
    return make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["kind"]),
        ("passthrough", ["weight"]),
        (make_pipeline(SimpleImputer(), PCA(1)), ["size", "weight"]),
    )


def fitted(problem, family: str = "xgboost") -> tuple[TabularModel, pd.DataFrame]:
    features, target, settings = problem("regression")
    spec = ModelSpec(
        project="garage",
        task="regression",
        target="price",
        table=None,
        columns=(),
        features=tuple(features.columns),
        classes=(),
        family=family,
        params=FAMILIES[family].defaults(),
        rounds=20,
        seed=0,
    )
    return TabularModel.fit(spec, "", features, target, rotating_pipeline, settings), features


def test_columns_of_the_pipeline_are_traced_to_the_features_that_change_them(problem):
    model, features = fitted(problem)
    sources = column_sources(model, features, seed=0)
    assert sources == [("kind",), ("kind",), ("weight",), ("size", "weight")]


def test_shap_values_are_summed_by_feature_and_add_up_to_the_prediction(problem):
    model, features = fitted(problem)
    found = shap_importances(model, features, seed=0)
    assert set(found) == {"kind", "weight", "size + weight"}
    assert list(found.values()) == sorted(found.values(), reverse=True)
    matrix = model.pipeline.transform(features)
    values = model.estimator.contributions(matrix)
    base = model.estimator.predict(matrix) - values.sum(axis=1)
    assert np.ptp(base) < 1e-4, "the base value is the same for all rows"


def test_a_linear_model_has_shap_values(problem):
    model, features = fitted(problem, "linear")
    assert set(shap_importances(model, features, seed=0)) == {"kind", "weight", "size + weight"}


def test_a_large_forest_has_shap_values_of_fewer_rows(problem, monkeypatch):
    model, features = fitted(problem)
    assert shap_rows(model, len(features)) == len(features)
    cost = model.estimator.contribution_cost
    monkeypatch.setattr("mlops_assets.ml.evaluation.importances.SHAP_COST", 25 * cost)
    assert shap_rows(model, 5_000) == 25
    monkeypatch.setattr("mlops_assets.ml.evaluation.importances.SHAP_COST", cost)
    assert shap_rows(model, 5_000) == 10


def test_permutation_importance_is_zero_for_an_unused_feature_and_sorted_by_size():
    features = pd.DataFrame(
        {
            name: np.random.default_rng(seed).normal(size=200)
            for seed, name in enumerate(["idle", "small", "big"])
        }
    )
    truth = (features["small"] + 3 * features["big"]).to_numpy()

    def run(seed: int, rows: int) -> dict[str, float]:
        return permutation_importances(
            lambda frame: (frame["small"] + 3 * frame["big"]).to_numpy(),
            features,
            lambda positions, predictions: float(np.mean((truth[positions] - predictions) ** 2)),
            seed=seed,
            rows=rows,
        )

    importances = run(0, 150)
    assert list(importances) == ["big", "small", "idle"]
    assert importances["idle"] == 0.0
    assert importances["big"] > 4 * importances["small"] > 0
    assert run(0, 150) == importances != run(1, 150)
