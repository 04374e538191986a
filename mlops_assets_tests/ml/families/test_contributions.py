"""Contributions of columns to a prediction, which add up to it for every family, task and ensemble."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import logit

from mlops_assets.ml.families import FAMILIES, Estimator, FitRows, Settings
from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.ml.model.ensemble import EnsembleEstimator
from mlops_assets_tests.support.families import TRIED_FAMILIES

ROWS = 300
CLASSES = {"regression": 1, "binary": 2, "multiclass": 3}


def problem(task: Task) -> tuple[NDArray, NDArray]:
    random = np.random.default_rng(0)
    matrix = random.normal(size=(ROWS, 4)).astype(np.float32).astype(float)
    score = matrix[:, 0] + matrix[:, 1] * matrix[:, 2] + random.normal(0, 0.3, ROWS)
    if task == "regression":
        return matrix, 100 * score
    return matrix, np.digitize(score, [0.0] if task == "binary" else [-0.7, 0.7])


def fitted(family: str, task: Task) -> tuple[Estimator, NDArray]:
    matrix, target = problem(task)
    settings = Settings(task=task, classes=CLASSES[task], seed=0, threads=1)
    return FAMILIES[family].fit(FitRows(matrix, target), FAMILIES[family].defaults(), 20, settings), matrix


def rests(predictions: NDArray, contributions: NDArray) -> NDArray:
    """What is left of each prediction without the contributions: the same constant for every row."""
    return predictions - contributions.sum(axis=-1)


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
@pytest.mark.parametrize("family", TRIED_FAMILIES)
def test_contributions_to_the_prediction_add_up_to_it(family: str, task: Task):
    estimator, matrix = fitted(family, task)
    rest = rests(estimator.predict(matrix), estimator.prediction_contributions(matrix))
    np.testing.assert_allclose(rest, np.broadcast_to(rest[:1], rest.shape), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", TRIED_FAMILIES)
def test_contributions_add_up_on_the_scale_that_the_estimator_states(family: str):
    estimator, matrix = fitted(family, "binary")
    predictions = estimator.predict(matrix)
    shown = logit(predictions) if estimator.contribution_scale == "log-odds" else predictions
    rest = rests(shown, estimator.contributions(matrix))
    np.testing.assert_allclose(rest, rest[0], rtol=1e-3, atol=1e-3)
    assert estimator.contribution_scale == (
        "prediction" if "tree" in family or "forest" in family else "log-odds"
    )


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_contributions_of_an_ensemble_add_up_to_its_weighted_mean(task: Task):
    members = [fitted(family, task)[0] for family in ("xgboost", "random_forest", "linear")]
    ensemble, matrix = EnsembleEstimator(tuple(members), (0.5, 0.3, 0.2)), problem(task)[0]
    rest = rests(ensemble.predict(matrix), ensemble.contributions(matrix))
    np.testing.assert_allclose(rest, np.broadcast_to(rest[:1], rest.shape), rtol=1e-4, atol=1e-4)
    assert ensemble.contribution_scale == "prediction"
    assert ensemble.contribution_cost == sum(member.contribution_cost for member in members)
