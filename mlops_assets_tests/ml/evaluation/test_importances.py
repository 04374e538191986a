"""Importances are those of the features, whatever columns the pipeline derives from them."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mlops_assets.ml.evaluation.importances import (
    PermutationImportance,
    ShapImportance,
    column_sources,
    leading_features,
    permutation_importances,
    shap_importances,
    shap_rows,
    shuffle_count,
)
from mlops_assets.ml.evaluation.shuffled_rows import ShuffledMatrix
from mlops_assets.ml.families import FAMILIES
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.metrics.tasks import Measure
from mlops_assets.ml.metrics.weighted_metrics import weighted_metric
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.tabular_model import TabularModel


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


class CountedPipeline:
    """Numbers, and the products of two pairs of them; counts its transformations."""

    def __init__(self) -> None:
        self.calls = 0

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        self.calls += 1
        values = frame.to_numpy()
        return np.column_stack([values, values[:, 2] * values[:, 5], values[:, 0] - values[:, -1]])


@pytest.mark.parametrize("count", [6, 300])
def test_the_columns_of_hundreds_of_features_are_traced_in_few_transformations(count):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(50, count))).rename(columns=lambda n: f"x{n}")
    frame["x3"] = 1.0
    pipeline = CountedPipeline()
    found = column_sources(SimpleNamespace(pipeline=pipeline), frame, seed=0)
    single = [(name,) if name != "x3" else () for name in frame.columns]
    assert found == [*single, ("x2", "x5"), ("x0", f"x{count - 1}")]
    assert pipeline.calls < 65


def test_of_many_features_those_with_the_largest_shap_values_are_shuffled(monkeypatch):
    monkeypatch.setattr("mlops_assets.ml.evaluation.importances.MOST_SHUFFLED", 3)
    shap = {"b + d": ShapImportance(2.0, ("b", "d")), "a": ShapImportance(1.0, ("a",))}
    assert leading_features(shap, ["a", "b", "c", "d"]) == ["a", "b", "d"]
    assert leading_features({}, ["c", "e"]) == ["c", "e"], "features without a value follow"


def test_shap_values_are_summed_by_feature_and_add_up_to_the_prediction(problem):
    model, features = fitted(problem)
    found = shap_importances(model, features, seed=0)
    assert set(found) == {"kind", "weight", "size + weight"}
    assert [each.mean for each in found.values()] == sorted(
        (each.mean for each in found.values()), reverse=True
    )
    assert found["size + weight"].features == ("size", "weight")
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

    def run(seed: int, rows: int) -> dict[str, PermutationImportance]:
        return permutation_importances(
            lambda frame: (frame["small"] + 3 * frame["big"]).to_numpy(),
            features,
            lambda positions, predictions: weighted_metric(
                Measure("regression", "mae"), truth[positions], predictions
            ),
            seed=seed,
            rows=rows,
        )

    importances = run(0, 150)
    assert list(importances) == ["big", "small", "idle"]
    assert importances["idle"] == PermutationImportance(0.0, 0.0, 0.0, 0.0)
    assert importances["big"].mean > 2 * importances["small"].mean > 0
    assert [each.includes_zero for each in importances.values()] == [False, False, True]
    assert run(0, 150) == importances != run(1, 150)


def noise_importance(seed: int, clusters: int | None = None) -> PermutationImportance:
    """The importance of a feature that a model uses and the target does not depend on."""
    random = np.random.default_rng(seed)
    groups = None if clusters is None else np.repeat(np.arange(clusters), 400 // clusters)
    noise = random.normal(size=400)
    truth = random.normal(size=400)
    if groups is not None:
        noise, truth = random.normal(size=clusters)[groups], random.normal(size=clusters)[groups]
    frame = pd.DataFrame({"noise": noise})
    return permutation_importances(
        lambda features: 0.3 * features["noise"].to_numpy(),
        frame,
        lambda positions, predictions: weighted_metric(
            Measure("regression", "rmse"), truth[positions], predictions
        ),
        seed=seed,
        clusters=groups,
    )["noise"]


def test_the_interval_of_a_feature_without_influence_includes_0():
    found = [noise_importance(seed) for seed in range(100)]
    assert sum(each.mean > 0 for each in found) > 30, "a mean alone ranks noise"
    assert sum(each.includes_zero for each in found) >= 93


def test_correlated_rows_do_not_make_noise_important():
    by_cluster = sum(noise_importance(seed, clusters=20).includes_zero for seed in range(60))
    assert by_cluster >= 54


@pytest.mark.parametrize(
    ("features", "rows", "count"), [(3, 200, 10), (6, 2_000, 10), (8, 2_000, 7), (500, 2_000, 5)]
)
def test_many_features_are_shuffled_five_times_and_few_ten_times(features, rows, count):
    assert shuffle_count(features, rows) == count


def test_the_spread_of_the_shuffles_is_reported():
    found = noise_importance(0)
    assert found.deviation > 0
    assert found.low < found.mean < found.high


@pytest.mark.parametrize(("cells", "calls"), [(10**9, 4), (2 * 240 * 3, 1 + 3 * 2), (1, 1 + 3 * 4)])
def test_shuffles_of_a_feature_are_predicted_together(problem, monkeypatch, cells: int, calls: int):
    model, features = fitted(problem)
    sizes: list[int] = []

    def predict(frame: pd.DataFrame) -> np.ndarray:
        sizes.append(len(frame))
        return model.predict_features(frame)

    def loss(positions: np.ndarray, predictions: np.ndarray):
        return weighted_metric(
            Measure("regression", "rmse"), features["weight"].to_numpy()[positions], predictions
        )

    one_by_one = permutation_importances(predict, features, loss, seed=0, shuffles=4)
    monkeypatch.setattr("mlops_assets.ml.evaluation.importances._CELLS", cells)
    sizes.clear()
    assert permutation_importances(predict, features, loss, seed=0, shuffles=4) == one_by_one
    assert (len(sizes), sum(sizes)) == (calls, 240 * (1 + 3 * 4))


@pytest.mark.parametrize(("pipeline", "transformed"), [(rotating_pipeline, 10), (default_pipeline, 0)])
def test_shuffled_rows_are_transformed_only_for_features_that_share_a_column(
    problem, monkeypatch, pipeline: Callable[[], Any], transformed: int
):
    features, target, settings = problem("regression")
    model = fitted(problem)[0]
    model = TabularModel.fit(model.spec, "", features, target, pipeline, settings)
    seen: list[int] = []
    predict = TabularModel.predict_features

    def counted(one: TabularModel, frame: pd.DataFrame) -> np.ndarray:
        seen.append(len(frame) // len(features))
        return predict(one, frame)

    def run(**arguments: Any) -> dict[str, PermutationImportance]:
        return permutation_importances(
            model.predict_features,
            features,
            lambda positions, found: weighted_metric(Measure("regression", "rmse"), target[positions], found),
            seed=0,
            shuffles=5,
            **arguments,
        )

    in_frames = run()
    monkeypatch.setattr(TabularModel, "predict_features", counted)
    assert run(shuffled=partial(ShuffledMatrix, model, seed=0)) == in_frames
    assert sum(seen) == 1 + transformed
    assert max(each.mean for each in in_frames.values()) > 0
