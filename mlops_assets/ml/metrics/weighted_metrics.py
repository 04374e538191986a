"""Metrics of the same rows under many weightings at once."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.metrics.metrics import (
    Threshold,
    class_probabilities,
    pinball_losses,
    predicted_classes,
)
from mlops_assets.ml.metrics.tasks import IN_TARGET_UNITS, Measure

Weighted = Callable[[NDArray], NDArray]
"""A function from weights `(resamples, n)` to the metric `(resamples,)`; NaN where it is undefined."""


def weighted_metric(
    measure: Measure,
    truth: NDArray,
    predictions: NDArray,
    *,
    threshold: Threshold = None,
    weights: NDArray | None = None,
) -> Weighted:
    """A metric as a function of the weights of the rows; the parameters are those of `compute_metrics`.

    `weights` are multiplied with those that the function is called with.

    Integer weights give the result of `compute_metric` for repeated rows, except that R² of equal targets is
    undefined here.
    """
    if weights is not None:
        of_rows, own = weighted_metric(measure, truth, predictions, threshold=threshold), weights
        return lambda times: of_rows(times * own)
    task, metric = measure.task, measure.metric
    if task == "regression":
        scale = measure.unit_size if metric in IN_TARGET_UNITS else 1.0
        truth, predictions = truth.astype(float), predictions.astype(float)
        if metric == "pinball":
            return _weighted_mean(pinball_losses(truth, predictions, measure.quantile or 0.5) / scale)
        return _of_values(metric, truth, predictions, scale)
    truth, probabilities = truth.astype(int), class_probabilities(task, predictions)
    binary = task == "binary"
    counted = [1] if binary else range(measure.classes)
    if metric in ("roc_auc", "average_precision"):
        curve = _roc_auc if metric == "roc_auc" else _average_precision
        return _mean_of([_ranked(truth == label, probabilities[:, label], curve) for label in counted])
    chosen = predicted_classes(task, predictions, threshold)
    if metric == "accuracy":
        return _weighted_mean(chosen == truth)
    if metric == "brier":
        squares = ((probabilities - np.eye(measure.classes)[truth]) ** 2).sum(axis=1)
        return _weighted_mean(squares / (2 if binary else 1))
    if metric == "log_loss":
        return _weighted_mean(_log_losses(truth, probabilities))
    return _mean_of([_of_choices(metric, truth == label, chosen == label) for label in counted])


def _of_values(metric: str, truth: NDArray, predictions: NDArray, scale: float) -> Weighted:
    errors = np.abs(predictions - truth)
    if metric == "r2":
        return _r2(truth, errors**2)
    if metric == "rmse":
        squared = _weighted_mean(errors**2)
        return lambda weights: np.sqrt(squared(weights)) / scale
    if metric == "mape":
        errors = _ratio(errors, np.abs(truth))  # NaN for a target with zeros, as in `compute_metrics`
    return _weighted_mean(errors / scale)


def _r2(truth: NDArray, squares: NDArray) -> Weighted:
    """One minus the mean squared error over the variance; undefined where all values are equal."""
    centred = truth - truth.mean()  # the difference below loses digits when the values are far from zero
    mean, mean_square, error = (_weighted_mean(values) for values in (centred, centred**2, squares))

    def r2(weights: NDArray) -> NDArray:
        square = mean_square(weights)
        variance = square - mean(weights) ** 2
        known = variance > 1e-12 * square
        return 1.0 - _ratio(error(weights), np.where(known, variance, 0.0))

    return r2


def _log_losses(truth: NDArray, probabilities: NDArray) -> NDArray:
    """Log losses, clipped as in scikit-learn, so that a wrong probability of one has a finite loss."""
    tiny = np.finfo(probabilities.dtype).eps
    likelihood = np.clip(probabilities[np.arange(len(truth)), truth], tiny, 1 - tiny)
    return -np.log(likelihood.astype(float))


def _of_choices(metric: str, true: NDArray, chosen: NDArray) -> Weighted:
    """Precision, recall or F1 of one class; 0 for a zero denominator, as in `compute_metrics`."""
    right = _weighted_mean(true & chosen)
    among = {"precision": chosen, "recall": true, "f1": (true.astype(float) + chosen) / 2}[metric]
    total = _weighted_mean(among)
    return lambda weights: np.nan_to_num(_ratio(right(weights), total(weights)))


def _ranked(outcome: NDArray, score: NDArray, curve: Callable[[NDArray, NDArray], NDArray]) -> Weighted:
    """A metric of the ranking by a score; rows with equal scores form one step of the curve."""
    order = np.argsort(-score, kind="stable")
    steps = np.flatnonzero(np.diff(score[order], prepend=np.nan) != 0)
    outcome = outcome[order]

    def metric(weights: NDArray) -> NDArray:
        ordered = weights[:, order]
        hits = np.add.reduceat(ordered * outcome, steps, axis=1)
        return curve(hits, np.add.reduceat(ordered, steps, axis=1) - hits)

    return metric


def _roc_auc(hits: NDArray, alarms: NDArray) -> NDArray:
    """Share of correctly ranked pairs, with ties counted half (Mann and Whitney 1947)."""
    above = np.cumsum(hits, axis=1) - hits / 2
    return _ratio((alarms * above).sum(axis=1), hits.sum(axis=1) * alarms.sum(axis=1))


def _average_precision(hits: NDArray, alarms: NDArray) -> NDArray:
    """Precision at each step, weighted by the increase of recall."""
    found, shown = np.cumsum(hits, axis=1), np.cumsum(hits + alarms, axis=1)
    added = hits * np.nan_to_num(_ratio(found, shown))
    both = alarms.sum(axis=1) > 0
    return _ratio(added.sum(axis=1), np.where(both, hits.sum(axis=1), 0.0))


def _weighted_mean(values: NDArray) -> Weighted:
    values = values.astype(float)
    return lambda weights: weights @ values / weights.sum(axis=1)


def _mean_of(metrics: list[Weighted]) -> Weighted:
    """The mean over classes; undefined where the metric of a class is undefined."""
    return lambda weights: np.mean([metric(weights) for metric in metrics], axis=0)


def _ratio(part: NDArray, whole: NDArray) -> NDArray:
    """The ratio; NaN for a zero denominator."""
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)
