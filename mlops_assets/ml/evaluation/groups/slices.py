"""Metrics of declared slices of the holdout, and tests whether their loss is larger than that of the rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ttest_ind

from mlops_assets.ml.evaluation.groups.column_groups import ColumnGroups
from mlops_assets.ml.metrics.clusters import cluster_codes, difference_p_value

MIN_ROWS = 30
"""Smaller slices are shown with their number of rows, without a metric and a test."""
SIGNIFICANCE = 0.05

Score = Callable[[NDArray], tuple[float, float, float]]
"""Maps positions of rows to the metric and both ends of its confidence interval."""


@dataclass(frozen=True)
class SliceScore:
    """The metric of one slice.

    Attributes
    ----------
    score, low, high
        The metric and its 95 % confidence interval; NaN where undefined, and for fewer than `MIN_ROWS` rows.
    ratio
        The mean loss of the slice divided by that of all rows.
    chance
        The p-value of a one-sided Welch's t-test of its losses against those of the other rows, adjusted for
        the number of slices (Holm 1979); NaN for too few rows.
    """

    column: str
    value: str
    rows: int
    score: float
    low: float
    high: float
    ratio: float
    chance: float

    @property
    def is_worse(self) -> bool:
        """Whether its loss is significantly larger than that of the other rows."""
        return self.chance < SIGNIFICANCE


def score_slices(
    columns: Sequence[ColumnGroups],
    losses: NDArray,
    score: Score,
    *,
    clusters: NDArray | None = None,
    weights: NDArray | None = None,
) -> list[SliceScore]:
    """The metric of each group of each column, in their order.

    Parameters
    ----------
    losses
        The loss of each row, shape `(n,)`, which the significance test compares.
    clusters
        The cluster of each row, shape `(n,)`; by default rows are independent.
    weights
        The weight of each row, shape `(n,)`, in ratios and tests; by default rows count the same.
    """
    codes = cluster_codes(clusters, len(losses))
    slices = [
        (column, label, column.mask(index)) for column in columns for index, label in enumerate(column.labels)
    ]
    p_values = holm([slice_p_value(losses, mask, codes, weights) for _, _, mask in slices])
    return [
        scored_slice(column.column, label, mask, losses, p_value, score, weights)
        for (column, label, mask), p_value in zip(slices, p_values, strict=True)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for multiple testing (Holm 1979); NaN is returned as NaN and not counted."""
    values = np.asarray(p_values, dtype=float)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known])]
    adjusted = np.full(len(values), np.nan)
    steps = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(order) else []
    return [float(value) for value in adjusted]


def slice_p_value(losses: NDArray, mask: NDArray, codes: NDArray, weights: NDArray | None = None) -> float:
    """One-sided p-value; NaN if a side has too few rows or clusters, or neither has any variance.

    Of Welch's t-test for independent rows of equal weight, otherwise of a test that is robust to correlation
    in clusters and to unequal variances.
    """
    inside, outside = losses[mask], losses[~mask]
    if min(len(inside), len(outside)) < MIN_ROWS or not (inside.std() or outside.std()):
        return float("nan")
    if weights is not None or len(np.unique(codes)) < len(codes):
        return difference_p_value(losses, mask, codes, weights)
    return float(ttest_ind(inside, outside, equal_var=False, alternative="greater").pvalue)


def scored_slice(
    column: str,
    value: str,
    mask: NDArray,
    losses: NDArray,
    p_value: float,
    score: Score,
    weights: NDArray | None = None,
) -> SliceScore:
    positions, undefined = np.flatnonzero(mask), float("nan")
    scores = score(positions) if len(positions) >= MIN_ROWS else (undefined, undefined, undefined)
    ratio, mean = undefined, np.average(losses, weights=weights)
    if len(positions) and mean:
        own = None if weights is None else weights[mask]
        ratio = float(np.average(losses[mask], weights=own) / mean)
    return SliceScore(column, value, len(positions), *scores, ratio=ratio, chance=p_value)
