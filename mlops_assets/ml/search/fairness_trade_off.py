"""Decision thresholds by group for several limits of the disparity, and the choice among them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.core.errors import DataError, ModelError
from mlops_assets.ml.metrics.disparity import Constraint, disparity
from mlops_assets.ml.model.group_thresholds import MISSING, OTHERS, GroupThresholds, group_labels
from mlops_assets.ml.search.decision_threshold import Decision, weighted_objective
from mlops_assets.ml.search.fair_thresholds import choose_fair_thresholds
from mlops_assets.ml.search.splits import measuring_folds

TRADE_OFF_FILE = "fairness.json"
"""Name of the trade-off among the files of a search."""
MOST_VALUES = 50
"""Numeric columns with more distinct values require edges."""
UNCONSTRAINED = float(np.nextafter(0.5, 1))
"""The threshold of a model without one: equally likely classes are predicted as the first."""
_FOLDS, _LIMITS, _CLOSE, _NAMED = 5, 8, 0.15, 20


@dataclass(frozen=True)
class FairnessRule:
    """A constraint on the groups of a protected column.

    Attributes
    ----------
    edges
        For a numeric column: the first value of the second and of each following group.
    minimum_rows
        Smaller groups are pooled; for equalized odds it is the number of rows of each class.
    """

    column: str
    constraint: Constraint
    at_most: float
    edges: tuple[float, ...] = ()
    minimum_rows: int = 100


@dataclass(frozen=True)
class TradeOffPoint:
    """The thresholds for one limit of the disparity.

    Attributes
    ----------
    limit
        The limit on the rows that the thresholds are chosen on; None for those without constraint.
    disparity, objective
        On training rows that the thresholds of these rows were not chosen on.
    """

    limit: float | None
    thresholds: tuple[float, ...]
    disparity: float
    objective: float


@dataclass(frozen=True)
class TradeOff:
    """Thresholds for several limits, the smallest limit first and those without constraint last.

    Attributes
    ----------
    rows
        Training rows of each group.
    ungrouped
        Training rows that are not constrained, because their group and the pool are too small, by label.
    chosen
        The position of the chosen point.
    """

    rows: dict[str, int]
    ungrouped: dict[str, int]
    points: tuple[TradeOffPoint, ...]
    chosen: int

    def describe(self) -> str:
        """The thresholds of the groups, and the disparity in training without and with the constraint."""
        point, free = self.points[self.chosen], self.points[-1]
        groups = zip(self.rows.items(), point.thresholds, strict=True)
        texts = [f"{label} ({rows:,} rows) {threshold:.3f}" for (label, rows), threshold in groups]
        apart = f"; not constrained, because too small: {', '.join(self.ungrouped)}" if self.ungrouped else ""
        return (
            f"decision thresholds by group: {', '.join(texts)}; disparity on training rows "
            f"{free.disparity:.3f} without and {point.disparity:.3f} with the constraint{apart}"
        )

    def to_json(self) -> str:
        """The trade-off as JSON."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def of_json(cls, text: str) -> "TradeOff":
        """Read what `to_json` wrote.

        Raises
        ------
        ModelError
            If the text is no such JSON.
        """
        try:
            stored: dict[str, Any] = json.loads(text)
            points = tuple(
                TradeOffPoint(**{**point, "thresholds": tuple(point["thresholds"])})
                for point in stored.pop("points")
            )
            return cls(points=points, **stored)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(
                f"{TRADE_OFF_FILE} of the run can't be read: {error}", hint="materialize tuned_model again"
            ) from error


def choose_group_thresholds(
    rule: FairnessRule,
    decision: Decision,
    truth: NDArray,
    probabilities: NDArray,
    values: NDArray,
    *,
    threshold: float | None,
    seed: int,
    subject: str,
    times: NDArray | None = None,
    together: NDArray | None = None,
) -> tuple[GroupThresholds, TradeOff]:
    """Choose thresholds by group, so that the disparity is at most the limit of a rule.

    The disparity is measured on training rows that the thresholds of these rows were not chosen on, because
    thresholds fit the noise of their own rows: the largest limit is chosen with which the rule holds there,
    or else the one with the smallest disparity.

    Parameters
    ----------
    decision
        The objective.
    truth
        Zeros and ones, shape `(n,)`.
    probabilities
        Out-of-fold probabilities of the second class, shape `(n,)`.
    values
        The protected column, shape `(n,)`.
    threshold
        The decision threshold without the constraint.
    subject
        The project, for messages.
    times, together
        As in `measuring_folds`.

    Raises
    ------
    DataError
        If fewer than two groups have enough rows.
    """
    rows, ungrouped = find_groups(rule, truth, values, subject=subject)
    common = UNCONSTRAINED if threshold is None else threshold
    made = GroupThresholds(
        column=rule.column,
        labels=tuple(rows),
        thresholds=(common,) * len(rows),
        unconstrained=common,
        constraint=rule.constraint,
        at_most=rule.at_most,
        edges=rule.edges,
    )
    groups = made.groups(values)
    folds = measuring_folds(groups, truth, folds=_FOLDS, seed=seed, times=times, together=together)
    measured = np.concatenate([apart for _, apart in folds])
    among = truth[measured], probabilities[measured], groups[measured]

    def point(limit: float) -> TradeOffPoint:
        thresholds = _choose(rule, decision, limit, truth, probabilities, groups, common)
        across = np.full(len(truth), common)
        for train, apart in folds:
            sides = truth[train], probabilities[train], groups[train]
            chosen = _choose(rule, decision, limit, *sides, common)
            across[apart] = np.append(chosen, common)[groups[apart]]
        return _measured(rule, decision, limit, thresholds, across[measured], *among)

    free = _measured(rule, decision, None, made.thresholds, np.full(len(measured), common), *among)
    limits = _limits(rule.at_most, free.disparity)
    points = (*(point(limit) for limit in limits), free)
    chosen = _chosen(points, rule.at_most)
    fair = GroupThresholds(**{**vars(made), "thresholds": points[chosen].thresholds})
    return fair, TradeOff(rows, ungrouped, points, chosen)


