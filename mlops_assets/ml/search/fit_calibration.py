"""Selection of the calibration by cross-validated log loss."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from mlops_assets.core.errors import DataError
from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.ml.model.calibration import TINY, Calibration, log_odds
from mlops_assets.ml.search.prepared_folds import Fold
from mlops_assets.ml.search.splits import make_folds
from mlops_assets.ml.search.time_split import time_folds

MIN_ROWS = 30
"""Minimum number of rows of each class; with fewer, a map would fit noise."""
_FOLDS = 5

_Fit = Callable[[NDArray, NDArray, NDArray | None], Calibration]
"""From true classes, predictions and weights to a calibration."""


def choose_calibration(
    task: Task,
    truth: NDArray,
    predictions: NDArray,
    *,
    seed: int,
    weights: NDArray | None = None,
    class_weights: Sequence[float] = (),
    times: NDArray | None = None,
    groups: NDArray | None = None,
) -> Calibration | None:
    """The calibration with the lowest cross-validated log loss; None when none improves on the predictions.

    Predictions of a model that was fitted with class weights are those of other frequencies of the classes.
    They are corrected at least for that (Elkan 2001, theorem 2).

    Parameters
    ----------
    truth
        The index of the class, shape `(n,)`.
    predictions
        Out-of-fold predictions of the same rows, in the form of `Task`.
    weights
        The weight of each row, shape `(n,)`; by default rows count the same.
    class_weights
        The factors of the weights of each class in the fit; empty if there are none.
    times
        The time of each row, in a split over time: maps are evaluated on later rows than they are fitted on.
    groups
        The group of each row, in a split by group: maps are evaluated on other groups than they are fitted
        on.
    """
    if task == "regression":
        return None
    start = prior_correction(class_weights) if class_weights else None
    counts = np.bincount(truth)
    if counts.min() < MIN_ROWS:
        return start
    fits = [_sigmoid, _isotonic] if task == "binary" else [_temperature(class_weights)]
    try:
        folds = _folds(truth, seed, times, groups)
    except DataError:  # too few times or groups for an evaluation
        return start
    apart = np.concatenate([valid for _, valid in folds])
    mapped = start.apply(predictions[apart]) if start else predictions[apart]
    uncalibrated = _loss(truth[apart], mapped, None if weights is None else weights[apart])
    losses = [_cross_validated_loss(fit, truth, predictions, weights, folds) for fit in fits]
    if min(losses) >= uncalibrated:
        return start
    return fits[int(np.argmin(losses))](truth, predictions, weights)


def prior_correction(class_weights: Sequence[float]) -> Calibration:
    """The map from probabilities of a fit with class weights to those without."""
    shifts = tuple(float(-np.log(weight)) for weight in class_weights)
    if len(shifts) == 2:
        return Calibration("sigmoid", (1.0,), (shifts[1] - shifts[0],))
    return Calibration("temperature", (1.0,), shifts)


def _folds(truth: NDArray, seed: int, times: NDArray | None, groups: NDArray | None) -> list[Fold]:
    """Folds of the rows, stratified and without a group on both sides, or with times expanding windows."""
    if times is not None:
        return time_folds(times, truth, folds=_FOLDS - 1, by_class=True, groups=groups)
    return make_folds("multiclass", truth, folds=_FOLDS, seed=seed, groups=groups)


def _cross_validated_loss(
    fit: _Fit, truth: NDArray, predictions: NDArray, weights: NDArray | None, folds: list[Fold]
) -> float:
    """The log loss of a calibration, each part of the rows mapped by a fit on the others."""
    mapped = [
        fit(truth[train], predictions[train], None if weights is None else weights[train]).apply(
            predictions[apart]
        )
        for train, apart in folds
    ]
    rows = np.concatenate([apart for _, apart in folds])
    return _loss(truth[rows], np.concatenate(mapped), None if weights is None else weights[rows])


def _loss(truth: NDArray, predictions: NDArray, weights: NDArray | None) -> float:
    classes = 2 if predictions.ndim == 1 else predictions.shape[1]
    safe = np.clip(predictions, TINY, 1 - TINY)
    if safe.ndim == 2:
        safe = safe / safe.sum(axis=1, keepdims=True)
    return float(log_loss(truth, safe, labels=np.arange(classes), sample_weight=weights))


def _sigmoid(truth: NDArray, predictions: NDArray, weights: NDArray | None) -> Calibration:
    model = LogisticRegression(C=1e6).fit(log_odds(predictions)[:, None], truth, sample_weight=weights)
    return Calibration("sigmoid", (float(model.coef_[0, 0]),), (float(model.intercept_[0]),))


def _isotonic(truth: NDArray, predictions: NDArray, weights: NDArray | None) -> Calibration:
    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    model.fit(predictions, truth, sample_weight=weights)
    bounded = np.clip(model.y_thresholds_, 1 / (2 * len(truth)), 1 - 1 / (2 * len(truth)))
    return Calibration("isotonic", tuple(model.X_thresholds_.tolist()), tuple(bounded.tolist()))


def _temperature(class_weights: Sequence[float]) -> _Fit:
    shifts = prior_correction(class_weights).y if class_weights else ()

    def fit(truth: NDArray, predictions: NDArray, weights: NDArray | None) -> Calibration:
        def loss(logarithm: float) -> float:
            scaled = Calibration("temperature", (float(np.exp(logarithm)),), shifts)
            return _loss(truth, scaled.apply(predictions), weights)

        best = minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded")
        return Calibration("temperature", (float(np.exp(best.x)),), shifts)

    return fit
