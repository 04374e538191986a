"""Metrics of predictions, computed by scikit-learn, and the loss of single rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from mlops_assets.ml.metrics.tasks import IN_TARGET_UNITS, Measure, Task

Threshold = float | NDArray | None
"""The decision threshold of all rows, or that of each row, shape `(n,)`; None for the likelier class."""


def at_rows(threshold: Threshold, rows: NDArray) -> Threshold:
    """The decision threshold of some rows, by position or mask."""
    return threshold[rows] if isinstance(threshold, np.ndarray) else threshold


def compute_metric(
    measure: Measure,
    truth: NDArray,
    predictions: NDArray,
    *,
    threshold: Threshold = None,
    weights: NDArray | None = None,
) -> float:
    """One metric of a task; the parameters are those of `compute_metrics`."""
    return _computed(measure, [measure.metric], truth, predictions, threshold, weights)[measure.metric]


def compute_metrics(
    measure: Measure,
    truth: NDArray,
    predictions: NDArray,
    *,
    threshold: Threshold = None,
    weights: NDArray | None = None,
) -> dict[str, float]:
    """All metrics of a task.

    Parameters
    ----------
    truth
        Shape `(n,)`: the target, or the index of the class.
    predictions
        In the form of `Task`: `(n,)`, or `(n, classes)` for multiclass.
    threshold
        The decision threshold of the model, as in `predicted_classes`.
    weights
        The weight of each row, shape `(n,)`; by default rows count the same. A row of weight 2 counts as two
        equal rows.

    Returns
    -------
    Metrics by name; NaN where a metric is undefined. MAPE, which is undefined for a target with zeros, is
    then left out unless it is the primary metric.
    """
    relative = measure.metric == "mape" or measure.task != "regression" or bool((truth != 0).all())
    names = [name for name in measure.metrics if relative or name != "mape"]
    return _computed(measure, names, truth, predictions, threshold, weights)


def class_probabilities(task: Task, predictions: NDArray) -> NDArray:
    """Predictions of a classifier as `(n, classes)`."""
    if task == "binary":
        return np.column_stack([1.0 - predictions, predictions])
    return predictions / predictions.sum(axis=1, keepdims=True)  # single precision deviates by 1e-7


def predicted_classes(task: Task, predictions: NDArray, threshold: Threshold = None) -> NDArray:
    """The index of the predicted class, shape `(n,)`.

    Parameters
    ----------
    predictions
        In the form of `Task`, of a classifier.
    threshold
        Binary: the smallest probability with which the second class is predicted, of all rows or of each. By
        default the likelier class is predicted, and of equally likely ones the first.
    """
    if task == "binary" and threshold is not None:
        return (predictions >= threshold).astype(int)
    return class_probabilities(task, predictions).argmax(axis=1)


def loss_name(task: Task, metric: str) -> str:
    """Name of the row loss that represents a metric; log loss for metrics of a ranking."""
    if task == "regression":
        named = {"mae": "absolute error", "mape": "relative error", "pinball": "pinball loss"}
        return named.get(metric, "squared error")
    if metric in ("accuracy", "f1", "precision", "recall"):
        return "share of wrong classes"
    return "squared error of the probabilities" if metric == "brier" else "log loss"


def row_losses(
    measure: Measure, truth: NDArray, predictions: NDArray, *, threshold: Threshold = None
) -> NDArray:
    """The loss of each row, for means over any subset of the rows.

    Parameters
    ----------
    truth, predictions, threshold
        As in `compute_metrics`.

    Returns
    -------
    Shape `(n,)`; lower is better.
    """
    task, metric = measure.task, measure.metric
    if task == "regression":
        errors = np.abs(predictions - truth)
        if metric == "pinball":
            return pinball_losses(truth, predictions, measure.quantile or 0.5)
        if metric == "mape":
            return np.asarray(errors / np.maximum(np.abs(truth), np.finfo(float).eps))
        return errors if metric == "mae" else errors**2
    probabilities = class_probabilities(task, predictions)
    right = probabilities[np.arange(len(truth)), truth.astype(int)]
    match loss_name(task, metric):
        case "log loss":
            return -np.log(np.clip(right, np.finfo(float).eps, 1.0))
        case "share of wrong classes":
            return (predicted_classes(task, predictions, threshold) != truth).astype(float)
    return ((probabilities - np.eye(probabilities.shape[1])[truth.astype(int)]) ** 2).sum(axis=1)


def pinball_losses(truth: NDArray, predictions: NDArray, quantile: float) -> NDArray:
    """The pinball loss of each row, which the quantile minimises (Koenker and Bassett 1978)."""
    errors = truth - predictions
    return np.maximum(quantile * errors, (quantile - 1) * errors)


@dataclass(frozen=True)
class _Classified:
    """Inputs of the metrics of a classifier, shared by all metrics of one call."""

    binary: bool
    truth: NDArray
    probabilities: NDArray
    chosen: NDArray
    classes: int
    weights: NDArray | None = None

    @cached_property
    def labels(self) -> NDArray:
        return np.arange(self.classes)

    @cached_property
    def one_hot(self) -> NDArray:
        return np.eye(self.classes)[self.truth.astype(int)]

    @property
    def ranking_scores(self) -> NDArray:
        """Scores that rank the rows: `(n,)` for binary, otherwise `(n, classes)`."""
        return self.probabilities[:, 1] if self.binary else self.probabilities

    @property
    def averaging(self) -> dict[str, Any]:
        """Averaging arguments of scikit-learn for metrics of predicted classes."""
        if self.binary:
            return {"average": "binary", "zero_division": 0.0}
        return {"average": "macro", "zero_division": 0.0, "labels": self.labels}


def _computed(
    measure: Measure,
    names: Sequence[str],
    truth: NDArray,
    predictions: NDArray,
    threshold: Threshold,
    weights: NDArray | None,
) -> dict[str, float]:
    task = measure.task
    if task == "regression":
        scale = {name: measure.unit_size if name in IN_TARGET_UNITS else 1.0 for name in names}
        return {
            name: float(_of_values(name, measure.quantile)(truth, predictions, sample_weight=weights))
            / scale[name]
            for name in names
        }
    chosen = predicted_classes(task, predictions, threshold)
    probabilities = class_probabilities(task, predictions)
    rows = _Classified(task == "binary", truth, probabilities, chosen, measure.classes, weights)
    return {name: float(_OF_CLASSES[name](rows)) for name in names}


def _relative_error(truth: NDArray, predictions: NDArray, sample_weight: NDArray | None) -> float:
    """MAPE; NaN for a target with zeros, which scikit-learn divides by 2e-16."""
    if not (truth != 0).all():
        return float("nan")
    return float(sk.mean_absolute_percentage_error(truth, predictions, sample_weight=sample_weight))


def _of_values(name: str, quantile: float | None) -> Callable[..., float]:
    """The metric of a regression, with scikit-learn's parameters."""
    if name == "pinball":
        return partial(sk.mean_pinball_loss, alpha=0.5 if quantile is None else quantile)
    return _OF_VALUES[name]


