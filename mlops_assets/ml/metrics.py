"""Metrics of predictions, by scikit-learn.

Holds: all metrics of a task at once.
Add here: another metric, and its name in `tasks.py`.
Not here: comparisons of two models (`comparison.py`).
"""

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from mlops_assets.ml.tasks import IN_TARGET_UNITS, Task


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
    if task == "regression":
        values = {
            "rmse": sk.root_mean_squared_error(truth, predictions),
            "mae": sk.mean_absolute_error(truth, predictions),
            "r2": sk.r2_score(truth, predictions),
            "mape": sk.mean_absolute_percentage_error(truth, predictions),
        }
        return {
            name: float(value) / (unit_size if name in IN_TARGET_UNITS else 1.0)
            for name, value in values.items()
        }
    probabilities = class_probabilities(task, predictions)
    labels = np.arange(classes)
    chosen = probabilities.argmax(axis=1)
    one_hot = np.eye(classes)[truth.astype(int)]
    average = "binary" if task == "binary" else "macro"
    scored = predictions if task == "binary" else probabilities
    counted = {"average": average, "zero_division": 0.0, "labels": None if task == "binary" else labels}
    values = {
        "roc_auc": _roc_auc(task, truth, scored, labels),
        "average_precision": _average_precision(truth, scored, one_hot),
        "log_loss": sk.log_loss(truth, probabilities, labels=labels),
        "brier": np.mean(np.sum((probabilities - one_hot) ** 2, axis=1)) / (2 if task == "binary" else 1),
        "f1": sk.f1_score(truth, chosen, **counted),
        "accuracy": sk.accuracy_score(truth, chosen),
        "precision": sk.precision_score(truth, chosen, **counted),
        "recall": sk.recall_score(truth, chosen, **counted),
    }
    return {name: float(value) for name, value in values.items()}


def class_probabilities(task: Task, predictions: NDArray) -> NDArray:
    """Predictions of a classifier as `(n, classes)`."""
    if task == "binary":
        return np.column_stack([1.0 - predictions, predictions])
    return predictions / predictions.sum(axis=1, keepdims=True)  # a model in single precision is off by 1e-7


def _average_precision(truth: NDArray, scored: NDArray, one_hot: NDArray) -> float:
    """The mean over the classes; undefined, and so NaN, where a class has no row."""
    if not one_hot.any(axis=0).all():
        return float("nan")
    return float(sk.average_precision_score(truth if scored.ndim == 1 else one_hot, scored, average="macro"))


def _roc_auc(task: Task, truth: NDArray, scored: NDArray, labels: NDArray) -> float:
    """One against the rest; undefined, and so NaN, where a class has no row."""
    if len(np.unique(truth)) < len(labels):
        return float("nan")
    multi = {} if task == "binary" else {"multi_class": "ovr", "labels": labels}
    return float(sk.roc_auc_score(truth, scored, **multi))
