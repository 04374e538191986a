"""Metrics of predictions, by scikit-learn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from mlops_assets.ml.metrics.tasks import IN_TARGET_UNITS, Task, metrics_of


def compute_metric(
    task: Task, metric: str, truth: NDArray, predictions: NDArray, *, classes: int = 2, unit_size: float = 1.0
) -> float:
    """One metric of a task; the parameters are those of `compute_metrics`."""
    return _computed(task, [metric], truth, predictions, classes, unit_size)[metric]


def compute_metrics(
    task: Task, truth: NDArray, predictions: NDArray, *, classes: int = 2, unit_size: float = 1.0
) -> dict[str, float]:
    """All metrics of a task.

    Parameters
    ----------
    truth
        Shape `(n,)`: the target, or the index of the class.
    predictions
        As `Task` says: `(n,)`, or `(n, classes)` for multiclass.
    classes
        How many classes there are; all of them count, also those that `truth` lacks.
    unit_size
        What one reported unit is in units of the target: with 100,000, `rmse` and `mae` of a target in
        dollars are in 100,000 dollars.
    """
    return _computed(task, metrics_of(task), truth, predictions, classes, unit_size)


def class_probabilities(task: Task, predictions: NDArray) -> NDArray:
    """Predictions of a classifier as `(n, classes)`."""
    if task == "binary":
        return np.column_stack([1.0 - predictions, predictions])
    return predictions / predictions.sum(axis=1, keepdims=True)  # a model in single precision is off by 1e-7


@dataclass(frozen=True)
class _Classified:
    """What the metrics of a classifier look at; metrics that are computed together share it."""

    binary: bool
    truth: NDArray
    probabilities: NDArray
    classes: int

    @cached_property
    def labels(self) -> NDArray:
        return np.arange(self.classes)

    @cached_property
    def one_hot(self) -> NDArray:
        return np.eye(self.classes)[self.truth.astype(int)]

    @cached_property
    def chosen(self) -> NDArray:
        return self.probabilities.argmax(axis=1)

    @property
    def scored(self) -> NDArray:
        """What ranks the rows: `(n,)` for binary, otherwise a column a class."""
        return self.probabilities[:, 1] if self.binary else self.probabilities

    @property
    def counted(self) -> dict[str, Any]:
        """How metrics of the chosen classes are told to count them."""
        if self.binary:
            return {"average": "binary", "zero_division": 0.0}
        return {"average": "macro", "zero_division": 0.0, "labels": self.labels}


def _computed(
    task: Task, names: Sequence[str], truth: NDArray, predictions: NDArray, classes: int, unit_size: float
) -> dict[str, float]:
    if task == "regression":
        scale = {name: unit_size if name in IN_TARGET_UNITS else 1.0 for name in names}
        return {name: float(_OF_VALUES[name](truth, predictions)) / scale[name] for name in names}
    rows = _Classified(task == "binary", truth, class_probabilities(task, predictions), classes)
    return {name: float(_OF_CLASSES[name](rows)) for name in names}


def _roc_auc(rows: _Classified) -> float:
    """One against the rest; undefined, and so NaN, where a class has no row."""
    if len(np.unique(rows.truth)) < rows.classes:
        return float("nan")
    multi = {} if rows.binary else {"multi_class": "ovr", "labels": rows.labels}
    return float(sk.roc_auc_score(rows.truth, rows.scored, **multi))


def _average_precision(rows: _Classified) -> float:
    """The mean over the classes; undefined, and so NaN, where a class has no row."""
    if not rows.one_hot.any(axis=0).all():
        return float("nan")
    outcomes = rows.truth if rows.binary else rows.one_hot
    return float(sk.average_precision_score(outcomes, rows.scored, average="macro"))


def _brier(rows: _Classified) -> float:
    squares = np.sum((rows.probabilities - rows.one_hot) ** 2, axis=1)
    return float(np.mean(squares)) / (2 if rows.binary else 1)


_OF_VALUES: dict[str, Callable[[NDArray, NDArray], float]] = {
    "rmse": sk.root_mean_squared_error,
    "mae": sk.mean_absolute_error,
    "r2": sk.r2_score,
    "mape": sk.mean_absolute_percentage_error,
}
_OF_CLASSES: dict[str, Callable[[_Classified], float]] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "log_loss": lambda rows: sk.log_loss(rows.truth, rows.probabilities, labels=rows.labels),
    "brier": _brier,
    "f1": lambda rows: sk.f1_score(rows.truth, rows.chosen, **rows.counted),
    "accuracy": lambda rows: sk.accuracy_score(rows.truth, rows.chosen),
    "precision": lambda rows: sk.precision_score(rows.truth, rows.chosen, **rows.counted),
    "recall": lambda rows: sk.recall_score(rows.truth, rows.chosen, **rows.counted),
}