def find_groups(
    rule: FairnessRule, truth: NDArray, values: NDArray, *, subject: str
) -> tuple[dict[str, int], dict[str, int]]:
    """Training rows of each group with enough of them, and of the groups that are not constrained.

    Small groups are pooled, and are constrained if the pool has enough rows.

    Raises
    ------
    DataError
        If fewer than two groups have enough rows, or a numeric column has too many values.
    """
    labels, codes = group_labels(values, rule.edges)
    if not rule.edges and len(labels) > MOST_VALUES and _is_numeric(values):
        raise DataError(
            f"{subject}: the protected column {rule.column} has {len(labels) - 1} distinct numbers",
            hint="group them with fairness.edges in defs.yaml, such as [25, 60]",
        )
    outcomes = (0, 1) if rule.constraint == "equalized_odds" else (None,)

    def enough(rows: NDArray) -> bool:
        return all(
            (rows if outcome is None else rows & (truth == outcome)).sum() >= rule.minimum_rows
            for outcome in outcomes
        )

    counts = {label: int((codes == index).sum()) for index, label in enumerate(labels)}
    large = [index for index in range(len(labels)) if enough(codes == index)]
    large.sort(key=lambda index: (labels[index] == MISSING, labels[index]))
    rows = {labels[index]: counts[labels[index]] for index in large}
    pooled = ~np.isin(codes, large)
    if enough(pooled):
        rows[OTHERS] = int(pooled.sum())
    if len(rows) < 2:
        unit = "rows of each class" if rule.constraint == "equalized_odds" else "rows"
        found = ", ".join(
            f"{label}: " + " + ".join(f"{(truth[codes == index] == each).sum():,}" for each in (0, 1))
            for index, label in enumerate(labels[:_NAMED])
            if counts[label]
        )
        raise DataError(
            f"{subject}: fairness requires at least two groups of {rule.column} with {rule.minimum_rows} "
            f"training {unit} each; found {found} rows of the "
            "two classes",
            hint="provide more rows, join groups in features.sql or by fairness.edges, or reduce "
            "fairness.minimum_rows in defs.yaml",
        )
    ungrouped = {
        label: count for label, count in counts.items() if count and label not in rows and OTHERS not in rows
    }
    return rows, ungrouped


def _is_numeric(values: NDArray) -> bool:
    return all(isinstance(value, int | float | np.number) for value in values[:1_000].tolist())


def _limits(at_most: float, free: float) -> list[float]:
    """Limits below the disparity without constraint, among them the declared one."""
    if not free > at_most / 4:
        return [at_most]
    declared = (at_most / 2, at_most)
    spread = np.geomspace(at_most / 4, free, _LIMITS + 1)[:-1].tolist()
    others = [limit for limit in spread if all(abs(limit / each - 1) > _CLOSE for each in declared)]
    return sorted((*declared, *others))


def _choose(
    rule: FairnessRule,
    decision: Decision,
    limit: float,
    truth: NDArray,
    probabilities: NDArray,
    groups: NDArray,
    common: float,
) -> tuple[float, ...]:
    chosen = (probabilities >= common).astype(int)
    if disparity(rule.constraint, truth, chosen, groups) <= limit:
        return (common,) * (int(groups.max()) + 1)
    return choose_fair_thresholds(
        decision, rule.constraint, limit, truth, probabilities, groups, unconstrained=common
    )


def _measured(
    rule: FairnessRule,
    decision: Decision,
    limit: float | None,
    thresholds: tuple[float, ...],
    of_rows: NDArray,
    truth: NDArray,
    probabilities: NDArray,
    groups: NDArray,
) -> TradeOffPoint:
    chosen = (probabilities >= of_rows).astype(int)
    objective = weighted_objective(decision, truth, chosen)(np.ones((1, len(truth))))
    found = disparity(rule.constraint, truth, chosen, groups)
    return TradeOffPoint(limit, thresholds, found, float(objective[0]))


def _chosen(points: Sequence[TradeOffPoint], at_most: float) -> int:
    """The largest limit that is not above the declared one with which the disparity is within it."""
    if points[-1].disparity <= at_most:
        return len(points) - 1
    allowed = [place for place, point in enumerate(points) if point.limit and point.limit <= at_most]
    within = [place for place in allowed if points[place].disparity <= at_most]
    return max(within) if within else min(allowed, key=lambda place: points[place].disparity)
