"""The best decision thresholds by group, of those with at most a given disparity."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.metrics.disparity import Constraint
from mlops_assets.ml.search.decision_threshold import Decision

CANDIDATES: dict[Constraint, int] = {"demographic_parity": 400, "equalized_odds": 100}
"""Maximum number of thresholds that are tried in a group, at equal distances of its rows."""
ANCHORS: dict[Constraint, int] = {"demographic_parity": 1_000, "equalized_odds": 60}
"""Maximum number of lower ends of the window, in each of its dimensions."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class _Group:
    """The candidates of a group: its thresholds with their counts and rates.

    Attributes
    ----------
    rates
        Shape `(candidates, d)`: the share predicted positive, or the true and the false positive rate.
    """

    thresholds: NDArray
    true_positives: NDArray
    false_positives: NDArray
    rates: NDArray


def choose_fair_thresholds(
    decision: Decision,
    constraint: Constraint,
    at_most: float,
    truth: NDArray,
    probabilities: NDArray,
    groups: NDArray,
    *,
    unconstrained: float,
) -> tuple[float, ...]:
    """The thresholds of the groups with the best objective whose rates differ by at most a limit.

    All combinations of candidates whose rates lie in a common window are compared, for each position of the
    window. ThresholdOptimizer of fairlearn searches in the same way, but draws between two thresholds at
    random. There is always a solution, because predicting one class for all rows has no disparity.

    Parameters
    ----------
    truth
        Zeros and ones, shape `(n,)`.
    probabilities
        Out-of-fold probabilities of the second class, shape `(n,)`.
    groups
        The group of each row, shape `(n,)`: 0, 1, …, or -1 for a row of no group, which is ignored.
    unconstrained
        The threshold without the constraint, which is a candidate of every group.
    """
    found = [
        _candidates(truth[groups == group], probabilities[groups == group], constraint, unconstrained)
        for group in range(groups.max() + 1)
    ]
    positives = float(truth[groups >= 0].sum())
    negatives = float((groups >= 0).sum()) - positives
    if decision.metric != "f1":
        best = _best_in_window(found, _values(decision, positives, negatives), constraint, at_most)
        return tuple(float(group.thresholds[place]) for group, place in zip(found, best, strict=True))
    ratio = -1.0
    while True:  # Dinkelbach (1967): the maximum of a ratio is where this linear objective becomes zero
        best = _best_in_window(found, (2.0 - max(ratio, 0.0), -max(ratio, 0.0)), constraint, at_most)
        hits, alarms = (
            sum(float(counts[place]) for counts, place in zip(each, best, strict=True))
            for each in (
                [group.true_positives for group in found],
                [group.false_positives for group in found],
            )
        )
        f1 = 2 * hits / max(hits + alarms + positives, 1.0)
        if f1 <= ratio + _ROUNDING:
            return tuple(float(group.thresholds[place]) for group, place in zip(found, best, strict=True))
        ratio = f1


def _values(decision: Decision, positives: float, negatives: float) -> tuple[float, float]:
    """What a true and a false positive add to the objective."""
    if decision.metric == "balanced_accuracy":
        return 1 / max(positives, 1.0), -1 / max(negatives, 1.0)
    if decision.metric is None:
        return decision.false_negative or 0.0, -(decision.false_positive or 0.0)
    return 1.0, -1.0


def _candidates(
    truth: NDArray, probabilities: NDArray, constraint: Constraint, unconstrained: float
) -> _Group:
    """Midpoints between adjacent probabilities, both ends, and the threshold without the constraint."""
    order = np.argsort(probabilities, kind="stable")
    ordered, labels = probabilities[order].astype(float), truth[order].astype(float)
    cuts = np.flatnonzero(np.diff(ordered)) + 1
    if len(cuts) > CANDIDATES[constraint]:
        cuts = cuts[np.linspace(0, len(cuts) - 1, CANDIDATES[constraint]).round().astype(int)]
    middles = (ordered[cuts - 1] + ordered[cuts]) / 2
    below, above = ordered[0] / 2, (ordered[-1] + 1) / 2 if ordered[-1] < 1 else np.nextafter(1, 2)
    thresholds = np.unique(np.concatenate([[below, unconstrained, above], middles]))
    places = np.searchsorted(ordered, thresholds, side="left")
    positives = np.concatenate([[0.0], np.cumsum(labels)])
    hits = positives[-1] - positives[places]
    alarms = (len(labels) - places) - hits
    if constraint == "demographic_parity":
        rates = ((hits + alarms) / len(labels))[:, None]
    else:
        negatives = len(labels) - positives[-1]
        rates = np.column_stack([hits / max(positives[-1], 1.0), alarms / max(negatives, 1.0)])
    return _Group(thresholds, hits, alarms, rates)


def _best_in_window(
    groups: Sequence[_Group], values: tuple[float, float], constraint: Constraint, at_most: float
) -> list[int]:
    """The candidate of each group, so that all rates lie in a window of the given width in each dimension."""
    gains = [values[0] * group.true_positives + values[1] * group.false_positives for group in groups]
    dimensions = range(groups[0].rates.shape[1])
    ends = [_anchors([group.rates[:, each] for group in groups], ANCHORS[constraint]) for each in dimensions]
    anchors = np.array(list(product(*ends)))
    total, places = np.zeros(len(anchors)), []
    for group, gain in zip(groups, gains, strict=True):
        rates = group.rates[None, :, :]
        low, high = anchors[:, None, :] - _ROUNDING, anchors[:, None, :] + at_most + _ROUNDING
        inside = ((rates >= low) & (rates <= high)).all(axis=2)
        reached = np.where(inside, gain, -np.inf)
        places.append(reached.argmax(axis=1))
        total += reached.max(axis=1)
    best = int(total.argmax())
    return [int(place[best]) for place in places]


def _anchors(rates: Sequence[NDArray], most: int) -> NDArray:
    """Lower ends of the window: the rates of the candidates, thinned out."""
    known = np.unique(np.concatenate(rates).round(9))
    if len(known) <= most:
        return known
    return np.asarray(known[np.linspace(0, len(known) - 1, most).round().astype(int)])
