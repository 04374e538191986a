"""Linear models with signs of coefficients or the pinball loss, which scikit-learn's estimators lack."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, Ridge

from mlops_assets.ml.families.base import FitRows, Settings

_STEPS = 2_000
_SMOOTHING = (0.3, 0.03, 0.003)
"""Widths of the quadratic part of the pinball loss in standard deviations of the target, one by one."""

_Loss = Callable[[NDArray], tuple[NDArray, NDArray]]
"""From scores of the rows to the loss of each row and its derivative by the score."""


def fit_constrained(rows: FitRows, penalty: float, settings: Settings) -> BaseEstimator:
    """The linear model with the least penalised loss among those with the declared signs.

    The loss is that of Ridge, of logistic regression, or with a quantile the pinball loss.

    Parameters
    ----------
    rows
        Standardised columns; the sign of the coefficient of a column is its direction.
    penalty
        The L2 penalty of the coefficients, in relation to the sum of the losses.

    Returns
    -------
    A fitted `Ridge` or `LogisticRegression` with these coefficients.
    """
    matrix, target = rows.matrix, rows.target
    weights = np.ones(len(target)) if rows.weights is None else rows.weights
    directions = rows.directions or (0,) * matrix.shape[1]
    if settings.task == "binary":
        signs = 2.0 * target - 1.0
        coefficients = _minimum(matrix, weights, _logistic(signs), penalty, directions, np.zeros(1))
        model = LogisticRegression(C=1.0 / penalty)
        model.classes_ = np.array([0, 1])
        model.coef_, model.intercept_ = coefficients[None, :-1], coefficients[-1:]
        model.n_iter_ = np.array([1])
    else:
        centre, spread = np.average(target, weights=weights), target.std() or 1.0
        scaled, start = (target - centre) / spread, np.zeros(1)
        losses = [_squared(scaled)]
        if settings.quantile is not None:
            start = np.quantile(scaled, [settings.quantile])
            losses = [_pinball(scaled, settings.quantile, width) for width in _SMOOTHING]
        for loss in losses:
            start = _minimum(matrix, weights, loss, penalty, directions, start)
        model = Ridge(alpha=penalty)
        model.coef_, model.intercept_ = spread * start[:-1], float(spread * start[-1] + centre)
    model.n_features_in_ = matrix.shape[1]
    return model


def _minimum(
    matrix: NDArray,
    weights: NDArray,
    loss: _Loss,
    penalty: float,
    directions: tuple[int, ...],
    start: NDArray,
) -> NDArray:
    """Coefficients, and the intercept as the last number, with the least weighted loss."""
    columns = matrix.shape[1]
    if len(start) == 1:
        start = np.append(np.zeros(columns), start)
    bounds = [(0 if sign > 0 else None, 0 if sign < 0 else None) for sign in directions]
    total = weights.sum()

    def value(found: NDArray) -> tuple[float, NDArray]:
        losses, slopes = loss(matrix @ found[:-1] + found[-1])
        pull = weights * slopes
        gradient = np.append(matrix.T @ pull + penalty * found[:-1], pull.sum())
        return float(weights @ losses + penalty / 2 * found[:-1] @ found[:-1]) / total, gradient / total

    options = {"maxiter": _STEPS, "ftol": 1e-14, "gtol": 1e-9}
    found = minimize(
        value, start, jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)], options=options
    )
    return np.asarray(found.x)


def _squared(target: NDArray) -> _Loss:
    def loss(scores: NDArray) -> tuple[NDArray, NDArray]:
        errors = scores - target
        return errors**2 / 2, errors

    return loss


def _logistic(signs: NDArray) -> _Loss:
    def loss(scores: NDArray) -> tuple[NDArray, NDArray]:
        return np.logaddexp(0.0, -signs * scores), -signs * expit(-signs * scores)

    return loss


def _pinball(target: NDArray, quantile: float, width: float) -> _Loss:
    """The pinball loss with a quadratic part around zero, so that its derivative is continuous."""

    def loss(scores: NDArray) -> tuple[NDArray, NDArray]:
        errors = target - scores
        near = np.abs(errors) < width
        inside = errors**2 / (4 * width) + width / 4 + (quantile - 0.5) * errors
        losses = np.where(near, inside, np.maximum(quantile * errors, (quantile - 1) * errors))
        share = np.where(near, 0.5 + errors / (2 * width), errors > 0)  # derivative of the positive part
        return losses, -(share - (1 - quantile))

    return loss
