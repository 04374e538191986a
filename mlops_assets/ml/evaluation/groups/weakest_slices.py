"""Search for the slices of the holdout whose loss is larger than that of the other rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.evaluation.groups.column_groups import MISSING, ColumnGroups, group_column
from mlops_assets.ml.evaluation.groups.slices import (
    MIN_ROWS,
    Score,
    SliceScore,
    holm,
    scored_slice,
    slice_p_value,
)
from mlops_assets.ml.metrics.clusters import cluster_codes, count_clusters

MAX_CONFIRMED = 5
SEARCHED_ROWS = 20_000
SEARCHED_COLUMNS = 20
_MIN_SEARCHED = 400
_MIN_SHARE = 0.01
_MAX_SHARE = 0.5
"""A weak slice is a minority: one of most rows describes the others, which are easy to predict."""
_PAIR_MARGIN = 1.5
"""The t-statistic of a slice of two columns must exceed that of each of its parts alone by this much."""


@dataclass(frozen=True)
class WeakestSlices:
    """The result of a search for the weakest slices.

    Attributes
    ----------
    slices
        The confirmed slices, the worst first.
    candidates
        Number of slices in the search.
    chosen
        Number of these that were tested on the other half of the rows.
    searched, measured
        Number of rows of the search, and of the test.
    """

    slices: list[SliceScore]
    candidates: int
    chosen: int
    searched: int
    measured: int


def find_weakest_slices(
    features: pd.DataFrame,
    losses: NDArray,
    score: Score,
    *,
    seed: int,
    clusters: NDArray | None = None,
    weights: NDArray | None = None,
) -> WeakestSlices | None:
    """Search for slices of one or two columns, of at most half of the rows, with a larger loss than the rest.

    The search uses half of the clusters, and the worst candidates are tested on the other half. Only slices
    that are significantly worse there are returned: among thousands of candidates, the worst has a large loss
    on its own half by selection alone.

    Parameters
    ----------
    features
        Columns that define slices, shape `(n, columns)`; only the first `SEARCHED_COLUMNS` are used.
    losses
        The loss of each row, shape `(n,)`; at most `SEARCHED_ROWS` rows are sampled.
    score
        Called with positions of rows of the test half.
    clusters
        The cluster of each row, shape `(n,)`; by default rows are independent.
    weights
        The weight of each row, shape `(n,)`, in the test; candidates are searched without weights.

    Returns
    -------
    None for fewer than 400 rows.
    """
    if len(losses) < _MIN_SEARCHED:
        return None
    codes = cluster_codes(clusters, len(losses))
    searched, measured = _halves(codes, seed)
    if min(len(searched), len(measured)) < MIN_ROWS:
        return None
    columns = [group_column(features[name], name=str(name)) for name in features.columns[:SEARCHED_COLUMNS]]
    candidates, tried = _candidates(columns, searched, losses[searched])
    chosen = _distinct(sorted(candidates, key=lambda each: -each.t_statistic), searched)
    masks = [each.mask(measured) for each in chosen]
    own = None if weights is None else weights[measured]
    p_values = holm([slice_p_value(losses[measured], mask, codes[measured], own) for mask in masks])
    found = [
        scored_slice(
            each.column, each.label, mask, losses[measured], p_value, lambda rows: score(measured[rows]), own
        )
        for each, mask, p_value in zip(chosen, masks, p_values, strict=True)
    ]
    weak = (each for each in found if each.is_worse and each.rows <= _MAX_SHARE * len(measured))
    confirmed = sorted(weak, key=lambda each: -each.ratio)
    return WeakestSlices(confirmed, tried, len(chosen), len(searched), len(measured))


def _halves(codes: NDArray, seed: int) -> tuple[NDArray, NDArray]:
    """Positions of the rows of two random halves of the clusters, of at most `SEARCHED_ROWS` rows."""
    place = np.random.default_rng(seed).permutation(count_clusters(codes))[codes]
    order = np.argsort(place, kind="stable")[:SEARCHED_ROWS]
    limit = np.median(place[order])
    return order[place[order] <= limit], order[place[order] > limit]


@dataclass(frozen=True)
class _Candidate:
    """A slice: groups of one column, or one group of each of two columns."""

    parts: tuple[tuple[ColumnGroups, tuple[int, ...]], ...]
    t_statistic: float
    """Welch's t of its losses against those of the other rows."""

    @property
    def column(self) -> str:
        return " and ".join(column.column for column, _ in self.parts)

    @property
    def label(self) -> str:
        return " and ".join(_span(column, groups) for column, groups in self.parts)

    def mask(self, rows: NDArray) -> NDArray:
        masks = [np.isin(column.groups[rows], groups) for column, groups in self.parts]
        return np.logical_and.reduce(masks)


