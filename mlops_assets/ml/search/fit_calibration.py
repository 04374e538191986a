"""Selection of the calibration by cross-validated log loss."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from mlops_assets.core.errors import DataError
from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.ml.model.calibration import TINY, Calibration, log_odds
from mlops_assets.ml.search.prepared_folds import Fold
from mlops_assets.ml.search.time_split import time_folds

MIN_ROWS = 30
"""Minimum number of rows of each class; with fewer, a map would fit noise."""
_FOLDS = 5


def choose_calibration(
    task: Task, truth: NDArray, predictions: NDArray, *, seed: int, times: NDArray | None = None
) -> Calibration | None:
    """The calibration with the lowest cross-validated log loss; None when none improves on the predictions.

    Parameters
    ----------
    truth
        The index of the class, shape `(n,)`.
    predictions
        Out-of-fold predictions of the same rows, in the form of `Task`.
    times
        The time of each row, in a split over time: maps are evaluated on later rows than they are fitted on.
    """
    counts = np.bincount(truth)
    if task == "regression" or counts.min() < MIN_ROWS:
        return None
    fits = [_sigmoid, _isotonic] if task == "binary" else [_temperature]
    try:
        folds = _folds(truth, seed, times)
    except DataError:  # too few times for an evaluation
        return None
    apart = np.concatenate([valid for _, valid in folds])
    uncalibrated = _loss(truth[apart], predictions[apart])
    losses = [_cross_validated_loss(fit, truth, predictions, folds) for fit in fits]
    if min(losses) >= uncalibrated:
        return None
    return fits[int(np.argmin(losses))](truth, predictions)


def _folds(truth: NDArray, seed: int, times: NDArray | None) -> list[Fold]:
    """Folds of the rows: shuffled and stratified, or with times expanding windows."""
    if times is not None:
        return time_folds(times, truth, folds=_FOLDS - 1, by_class=True)
    return list(StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(truth, truth))


def _cross_validated_loss(
    fit: Callable[[NDArray, NDArray], Calibration], truth: NDArray, predictions: NDArray, folds: list[Fold]
) -> float:
    """The log loss of a calibration, each part of the rows mapped by a fit on the others."""
    mapped = [fit(truth[train], predictions[train]).apply(predictions[apart]) for train, apart in folds]
    rows = np.concatenate([apart for _, apart in folds])
    return _loss(truth[rows], np.concatenate(mapped))


def _loss(truth: NDArray, predictions: NDArray) -> float:
    classes = 2 if predictions.ndim == 1 else predictions.shape[1]
    safe = np.clip(predictions, TINY, 1 - TINY)
    if safe.ndim == 2:
        safe = safe / safe.sum(axis=1, keepdims=True)
    return float(log_loss(truth, safe, labels=np.arange(classes)))


def _sigmoid(truth: NDArray, predictions: NDArray) -> Calibration:
    model = LogisticRegression(C=1e6).fit(log_odds(predictions)[:, None], truth)
    return Calibration("sigmoid", (float(model.coef_[0, 0]),), (float(model.intercept_[0]),))


def _isotonic(truth: NDArray, predictions: NDArray) -> Calibration:
    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(predictions, truth)
    bounded = np.clip(model.y_thresholds_, 1 / (2 * len(truth)), 1 - 1 / (2 * len(truth)))
    return Calibration("isotonic", tuple(model.X_thresholds_.tolist()), tuple(bounded.tolist()))


def _temperature(truth: NDArray, predictions: NDArray) -> Calibration:
    def loss(logarithm: float) -> float:
        return _loss(truth, Calibration("temperature", (float(np.exp(logarithm)),)).apply(predictions))

    best = minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded")
    return Calibration("temperature", (float(np.exp(best.x)),))
