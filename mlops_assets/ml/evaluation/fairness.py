"""Whether the model treats groups of people alike, by fairlearn's metrics."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.evaluation.column_groups import Cut
from mlops_assets.ml.metrics.reliability import wilson
from mlops_assets.ml.metrics.tasks import Task

LEAST_ROWS = 30
"""A group of fewer rows is shown, and not compared."""
_Z = 1.96

MEAN_PREDICTION, MEAN_ERROR, ABSOLUTE_ERROR = "mean prediction", "mean error", "mean absolute error"
POSITIVES, SELECTED, ACCURACY = "share of positives", "share predicted positive", "accuracy"
TRUE_POSITIVES, FALSE_POSITIVES = "true positive rate", "false positive rate"

Measure = Callable[[NDArray, NDArray], float]


@dataclass(frozen=True)
class GroupMeasures:
    """What is measured of one group: values, and the ends of their 95 % intervals, by measure."""

    value: str
    rows: int
    measures: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    is_compared: bool


@dataclass(frozen=True)
class Difference:
    """The largest difference of a measure between two groups."""

    measure: str
    size: float
    lowest: str
    highest: str
    is_certain: bool
    """Whether the intervals of the two groups don't meet."""


@dataclass(frozen=True)
class Fairness:
    """How alike the groups of one column are treated.

    Attributes
    ----------
    differences
        Of each measure, largest first; empty where fewer than two groups can be compared.
    criteria
        fairlearn's criteria of a binary decision, by name: demographic parity difference and ratio, and where
        each group has both outcomes equalized odds difference.
    """

    column: str
    groups: list[GroupMeasures]
    differences: list[Difference]
    criteria: dict[str, float]


def measure_fairness(
    task: Task, made: Cut, truth: NDArray, predictions: NDArray, chosen: NDArray, *, unit_size: float
) -> Fairness:
    """Compare the groups of a column.

    Parameters
    ----------
    truth, predictions
        As in `metrics.compute_metrics`.
    chosen
        The index of the class that the model decides on, `(n,)`; of a regression the predictions.
    unit_size
        What one reported unit is in units of the target.
    """
    from fairlearn.metrics import MetricFrame

    scale = unit_size if task == "regression" else 1.0
    outcome, said = (truth / scale, predictions / scale) if task == "regression" else (truth, chosen)
    labels = np.array(made.labels, dtype=object)[made.groups]
    measures = _measures(task)
    frame = MetricFrame(metrics=measures, y_true=outcome, y_pred=said, sensitive_features=labels)
    groups = []
    for label in made.labels:
        rows = labels == label
        values = {name: float(frame.by_group.loc[label, name]) for name in measures}
        compared = int(rows.sum()) >= LEAST_ROWS
        ends = _intervals(task, outcome[rows], said[rows], values) if compared else {}
        groups.append(GroupMeasures(label, int(rows.sum()), values, ends, compared))
    compared_rows = np.isin(labels, [group.value for group in groups if group.is_compared])
    criteria = _criteria(outcome[compared_rows], said[compared_rows], labels[compared_rows])
    return Fairness(made.column, groups, _differences(groups, measures), criteria if task == "binary" else {})


def _measures(task: Task) -> dict[str, Measure]:
    """What is measured of each group; NaN where a group lacks the rows for it."""
    from fairlearn.metrics import false_positive_rate, mean_prediction, selection_rate, true_positive_rate
    from sklearn.metrics import accuracy_score, mean_absolute_error

    match task:
        case "regression":
            return {
                MEAN_PREDICTION: mean_prediction,
                MEAN_ERROR: lambda truth, said: float(np.mean(said - truth)),
                ABSOLUTE_ERROR: mean_absolute_error,
            }
        case "binary":
            return {
                POSITIVES: lambda truth, _: float(np.mean(truth)),
                SELECTED: selection_rate,
                TRUE_POSITIVES: _where(1, true_positive_rate),
                FALSE_POSITIVES: _where(0, false_positive_rate),
                ACCURACY: accuracy_score,
            }
    return {ACCURACY: accuracy_score}


def _intervals(
    task: Task, truth: NDArray, said: NDArray, values: Mapping[str, float]
) -> dict[str, tuple[float, float]]:
    """95 % intervals of a group's measures: of means by their standard error, of shares by Wilson."""
    if task == "regression":
        rows = {MEAN_PREDICTION: said, MEAN_ERROR: said - truth, ABSOLUTE_ERROR: np.abs(said - truth)}
        errors = {name: _Z * float(of.std(ddof=1)) / len(of) ** 0.5 for name, of in rows.items()}
        return {name: (values[name] - error, values[name] + error) for name, error in errors.items()}
    among = {TRUE_POSITIVES: truth == 1, FALSE_POSITIVES: truth == 0}
    sizes = {name: int(among[name].sum()) if name in among else len(truth) for name in values}
    return {name: wilson(values[name], size) for name, size in sizes.items()}


def _where(label: int, rate: Any) -> Measure:
    """A rate among rows of a class; NaN where there is none, which fairlearn counts as 0."""

    def measure(truth: NDArray, said: NDArray) -> float:
        has_both = bool((truth == label).any())
        return float(rate(truth, said, pos_label=1)) if has_both else float("nan")

    return measure


def _criteria(truth: NDArray, said: NDArray, labels: NDArray) -> dict[str, float]:
    from fairlearn.metrics import (
        demographic_parity_difference,
        demographic_parity_ratio,
        equalized_odds_difference,
    )

    if len(np.unique(labels)) < 2:
        return {}
    found = {
        "demographic parity difference": demographic_parity_difference,
        "demographic parity ratio": demographic_parity_ratio,
    }
    if all(len(np.unique(truth[labels == label])) == 2 for label in np.unique(labels)):
        found["equalized odds difference"] = equalized_odds_difference
    return {
        name: float(criterion(truth, said, sensitive_features=labels)) for name, criterion in found.items()
    }


def _differences(groups: Sequence[GroupMeasures], measures: Mapping[str, Measure]) -> list[Difference]:
    found = []
    for name in measures:
        known = [group for group in groups if group.is_compared and not np.isnan(group.measures[name])]
        if len(known) < 2:
            continue
        lowest = min(known, key=lambda group: group.measures[name])
        highest = max(known, key=lambda group: group.measures[name])
        size = highest.measures[name] - lowest.measures[name]
        certain = lowest.intervals[name][1] < highest.intervals[name][0]
        found.append(Difference(name, size, lowest.value, highest.value, certain))
    return sorted(found, key=lambda each: -each.size)
