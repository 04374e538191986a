"""A fairness constraint on the holdout: disparity and objective without it, with it, and for other limits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.metrics.bootstrap import Interval, interval_of
from mlops_assets.ml.metrics.disparity import MEASURES, Constraint, disparity, disparity_interval
from mlops_assets.ml.metrics.metrics import compute_metrics
from mlops_assets.ml.metrics.tasks import Measure
from mlops_assets.ml.metrics.weighted_metrics import Weighted
from mlops_assets.ml.model.group_thresholds import GroupThresholds
from mlops_assets.ml.number_format import number
from mlops_assets.ml.search.decision_threshold import Decision, objective_name, weighted_objective
from mlops_assets.ml.search.fairness_trade_off import TradeOff

_OF_CLASSES = ("accuracy", "precision", "recall", "f1")


@dataclass(frozen=True)
class MeasuredPoint:
    """Disparity and objective on the holdout, each with its 95 % confidence interval if it was computed.

    Attributes
    ----------
    limit
        The limit on the training rows; None without the constraint.
    """

    limit: float | None
    disparity: float
    objective: float
    disparity_interval: tuple[float, float] = (float("nan"), float("nan"))
    objective_interval: tuple[float, float] = (float("nan"), float("nan"))


@dataclass(frozen=True)
class ConstrainedGroup:
    """A group: its rows, its threshold, and the share of its holdout rows that is predicted positive."""

    label: str
    training_rows: int
    rows: int
    threshold: float
    selected_before: float
    selected_after: float


@dataclass(frozen=True)
class Mitigation:
    """The effect of a fairness constraint on the holdout.

    Attributes
    ----------
    objective
        Name of the quantity that the thresholds optimise.
    cost
        The 95 % confidence interval of the objective with the constraint minus that without it.
    curve
        Other limits, the smallest first, with the chosen one and that without a limit.
    groups
        The constrained groups.
    ungrouped
        Training rows of the groups that are not constrained.
    metrics
        Metrics of the predicted classes, without and with the constraint.
    """

    column: str
    constraint: Constraint
    at_most: float
    objective: str
    before: MeasuredPoint
    after: MeasuredPoint
    cost: tuple[float, float]
    curve: list[MeasuredPoint]
    groups: list[ConstrainedGroup]
    ungrouped: dict[str, int]
    metrics: dict[str, tuple[float, float]]

    @property
    def measure(self) -> str:
        """The limited measure, such as `demographic parity difference`."""
        return MEASURES[self.constraint]

    @property
    def holds(self) -> bool:
        """Whether the disparity on the holdout is at most the limit."""
        return self.after.disparity <= self.at_most

    def describe(self) -> str:
        """Disparity and objective without and with the constraint."""
        before, after = self.before, self.after
        low, high = after.disparity_interval
        return (
            f"{self.measure} by {self.column} {number(before.disparity)} → {number(after.disparity)} "
            f"(95 % CI {number(low)} to {number(high)}; at most {self.at_most:g}); "
            f"{self.objective} {number(before.objective)} → {number(after.objective)}"
        )

    def problem(self) -> str:
        """Why the constraint does not hold on the holdout; empty if it does."""
        if self.holds:
            return ""
        low = self.after.disparity_interval[0]
        smallest = min(self.groups, key=lambda group: group.rows)
        reason = (
            f"the interval includes {self.at_most:g}: more holdout rows would show whether it holds (the "
            f"smallest group, {smallest.label}, has {smallest.rows:,})"
            if low <= self.at_most
            else "reduce fairness.at_most, provide more rows, or accept a higher limit"
        )
        return f"{self.describe()}; the limit is exceeded; {reason}"


def measure_mitigation(
    fair: GroupThresholds,
    trade_off: TradeOff,
    decision: Decision,
    truth: NDArray,
    predictions: NDArray,
    values: NDArray,
    *,
    clusters: NDArray | None = None,
) -> Mitigation:
    """Measure the constraint on the holdout.

    Parameters
    ----------
    fair
        The thresholds of the model.
    trade_off
        The thresholds for several limits, from the training rows.
    decision
        The objective.
    truth, predictions
        True classes as zeros and ones, and probabilities of the second class, shape `(n,)`.
    values
        The protected column, shape `(n,)`.
    clusters
        The cluster of each row, shape `(n,)`; by default rows are independent.
    """
    groups = fair.groups(values)

    def classes(thresholds: Sequence[float]) -> NDArray:
        return (predictions >= np.append(thresholds, fair.unconstrained)[groups]).astype(int)

    def point(limit: float | None, chosen: NDArray, *, intervals: bool = False) -> MeasuredPoint:
        found = disparity(fair.constraint, truth, chosen, groups)
        objective = weighted_objective(decision, truth, chosen)(np.ones((1, len(truth))))
        ends = {}
        if intervals:
            ends["disparity_interval"] = _ends(
                disparity_interval(fair.constraint, truth, chosen, groups, clusters=clusters)
            )
            ends["objective_interval"] = _ends(
                interval_of(
                    lambda rows: weighted_objective(decision, truth[rows], chosen[rows]),
                    len(truth),
                    clusters=clusters,
                )
            )
        return MeasuredPoint(limit, found, float(objective[0]), **ends)

    free, ours = classes((fair.unconstrained,) * len(fair.labels)), classes(fair.thresholds)

    def gain(rows: NDArray) -> Weighted:
        after, before = (weighted_objective(decision, truth[rows], each[rows]) for each in (ours, free))
        return lambda weights: after(weights) - before(weights)

    scores = [
        compute_metrics(Measure("binary", "accuracy"), truth, predictions, threshold=threshold)
        for threshold in (fair.unconstrained, fair.of(values))
    ]
    return Mitigation(
        column=fair.column,
        constraint=fair.constraint,
        at_most=fair.at_most,
        objective=objective_name(decision),
        before=point(None, free, intervals=True),
        after=point(trade_off.points[trade_off.chosen].limit, ours, intervals=True),
        cost=_ends(interval_of(gain, len(truth), clusters=clusters)),
        curve=[point(each.limit, classes(each.thresholds)) for each in trade_off.points],
        groups=[
            ConstrainedGroup(
                label,
                trade_off.rows.get(label, 0),
                int((groups == index).sum()),
                fair.thresholds[index],
                *(_share(chosen[groups == index]) for chosen in (free, ours)),
            )
            for index, label in enumerate(fair.labels)
        ],
        ungrouped=trade_off.ungrouped,
        metrics={name: (scores[0][name], scores[1][name]) for name in _OF_CLASSES},
    )


def _ends(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high


def _share(chosen: NDArray) -> float:
    return float(chosen.mean()) if len(chosen) else float("nan")
