"""How bad each single prediction is: what a mean over any rows can be made of."""

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.metrics.metrics import class_probabilities
from mlops_assets.ml.metrics.tasks import Metric, Task


def loss_name(task: Task, metric: Metric) -> str:
    """The loss that stands for a metric: its own, or for what only ranks many rows the log loss."""
    if task == "regression":
        return {"mae": "absolute error", "mape": "relative error"}.get(metric, "squared error")
    if metric in ("accuracy", "f1", "precision", "recall"):
        return "share of wrong classes"
    return "squared error of the probabilities" if metric == "brier" else "log loss"


def row_losses(task: Task, metric: Metric, truth: NDArray, predictions: NDArray) -> NDArray:
    """The loss of each row, `(n,)`; lower is better.

    Parameters
    ----------
    truth, predictions
        As in `metrics.compute_metrics`.
    """
    if task == "regression":
        errors = np.abs(predictions - truth)
        if metric == "mape":
            return np.asarray(errors / np.maximum(np.abs(truth), np.finfo(float).eps))
        return errors if metric == "mae" else errors**2
    probabilities = class_probabilities(task, predictions)
    right = probabilities[np.arange(len(truth)), truth.astype(int)]
    match loss_name(task, metric):
        case "log loss":
            return -np.log(np.clip(right, np.finfo(float).eps, 1.0))
        case "share of wrong classes":
            return (probabilities.argmax(axis=1) != truth).astype(float)
    return ((probabilities - np.eye(probabilities.shape[1])[truth.astype(int)]) ** 2).sum(axis=1)
