"""What kind of prediction a model makes, and the shape of its predictions."""

from typing import Literal

Task = Literal["regression", "binary", "multiclass"]
"""Predictions are arrays: regression `(n,)` in the target's units; binary `(n,)`, the probability of the
second class; multiclass `(n, classes)`, probabilities that sum to one."""

REGRESSION_METRICS = ("rmse", "mae", "r2", "mape")
CLASSIFICATION_METRICS = (
    "roc_auc",
    "average_precision",
    "log_loss",
    "brier",
    "f1",
    "accuracy",
    "precision",
    "recall",
)
HIGHER_IS_BETTER = frozenset({"r2", "roc_auc", "average_precision", "f1", "accuracy", "precision", "recall"})
IN_TARGET_UNITS = frozenset({"rmse", "mae"})
"""Metrics that carry the target's unit."""

Metric = Literal[
    "rmse",
    "mae",
    "r2",
    "mape",
    "roc_auc",
    "average_precision",
    "log_loss",
    "brier",
    "f1",
    "accuracy",
    "precision",
    "recall",
]


def metrics_of(task: Task) -> tuple[str, ...]:
    """Names of the metrics of a task."""
    return REGRESSION_METRICS if task == "regression" else CLASSIFICATION_METRICS


def default_metric(task: Task) -> Metric:
    """The metric that decides when none is declared: a proper score of the whole prediction."""
    return "rmse" if task == "regression" else "log_loss"


def is_better(metric: str, value: float, other: float) -> bool:
    """Whether `value` is strictly better than `other`; NaN is never better."""
    return value > other if metric in HIGHER_IS_BETTER else value < other
