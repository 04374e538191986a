"""Selection of the calibration by cross-validated log loss."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.ml.model.calibration import TINY, Calibration, log_odds

MIN_ROWS = 30
"""Minimum number of rows of each class; with fewer, a map would fit noise."""
_FOLDS = 5


def choose_calibration(task: Task, truth: NDArray, predictions: NDArray, *, seed: int) -> Calibration | None:
    """The calibration with the lowest cross-validated log loss; None when none improves on the predictions.

    Parameters
    ----------
    truth
        The index of the class, shape `(n,)`.
    predictions
        Out-of-fold predictions of the same rows, in the form of `Task`.
    """
    counts = np.bincount(truth)
    if task == "regression" or counts.min() < MIN_ROWS:
        return None
    fits = [_sigmoid, _isotonic] if task == "binary" else [_temperature]
    uncalibrated = _loss(truth, predictions)
    losses = [_cross_validated_loss(fit, truth, predictions, seed) for fit in fits]
    if min(losses) >= uncalibrated:
        return None
    return fits[int(np.argmin(losses))](truth, predictions)


def _cross_validated_loss(
    fit: Callable[[NDArray, NDArray], Calibration], truth: NDArray, predictions: NDArray, seed: int
) -> float:
    """The log loss of a calibration, each part of the rows mapped by a fit on the others."""
    mapped = np.empty_like(predictions)
    for train, apart in StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(predictions, truth):
        mapped[apart] = fit(truth[train], predictions[train]).apply(predictions[apart])
    return _loss(truth, mapped)


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
