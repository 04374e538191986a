"""Trees of scikit-learn as boosters: the same predictions, to the last row on a threshold."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from mlops_assets.ml.families import FAMILIES, FitRows, Settings
from mlops_assets.ml.families.hist_gradient_boosting import HistGradientBoostingFamily
from mlops_assets.ml.families.xgboost_conversion import Tree, booster_of, leaf
from mlops_assets_tests.support.families import TRIED_FAMILIES

ROWS = 400


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    """Numbers of few different values, so that rows lie on thresholds, and some missing."""
    random = np.random.default_rng(0)
    values = random.integers(0, 12, (ROWS, 4)) / 7
    values[random.random((ROWS, 4)) < 0.1] = np.nan
    return values


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
@pytest.mark.parametrize("name", [each for each in TRIED_FAMILIES if each not in ("xgboost", "linear")])
def test_a_booster_predicts_what_its_trees_predicted(matrix: np.ndarray, name: str, task):
    value = np.nan_to_num(matrix).sum(axis=1) + np.isnan(matrix[:, 0])
    target = {
        "regression": value,
        "binary": (value > 3).astype(int),
        "multiclass": np.digitize(value, [2.5, 4]),
    }[task]
    settings = Settings(task, {"regression": 1, "binary": 2, "multiclass": 3}[task], 0, 1, max_rounds=20)
    family = FAMILIES[name]
    fold = family.prepare(FitRows(matrix, target), FitRows(matrix, target), settings)
    theirs, rounds = fold.fit(family.defaults() | ({} if rounds_of(name) else {"min_samples_leaf": 1}))
    params = family.defaults() | ({} if rounds_of(name) else {"min_samples_leaf": 1})
    ours = family.fit(FitRows(matrix, target), params, rounds, settings).predict(matrix)
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-6)


def rounds_of(name: str) -> bool:
    return name not in ("extra_trees", "random_forest")


def test_a_row_on_the_threshold_goes_left_and_the_next_number_right():
    tree = Tree(
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        feature=np.array([1, 0, 0]),
        threshold=np.array([0.1, 0, 0]),
        missing_left=np.array([1, 0, 0]),
        value=np.array([0, 5.0, 7.0]),
        rows=np.array([2.0, 1.0, 1.0]),
    )
    booster = booster_of([tree, leaf(0.5)], columns=2, objective="reg:squarederror", outputs=1)
    just_above = np.nextafter(np.float32(0.1), np.float32(1))
    below = np.nextafter(np.float32(0.1), np.float32(0))
    rows = np.array([[9, below], [9, 0.05], [9, just_above], [9, np.nan]])
    assert booster.inplace_predict(rows).tolist() == [5.5, 5.5, 7.5, 5.5]


def test_early_stopping_keeps_the_best_rounds(matrix: np.ndarray):
    target = (np.nan_to_num(matrix[:, 0]) > 0.8).astype(int)
    settings = Settings("binary", 2, 0, 1, max_rounds=60, early_stopping_rounds=5)
    family = HistGradientBoostingFamily()
    noise = np.random.default_rng(3).permutation(target)
    params = family.defaults() | {"learning_rate": 0.5}
    fold = family.prepare(FitRows(matrix[:200], noise[:200]), FitRows(matrix[200:], noise[200:]), settings)
    predictions, rounds = fold.fit(params)
    assert rounds < 20
    plain = HistGradientBoostingClassifier(**params, max_iter=rounds, early_stopping=False, random_state=0)
    plain.fit(matrix[:200].astype(np.float32), noise[:200])
    np.testing.assert_allclose(predictions, plain.predict_proba(matrix[200:].astype(np.float32))[:, 1])
