"""Group fairness: metrics by group of a protected column, computed with fairlearn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.evaluation.groups.column_groups import ColumnGroups
from mlops_assets.ml.metrics.clusters import cluster_codes, effective_size, mean_half_width
from mlops_assets.ml.metrics.reliability import wilson
from mlops_assets.ml.metrics.tasks import Task

MIN_ROWS = 30
"""Smaller groups are shown, without confidence intervals, and not compared."""
_LEVEL = 0.95

MEAN_PREDICTION, MEAN_ERROR, ABSOLUTE_ERROR = "mean prediction", "mean error", "mean absolute error"
POSITIVES, SELECTED, ACCURACY = "share of positives", "share predicted positive", "accuracy"
TRUE_POSITIVES, FALSE_POSITIVES = "true positive rate", "false positive rate"

Measure = Callable[..., float]


@dataclass(frozen=True)
class GroupMeasures:
    """The metrics of one group.

    Attributes
    ----------
    measures, intervals
        By measure: its value, NaN where undefined, and both ends of its 95 % confidence interval.
    is_compared
        Whether the group has at least `MIN_ROWS` rows.
    """

    value: str
    rows: int
    measures: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    is_compared: bool


@dataclass(frozen=True)
class GroupDifference:
    """The largest difference of a measure between two groups, `highest` minus `lowest`."""

    measure: str
    size: float
    lowest: str
    highest: str
    is_certain: bool
    """Whether the confidence intervals of the two groups do not overlap."""


@dataclass(frozen=True)
class Fairness:
    """Fairness metrics of the groups of one protected column.

    Attributes
    ----------
    differences
        The largest difference of each measure, the largest first; empty if fewer than two groups are
        compared.
    criteria
        Of a binary classification, by name: demographic parity difference and ratio, and equalized odds
        difference if every group has both outcomes.
    """

    column: str
    groups: list[GroupMeasures]
    differences: list[GroupDifference]
    criteria: dict[str, float]


def measure_fairness(
    task: Task,
    groups: ColumnGroups,
    truth: NDArray,
    predictions: NDArray,
    classes: NDArray,
    *,
    unit_size: float,
    clusters: NDArray | None = None,
    weights: NDArray | None = None,
) -> Fairness:
    """Compare the groups of a column.

    Parameters
    ----------
    truth, predictions
        As in `metrics.compute_metrics`.
    classes
        The index of the predicted class, shape `(n,)`; not used in regression.
    unit_size
        The size of one reported unit in units of the target.
    clusters
        The cluster of each row, shape `(n,)`; by default rows are independent.
    weights
        The weight of each row, shape `(n,)`; by default rows count the same.
    """
    from fairlearn.metrics import MetricFrame

    scale = unit_size if task == "regression" else 1.0
    outcome, predicted = truth / scale, predictions / scale if task == "regression" else classes
    measures = _measures(task)
    frame = MetricFrame(
        metrics=measures,
        y_true=outcome,
        y_pred=predicted,
        sensitive_features=groups.groups,
        sample_params=None if weights is None else {name: {"sample_weight": weights} for name in measures},
    )
    codes, by_group = cluster_codes(clusters, len(truth)), []
    for index, label in enumerate(groups.labels):
        rows = groups.mask(index)
        values = {name: float(frame.by_group.loc[index, name]) for name in measures}
        compared = int(rows.sum()) >= MIN_ROWS
        own = None if weights is None else weights[rows]
        ends = _intervals(task, outcome[rows], predicted[rows], values, codes[rows], own) if compared else {}
        by_group.append(GroupMeasures(label, int(rows.sum()), values, ends, compared))
    chosen = [index for index, group in enumerate(by_group) if group.is_compared]
    compared_rows = np.isin(groups.groups, chosen)
    criteria = _criteria(
        outcome[compared_rows],
        predicted[compared_rows],
        groups.groups[compared_rows],
        None if weights is None else weights[compared_rows],
    )
    differences = _differences(by_group, measures)
    return Fairness(groups.column, by_group, differences, criteria if task == "binary" else {})


def _measures(task: Task) -> dict[str, Measure]:
    """The measures of a task by name; each is NaN for a group in which it is undefined."""
    from fairlearn.metrics import false_positive_rate, mean_prediction, selection_rate, true_positive_rate
    from sklearn.metrics import accuracy_score, mean_absolute_error

    match task:
        case "regression":
            return {
                MEAN_PREDICTION: mean_prediction,
                MEAN_ERROR: lambda truth, predicted, sample_weight=None: float(
                    np.average(predicted - truth, weights=sample_weight)
                ),
                ABSOLUTE_ERROR: mean_absolute_error,
            }
        case "binary":
            return {
                POSITIVES: lambda truth, _, sample_weight=None: float(
                    np.average(truth, weights=sample_weight)
                ),
                SELECTED: selection_rate,
                TRUE_POSITIVES: _rate_among(1, true_positive_rate),
                FALSE_POSITIVES: _rate_among(0, false_positive_rate),
                ACCURACY: accuracy_score,
            }
    return {ACCURACY: accuracy_score}


def _intervals(
    task: Task,
    truth: NDArray,
    predicted: NDArray,
    values: Mapping[str, float],
    codes: NDArray,
    weights: NDArray | None,
) -> dict[str, tuple[float, float]]:
    """95 % confidence intervals of a group, robust to correlation within clusters.

    Of means by Student's t, of shares by the Wilson score.
    """
    if task == "regression":
        error = predicted - truth
        rows = {MEAN_PREDICTION: predicted, MEAN_ERROR: error, ABSOLUTE_ERROR: np.abs(error)}
        half_widths = {name: mean_half_width(of, codes, _LEVEL, weights) for name, of in rows.items()}
        return {name: (values[name] - half, values[name] + half) for name, half in half_widths.items()}
    everyone = np.ones(len(truth), dtype=bool)
    among = {TRUE_POSITIVES: truth == 1, FALSE_POSITIVES: truth == 0}
    hits = {
        POSITIVES: truth == 1,
        ACCURACY: predicted == truth,
    }  # the others are shares of predicted positives
    ends = {}
    for name, value in values.items():
        rows = among.get(name, everyone)
        own = None if weights is None else weights[rows]
        size = effective_size(hits.get(name, predicted == 1)[rows], codes[rows], own)
        ends[name] = wilson(value, size)
    return ends


def _rate_among(label: int, rate: Any) -> Measure:
    """A rate among the rows of a class; NaN if there are none, for which fairlearn returns 0."""

    def measure(truth: NDArray, predicted: NDArray, sample_weight: NDArray | None = None) -> float:
        if not (truth == label).any():
            return float("nan")
        return float(rate(truth, predicted, pos_label=1, sample_weight=sample_weight))

    return measure


def _criteria(
    truth: NDArray, predicted: NDArray, groups: NDArray, weights: NDArray | None
) -> dict[str, float]:
    from fairlearn.metrics import (
        demographic_parity_difference,
        demographic_parity_ratio,
        equalized_odds_difference,
    )

    if len(np.unique(groups)) < 2:
        return {}
    found = {
        "demographic parity difference": demographic_parity_difference,
        "demographic parity ratio": demographic_parity_ratio,
    }
    if all(len(np.unique(truth[groups == group])) == 2 for group in np.unique(groups)):
        found["equalized odds difference"] = equalized_odds_difference
    return {
        name: float(criterion(truth, predicted, sensitive_features=groups, sample_weight=weights))
        for name, criterion in found.items()
    }


def _differences(groups: Sequence[GroupMeasures], measures: Mapping[str, Measure]) -> list[GroupDifference]:
    found = []
    for name in measures:
        known = [group for group in groups if group.is_compared and not np.isnan(group.measures[name])]
        if len(known) < 2:
            continue
        lowest = min(known, key=lambda group: group.measures[name])
        highest = max(known, key=lambda group: group.measures[name])
        size = highest.measures[name] - lowest.measures[name]
        certain = lowest.intervals[name][1] < highest.intervals[name][0]
        found.append(GroupDifference(name, size, lowest.value, highest.value, certain))
    return sorted(found, key=lambda each: -each.size)
