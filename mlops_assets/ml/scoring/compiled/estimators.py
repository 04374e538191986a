"""Estimators on few rows, on one thread."""

import ctypes
import ctypes.util
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.families import Estimator
from mlops_assets.ml.families.linear import LinearEstimator, predict_scaled
from mlops_assets.ml.families.xgboost import XGBoostEstimator
from mlops_assets.ml.model.ensemble import EnsembleEstimator, weighted_sum
from mlops_assets.ml.scoring.compiled.not_compiled import NotCompiledError
from mlops_assets.ml.scoring.compiled.numeric_steps import numeric_step
from mlops_assets.ml.scoring.compiled.trees import Forest, read_learner, single_leaf

Predict = Callable[[NDArray], NDArray]
"""From a matrix of shape `(n, columns)` to predictions in the form of `Task`."""
MOST_WALKED = 8
"""Maximum number of rows whose trees are walked in NumPy; XGBoost takes less time for more of them."""
_Transform = Callable[[np.float32], float]
"""From the margin of a booster to its prediction."""


def compile_estimator(estimator: Estimator) -> Predict:
    """The predictions of an estimator for few rows."""
    members: Sequence[Estimator] = (estimator,)
    weights: Sequence[float] | None = None
    if isinstance(estimator, EnsembleEstimator):
        members, weights = estimator.members, estimator.weights
    walked: dict[int, tuple[Any, _Transform]] = {}
    predictors: dict[int, Predict] = {}
    for place, member in enumerate(members):
        predictors[place] = _predictor(member)
        with suppress(NotCompiledError):
            walked[place] = _read(member)
    if walked:
        forest = Forest.of([learner for learner, _ in walked.values()])
        transforms = [transform for _, transform in walked.values()]

    def predict(matrix: NDArray) -> NDArray:
        walks = walked if len(matrix) <= MOST_WALKED else {}
        parts = {place: each(matrix) for place, each in predictors.items() if place not in walks}
        if walks:
            margins = [forest.margins(row) for row in matrix]
            for index, (place, transform) in enumerate(zip(walked, transforms, strict=True)):
                parts[place] = np.array([transform(row[index]) for row in margins])
        if weights is None:
            return parts[0]
        return weighted_sum([parts[place] for place in range(len(members))], weights)

    return predict


def _predictor(estimator: Estimator) -> Predict:
    if isinstance(estimator, XGBoostEstimator):
        booster = estimator.on_one_thread
        return lambda matrix: np.asarray(booster.inplace_predict(matrix), dtype=float)
    if isinstance(estimator, LinearEstimator):
        try:
            scaling = numeric_step(estimator.pipeline[:-1])
        except NotCompiledError:
            return estimator.predict
        model = estimator.pipeline[-1]
        return lambda matrix: predict_scaled(model, scaling(matrix))
    return estimator.predict


def _read(estimator: Estimator) -> tuple[Any, _Transform]:
    """The trees of a booster, and what it does with their sum."""
    if not isinstance(estimator, XGBoostEstimator):
        raise NotCompiledError("no booster")
    learner = read_learner(estimator.booster)
    match learner["objective"]["name"]:
        case "reg:squarederror" | "reg:quantileerror":
            return learner, float
        case "binary:logistic":
            return learner, _logistic(learner)
    raise NotCompiledError("another objective")


def _logistic(learner: Any) -> _Transform:
    """The probability of a margin, with the exponential function that XGBoost calls.

    That of NumPy differs in the last bit. A sample of margins is compared with XGBoost.
    """
    try:
        exponential = ctypes.CDLL(ctypes.util.find_library("m")).expf
    except (OSError, AttributeError, TypeError) as error:
        raise NotCompiledError("no C library with expf") from error
    exponential.restype, exponential.argtypes = ctypes.c_float, [ctypes.c_float]
    one, most = np.float32(1), np.float32(88.7)

    def probability(margin: np.float32) -> float:
        return float(one / (np.float32(exponential(min(-margin, most))) + one))

    sample = np.random.default_rng(0).normal(0, 4, 4_000).astype(np.float32)
    rows = np.zeros((len(sample), int(learner["learner_model_param"]["num_feature"])))
    expected = single_leaf(learner).inplace_predict(rows, base_margin=sample)
    if [probability(margin) for margin in sample] != expected.astype(float).tolist():
        raise NotCompiledError("an exponential function that differs from that of XGBoost")
    return probability
