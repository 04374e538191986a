"""Tasks, the shape of their predictions, and their metrics."""

from dataclasses import dataclass
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
QUANTILE_METRICS = ("pinball", "mae")
"""Metrics of a regression whose target is a quantile."""
COVERAGE = "coverage"
"""Share of the holdout that prediction intervals or sets contain: a gate may have a minimum for it."""
HIGHER_IS_BETTER = frozenset(
    {"r2", "roc_auc", "average_precision", "f1", "accuracy", "precision", "recall", COVERAGE}
)
IN_TARGET_UNITS = frozenset({"rmse", "mae", "pinball"})
"""Metrics in the unit of the target."""
_UNBOUNDED_ABOVE = frozenset({"rmse", "mae", "mape", "pinball", "log_loss"})

Metric = Literal[
    "rmse",
    "mae",
    "r2",
    "mape",
    "pinball",
    "roc_auc",
    "average_precision",
    "log_loss",
    "brier",
    "f1",
    "accuracy",
    "precision",
    "recall",
]


@dataclass(frozen=True)
class Measure:
    """What a score measures: a metric of a task and its unit.

    Attributes
    ----------
    metric
        Name of the metric, the primary one where all metrics of the task are computed.
    classes
        Number of classes; classes that do not occur in the true values count as well.
    unit_size
        The reported unit in units of the target: with 100,000, `rmse` and `mae` of a target in dollars are
        in 100,000 dollars.
    quantile
        The quantile of the target that a regression predicts; None for the mean.
    """

    task: Task
    metric: str
    classes: int = 2
    unit_size: float = 1.0
    quantile: float | None = None

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of all metrics of the task."""
        return metrics_of(self.task, self.quantile)


def metrics_of(task: Task, quantile: float | None = None) -> tuple[str, ...]:
    """Names of the metrics of a task, or of a regression whose target is a quantile."""
    if quantile is not None:
        return QUANTILE_METRICS
    return REGRESSION_METRICS if task == "regression" else CLASSIFICATION_METRICS


def default_metric(task: Task, quantile: float | None = None) -> Metric:
    """The primary metric when none is declared: a proper score of the whole prediction."""
    if quantile is not None:
        return "pinball"
    return "rmse" if task == "regression" else "log_loss"


def metric_range(metric: str) -> tuple[float, float]:
    """The smallest and the largest value that a metric can have."""
    if metric == "r2":
        return float("-inf"), 1.0
    return 0.0, float("inf") if metric in _UNBOUNDED_ABOVE else 1.0


def is_better(metric: str, value: float, other: float) -> bool:
    """Whether `value` is strictly better than `other`; NaN is never better."""
    return value > other if metric in HIGHER_IS_BETTER else value < other