def _roc_auc(rows: _Classified) -> float:
    """One against the rest; NaN, because undefined, where a class has no row."""
    if len(np.unique(rows.truth)) < rows.classes:
        return float("nan")
    multi = {} if rows.binary else {"multi_class": "ovr", "labels": rows.labels}
    return float(sk.roc_auc_score(rows.truth, rows.ranking_scores, sample_weight=rows.weights, **multi))


def _average_precision(rows: _Classified) -> float:
    """The mean over the classes; NaN, because undefined, where a class has no row."""
    if not rows.one_hot.any(axis=0).all():
        return float("nan")
    outcomes = rows.truth if rows.binary else rows.one_hot
    return float(
        sk.average_precision_score(outcomes, rows.ranking_scores, average="macro", sample_weight=rows.weights)
    )


def _log_loss(rows: _Classified) -> float:
    return float(sk.log_loss(rows.truth, rows.probabilities, labels=rows.labels, sample_weight=rows.weights))


def _accuracy(rows: _Classified) -> float:
    return float(sk.accuracy_score(rows.truth, rows.chosen, sample_weight=rows.weights))


def _brier(rows: _Classified) -> float:
    squares = np.sum((rows.probabilities - rows.one_hot) ** 2, axis=1)
    return float(np.average(squares, weights=rows.weights)) / (2 if rows.binary else 1)


def _of_choices(metric: Callable[..., float]) -> Callable[[_Classified], float]:
    return lambda rows: metric(rows.truth, rows.chosen, sample_weight=rows.weights, **rows.averaging)


_OF_VALUES: dict[str, Callable[..., float]] = {
    "rmse": sk.root_mean_squared_error,
    "mae": sk.mean_absolute_error,
    "r2": sk.r2_score,
    "mape": _relative_error,
}
_OF_CLASSES: dict[str, Callable[[_Classified], float]] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "log_loss": _log_loss,
    "brier": _brier,
    "f1": _of_choices(sk.f1_score),
    "accuracy": _accuracy,
    "precision": _of_choices(sk.precision_score),
    "recall": _of_choices(sk.recall_score),
}
