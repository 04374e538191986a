"""Tasks, the shape of their predictions, and their metrics."""

from typing import Literal

Task = Literal["regression", "binary", "multiclass"]
"""Predictions are arrays: for regression `(n,)` in the units of the target; for binary `(n,)`, the
probability of the second class; for multiclass `(n, classes)`, probabilities that sum to one."""

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
"""Metrics in the unit of the target."""
_UNBOUNDED_ABOVE = frozenset({"rmse", "mae", "mape", "log_loss"})

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
    """The primary metric when none is declared: a proper score of the whole prediction."""
    return "rmse" if task == "regression" else "log_loss"


def metric_range(metric: str) -> tuple[float, float]:
    """The smallest and the largest value that a metric can have."""
    if metric == "r2":
        return float("-inf"), 1.0
    return 0.0, float("inf") if metric in _UNBOUNDED_ABOVE else 1.0


def is_better(metric: str, value: float, other: float) -> bool:
    """Whether `value` is strictly better than `other`; NaN is never better."""
    return value > other if metric in HIGHER_IS_BETTER else value < other
