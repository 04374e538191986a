"""The decision threshold: the minimum probability for predicting the second class."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.metrics.weighted_metrics import Weighted

DecisionMetric = Literal["f1", "accuracy", "balanced_accuracy"]


@dataclass(frozen=True)
class Decision:
    """The objective of the threshold: a metric to maximise, or costs to minimise.

    Attributes
    ----------
    metric
        Metric to maximise; None when errors have costs.
    false_positive, false_negative
        Cost of predicting the second class wrongly, and of missing it.
    """

    metric: DecisionMetric | None = None
    false_positive: float | None = None
    false_negative: float | None = None


def choose_threshold(
    decision: Decision, truth: NDArray, probabilities: NDArray, weights: NDArray | None = None
) -> float:
    """The best threshold on labelled rows.

    Parameters
    ----------
    truth
        Zeros and ones, shape `(n,)`.
    probabilities
        Out-of-fold probabilities of the second class, shape `(n,)`.
    weights
        The weight of each row, shape `(n,)`; by default rows count the same.

    Returns
    -------
    The midpoint between two adjacent probabilities, so that similar rows get the same class; of equally good
    thresholds, the middle one.
    """
    order = np.argsort(probabilities, kind="stable")
    sorted_probabilities, sorted_truth = probabilities[order], truth[order].astype(float)
    ends = np.flatnonzero(np.diff(sorted_probabilities)) + 1
    below = np.concatenate([[0], ends, [len(truth)]])  # number of rows below each threshold
    sizes = np.ones(len(truth)) if weights is None else weights[order] / weights.mean()
    positives = np.concatenate([[0.0], np.cumsum(sizes * sorted_truth)])
    total = np.concatenate([[0.0], np.cumsum(sizes)])
    false_negatives = positives[below]
    true_positives = positives[-1] - false_negatives
    false_positives = (total[-1] - total[below]) - true_positives
    gain = _gain(decision)(true_positives, false_positives, false_negatives, total[-1])
    best = np.flatnonzero(gain >= gain.max() - 1e-12)
    place = below[best[len(best) // 2]]
    lower = sorted_probabilities[place - 1] if place else 0.0
    upper = sorted_probabilities[place] if place < len(truth) else 1.0
    return float((lower + upper) / 2)


def objective_name(decision: Decision) -> str:
    """Name of the objective, such as `accuracy` or `mean cost`."""
    return "mean cost" if decision.metric is None else decision.metric.replace("_", " ").replace("f1", "F1")


def weighted_objective(decision: Decision, truth: NDArray, chosen: NDArray) -> Weighted:
    """The objective of predicted classes as a function of the weights of the rows; costs are positive."""
    hit, miss = (truth == 1) & (chosen == 1), (truth == 1) & (chosen == 0)
    alarm = (truth == 0) & (chosen == 1)
    counted = [rows.astype(float) for rows in (hit, alarm, miss)]
    sign = -1.0 if decision.metric is None else 1.0

    def objective(weights: NDArray) -> NDArray:
        tp, fp, fn = (weights @ rows for rows in counted)
        return sign * _gain(decision)(tp, fp, fn, weights.sum(axis=1))

    return objective


_Counts = Callable[[NDArray, NDArray, NDArray, float | NDArray], NDArray]


def _gain(decision: Decision) -> _Counts:
    """The objective as a function of true positives, false positives, false negatives and rows."""
    if decision.metric is None:
        wrong, missed = decision.false_positive or 0.0, decision.false_negative or 0.0

        def negative_cost(tp: NDArray, fp: NDArray, fn: NDArray, rows: float | NDArray) -> NDArray:  # noqa: ARG001
            return -(wrong * fp + missed * fn) / rows

        return negative_cost
    return _METRICS[decision.metric]


def _f1(tp: NDArray, fp: NDArray, fn: NDArray, rows: float | NDArray) -> NDArray:  # noqa: ARG001
    return 2 * tp / np.maximum(2 * tp + fp + fn, 1)


def _accuracy(tp: NDArray, fp: NDArray, fn: NDArray, rows: float | NDArray) -> NDArray:  # noqa: ARG001
    return 1 - (fp + fn) / rows


def _balanced(tp: NDArray, fp: NDArray, fn: NDArray, rows: float | NDArray) -> NDArray:
    positives = tp + fn
    negatives = rows - positives
    return (tp / np.maximum(positives, 1) + 1 - fp / np.maximum(negatives, 1)) / 2


_METRICS: dict[str, _Counts] = {"f1": _f1, "accuracy": _accuracy, "balanced_accuracy": _balanced}
