"""Baselines that every model is compared with: a constant prediction and a linear model."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.families import FAMILIES, Settings
from mlops_assets.ml.features.preprocessing import MakePipeline
from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.search.decision_threshold import Decision, choose_threshold
from mlops_assets.ml.search.prepared_folds import Fold
from mlops_assets.ml.search.training_data import TrainingData

MODEL = "model"
CONSTANT_BASELINE = "constant baseline"
LINEAR_BASELINE = "linear baseline"
"""Names of the compared models in scores, leaderboards and reports."""


def constant_predictions(
    task: Task,
    train: NDArray,
    rows: int,
    classes: int,
    *,
    weights: NDArray | None = None,
    quantile: float | None = None,
) -> NDArray:
    """Predictions that ignore the features: mean or quantile of the target, or the frequency of each class.

    Parameters
    ----------
    train
        The target of the training rows, shape `(n,)`.
    rows
        Number of predictions.
    classes
        Number of classes; ignored for regression.
    weights
        The weight of each training row; by default rows count the same.
    quantile
        The quantile of the target that a regression predicts; None for the mean.

    Returns
    -------
    Predictions in the form of `Task`: shape `(rows,)`, for multiclass `(rows, classes)`.
    """
    if quantile is not None:
        return np.full(rows, weighted_quantile(train, quantile, weights))
    if task == "regression":
        return np.full(rows, np.average(train, weights=weights))
    counts = np.bincount(train, weights, minlength=classes)
    shares = counts / counts.sum()
    return np.full(rows, shares[1]) if task == "binary" else np.tile(shares, (rows, 1))


def weighted_quantile(values: NDArray, quantile: float, weights: NDArray | None = None) -> float:
    """The quantile, which minimises the weighted pinball loss; without weights as in `np.quantile`."""
    if weights is None:
        return float(np.quantile(values, quantile))
    return float(np.quantile(values, quantile, weights=weights, method="inverted_cdf"))


def constant_threshold(decision: Decision, train: NDArray, weights: NDArray | None = None) -> float:
    """The decision threshold of the constant prediction: it predicts one class for all rows."""
    share = np.average(train, weights=weights)
    return choose_threshold(decision, train, np.full(len(train), share), weights)


def fit_linear_baseline(
    spec: ModelSpec, features_sql: str, train: TrainingData, make_pipeline: MakePipeline, settings: Settings
) -> TabularModel:
    """Fit a linear model with default parameters on the features and the pipeline of the project."""
    linear = replace(
        spec,
        family="linear",
        params=FAMILIES["linear"].defaults(),
        rounds=None,
        members=(),
        calibration=None,
        threshold=None,
        class_weights=(),
        monotone=(),
        group_thresholds=None,
    )
    return TabularModel.fit(
        linear,
        features_sql,
        train.features,
        train.target,
        make_pipeline,
        settings,
        weights=train.weights,
    )


def linear_out_of_fold(
    linear: TabularModel,
    train: TrainingData,
    folds: Sequence[Fold],
    make_pipeline: MakePipeline,
    settings: Settings,
) -> tuple[NDArray, NDArray]:
    """Out-of-fold predictions of the linear baseline, to choose its decision thresholds on.

    Parameters
    ----------
    folds
        The folds of the search, on which the threshold of the model is chosen.

    Returns
    -------
    The positions of the rows, and their predictions.
    """
    predictions = []
    for rows, others in folds:
        part = TabularModel.fit(
            linear.spec,
            linear.features_sql,
            train.features.iloc[rows],
            train.target[rows],
            make_pipeline,
            settings,
            weights=train.weights_of(rows),
        )
        predictions.append(part.predict_features(train.features.iloc[others]))
    return np.concatenate([others for _, others in folds]), np.concatenate(predictions)
