"""Decisions: from which probability on the second class is predicted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

DecisionMetric = Literal["f1", "accuracy", "balanced_accuracy"]


@dataclass(frozen=True)
class Decision:
    """What a good threshold is.

    Attributes
    ----------
    metric
        What is to be as large as can be; None when mistakes have a cost.
    false_positive, false_negative
        What it costs to predict the second class wrongly, and to miss it.
    """

    metric: DecisionMetric | None = None
    false_positive: float | None = None
    false_negative: float | None = None


def choose_threshold(decision: Decision, truth: NDArray, probabilities: NDArray) -> float:
    """The threshold that is best on rows with a known class.

    Parameters
    ----------
    truth
        Zeros and ones, shape `(n,)`.
    probabilities
        Of the second class, from models that were not fitted on these rows.

    Returns
    -------
    A number halfway between two probabilities, so that rows that are nearly alike are decided alike; the
    middle one of equally good ones.
    """
    order = np.argsort(probabilities, kind="stable")
    sorted_probabilities, sorted_truth = probabilities[order], truth[order].astype(float)
    ends = np.flatnonzero(np.diff(sorted_probabilities)) + 1
    below = np.concatenate([[0], ends, [len(truth)]])  # how many rows lie below each threshold
    positives = np.concatenate([[0.0], np.cumsum(sorted_truth)])
    false_negatives = positives[below]
    true_positives = positives[-1] - false_negatives
    false_positives = (len(truth) - below) - true_positives
    gain = _gain(decision)(true_positives, false_positives, false_negatives, len(truth))
    best = np.flatnonzero(gain >= gain.max() - 1e-12)
    place = below[best[len(best) // 2]]
    lower = sorted_probabilities[place - 1] if place else 0.0
    upper = sorted_probabilities[place] if place < len(truth) else 1.0
    return float((lower + upper) / 2)


_Counts = Callable[[NDArray, NDArray, NDArray, int], NDArray]


def _gain(decision: Decision) -> _Counts:
    """What is to be as large as can be, of true positives, false positives, false negatives and rows."""
    if decision.metric is None:
        wrong, missed = decision.false_positive or 0.0, decision.false_negative or 0.0

        def saved(tp: NDArray, fp: NDArray, fn: NDArray, rows: int) -> NDArray:  # noqa: ARG001
            return -(wrong * fp + missed * fn) / rows

        return saved
    return _METRICS[decision.metric]


def _f1(tp: NDArray, fp: NDArray, fn: NDArray, rows: int) -> NDArray:  # noqa: ARG001
    return 2 * tp / np.maximum(2 * tp + fp + fn, 1)


def _accuracy(tp: NDArray, fp: NDArray, fn: NDArray, rows: int) -> NDArray:  # noqa: ARG001
    return 1 - (fp + fn) / rows


def _balanced(tp: NDArray, fp: NDArray, fn: NDArray, rows: int) -> NDArray:
    positives = tp + fn
    negatives = rows - positives
    return (tp / np.maximum(positives, 1) + 1 - fp / np.maximum(negatives, 1)) / 2


_METRICS: dict[str, _Counts] = {"f1": _f1, "accuracy": _accuracy, "balanced_accuracy": _balanced}