def _candidates(
    columns: Sequence[ColumnGroups], rows: NDArray, losses: NDArray
) -> tuple[list[_Candidate], int]:
    """Slices with a larger mean loss than the other rows, and the number of slices that were tried."""
    smallest, largest = max(MIN_ROWS, round(_MIN_SHARE * len(rows))), _MAX_SHARE * len(rows)
    tried = 0
    found: list[_Candidate] = []
    of_groups: list[NDArray] = []
    for column in columns:
        counts, sums, squares = _sums(column.groups[rows], len(column.labels), losses)
        of_groups.append(_t_statistics(counts, sums, squares, losses, smallest))
        for groups in _runs(column):
            chosen = list(groups)
            count, total, square = (values[chosen].sum(keepdims=True) for values in (counts, sums, squares))
            if count[0] > largest:
                continue
            t_statistic = float(_t_statistics(count, total, square, losses, smallest)[0])
            tried += t_statistic > -np.inf
            if t_statistic > 0:
                found.append(_Candidate(((column, groups),), t_statistic))
    for (one, first), (other, second) in combinations(zip(columns, of_groups, strict=True), 2):
        width = len(other.labels)
        both = one.groups[rows] * width + other.groups[rows]
        counts, sums, squares = _sums(both, len(one.labels) * width, losses)
        t_statistics = _t_statistics(counts, sums, squares, losses, smallest)
        t_statistics[counts > largest] = -np.inf
        tried += int((t_statistics > -np.inf).sum())
        required = np.maximum(first[:, None], second[None, :]).ravel() + _PAIR_MARGIN
        for index in np.flatnonzero((t_statistics > 0) & (t_statistics > required)):
            left, right = divmod(int(index), width)
            found.append(_Candidate(((one, (left,)), (other, (right,))), float(t_statistics[index])))
    return found, tried


def _runs(column: ColumnGroups) -> list[tuple[int, ...]]:
    """Single groups and, if the groups are ordered, runs of adjacent groups, except all of them."""
    count = len(column.labels)
    singles: list[tuple[int, ...]] = [(index,) for index in range(count)]
    if not column.is_ordered:
        return singles
    ordered = count - (column.labels[-1] == MISSING)
    longer = [
        tuple(range(start, stop))
        for start, stop in combinations(range(ordered + 1), 2)
        if 1 < stop - start < ordered
    ]
    return singles + longer


def _sums(groups: NDArray, count: int, losses: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    return (
        np.bincount(groups, minlength=count).astype(float),
        np.bincount(groups, losses, minlength=count),
        np.bincount(groups, losses**2, minlength=count),
    )


def _t_statistics(
    counts: NDArray, sums: NDArray, squares: NDArray, losses: NDArray, smallest: int
) -> NDArray:
    """Welch's t of each group against all other rows; -inf for groups that are too small or too large."""
    fits = (counts >= smallest) & (len(losses) - counts >= smallest)
    inside, outside = np.where(fits, counts, 1.0), np.where(fits, len(losses) - counts, 1.0)
    rest, rest_squares = losses.sum() - sums, (losses**2).sum() - squares
    means = sums / inside, rest / outside
    spread = np.maximum(squares / inside - means[0] ** 2, 0) / inside
    spread = spread + np.maximum(rest_squares / outside - means[1] ** 2, 0) / outside
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = np.where(spread > 0, (means[0] - means[1]) / np.sqrt(spread), 0.0)
    return np.where(fits, statistics, -np.inf)


def _distinct(candidates: Sequence[_Candidate], rows: NDArray) -> list[_Candidate]:
    """The worst candidates of which no two share more than half of their rows."""
    chosen: list[_Candidate] = []
    taken: list[NDArray] = []
    for each in candidates:
        mask = each.mask(rows)
        if all((mask & other).sum() <= 0.5 * min(mask.sum(), other.sum()) for other in taken):
            chosen.append(each)
            taken.append(mask)
        if len(chosen) == MAX_CONFIRMED:
            break
    return chosen


def _span(column: ColumnGroups, groups: Sequence[int]) -> str:
    first, last = column.labels[groups[0]], column.labels[groups[-1]]
    return first if len(groups) == 1 else f"{first.split(' to ')[0]} to {last.split(' to ')[-1]}"
