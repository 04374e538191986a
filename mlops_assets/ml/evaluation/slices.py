"""Where the model is worse than elsewhere: slices of the holdout, declared and searched for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import ttest_ind

from mlops_assets.ml.evaluation.column_groups import Cut, cut

LEAST_ROWS = 30
"""A slice of fewer rows is counted, and not judged."""
SIGNIFICANCE = 0.05
MOST_FOUND = 5
SEARCHED_ROWS = 20_000
SEARCHED_COLUMNS = 20
_LEAST_SEARCHED = 400
_LEAST_SHARE = 0.01
_GAIN = 1.5
"""A slice of two columns must lie so many standard errors beyond the worse of its columns alone."""

Score = Callable[[NDArray], tuple[float, float, float]]
"""From positions of rows to the metric and the ends of its interval."""


@dataclass(frozen=True)
class SliceScore:
    """The metric of one slice.

    Attributes
    ----------
    score, low, high
        The metric and its 95 % interval; NaN where undefined, or of fewer than `LEAST_ROWS` rows.
    ratio
        The mean loss of its rows over that of all rows.
    chance
        How likely rows that are no worse than the rest would look so bad, adjusted for all slices that were
        looked at (Holm 1979); NaN where there are too few.
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
        """Whether it is worse than the rest for sure: by more than chance and luck of the search explain."""
        return self.chance < SIGNIFICANCE


@dataclass(frozen=True)
class WeakestSlices:
    """What a search for weak slices found.

    Attributes
    ----------
    slices
        Those that were confirmed, the worst first.
    candidates
        How many slices were looked at.
    chosen
        How many of them were tried on the other half.
    searched, measured
        On how many rows they were looked for, and on how many others measured.
    """

    slices: list[SliceScore]
    candidates: int
    chosen: int
    searched: int
    measured: int


def score_slices(cuts: Sequence[Cut], losses: NDArray, score: Score) -> list[SliceScore]:
    """The metric of each group of each cut, in their order.

    Parameters
    ----------
    losses
        The loss of each row, `(n,)`, by which slices are told from the rest.
    """
    masks = [(made, index, made.rows_of(index)) for made in cuts for index in range(len(made.labels))]
    chances = holm([_chance(losses, mask) for _, _, mask in masks])
    return [
        _scored(made.column, made.labels[index], mask, losses, chance, score)
        for (made, index, mask), chance in zip(masks, chances, strict=True)
    ]


def find_weakest(features: pd.DataFrame, losses: NDArray, score: Score, *, seed: int) -> WeakestSlices | None:
    """Search for slices of one or two columns where the loss is larger than elsewhere.

    Looked for on one half of the rows, the worst few are measured on the other half, which knows nothing of
    the search; only what is worse there, too, counts. Without that, the worst of thousands of slices is
    always bad, by luck.

    Parameters
    ----------
    features
        The columns that may make a slice, shape `(n, columns)`; the first `SEARCHED_COLUMNS` are looked at.
    score
        Is asked for positions of rows of the other half.

    Returns
    -------
    None with fewer than 400 rows.
    """
    if len(losses) < _LEAST_SEARCHED:
        return None
    order = np.random.default_rng(seed).permutation(len(losses))[:SEARCHED_ROWS]
    searched, measured = np.array_split(order, 2)
    cuts = [cut(features[name], name=str(name)) for name in features.columns[:SEARCHED_COLUMNS]]
    candidates, looked_at = _candidates(cuts, searched, losses[searched])
    chosen = _unlike(sorted(candidates, key=lambda each: -each.excess), searched)
    masks = [each.mask(measured) for each in chosen]
    chances = holm([_chance(losses[measured], mask) for mask in masks])
    found = [
        _scored(each.column, each.label, mask, losses[measured], chance, lambda rows: score(measured[rows]))
        for each, mask, chance in zip(chosen, masks, chances, strict=True)
    ]
    confirmed = sorted((each for each in found if each.is_worse), key=lambda each: -each.ratio)
    return WeakestSlices(confirmed, looked_at, len(chosen), len(searched), len(measured))


def holm(chances: Sequence[float]) -> list[float]:
    """Adjust p-values for their number (Holm 1979); NaN stays, and does not count."""
    values = np.asarray(chances, dtype=float)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known])]
    adjusted = np.full(len(values), np.nan)
    steps = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(order) else []
    return [float(value) for value in adjusted]


@dataclass(frozen=True)
class _Candidate:
    """A slice: groups of one cut, or a group each of two."""

    parts: tuple[tuple[Cut, tuple[int, ...]], ...]
    excess: float
    """How many standard errors its mean loss lies above that of the other rows."""

    @property
    def column(self) -> str:
        return " and ".join(made.column for made, _ in self.parts)

    @property
    def label(self) -> str:
        return " and ".join(_span(made, groups) for made, groups in self.parts)

    def mask(self, rows: NDArray) -> NDArray:
        masks = [np.isin(made.groups[rows], groups) for made, groups in self.parts]
        return np.logical_and.reduce(masks)


def _candidates(cuts: Sequence[Cut], rows: NDArray, losses: NDArray) -> tuple[list[_Candidate], int]:
    """Slices whose loss lies above that of the others, and how many were large enough to be looked at."""
    looked_at = 0
    least = max(LEAST_ROWS, round(_LEAST_SHARE * len(rows)))
    found: list[_Candidate] = []
    alone: list[NDArray] = []
    for made in cuts:
        counts, sums, squares = _sums(made.groups[rows], len(made.labels), losses)
        alone.append(_excess(counts, sums, squares, losses, least))
        for groups in _runs(made):
            chosen = list(groups)
            rows_of, total, square = (values[chosen].sum(keepdims=True) for values in (counts, sums, squares))
            beyond = float(_excess(rows_of, total, square, losses, least)[0])
            looked_at += beyond > -np.inf
            if beyond > 0:
                found.append(_Candidate(((made, groups),), beyond))
    for (one, first), (other, second) in combinations(zip(cuts, alone, strict=True), 2):
        width = len(other.labels)
        both = one.groups[rows] * width + other.groups[rows]
        excess = _excess(*_sums(both, len(one.labels) * width, losses), losses, least)
        looked_at += int((excess > -np.inf).sum())
        needed = np.maximum(first[:, None], second[None, :]).ravel() + _GAIN
        for place in np.flatnonzero((excess > 0) & (excess > needed)):
            left, right = divmod(int(place), width)
            found.append(_Candidate(((one, (left,)), (other, (right,))), float(excess[place])))
    return found, looked_at


def _runs(made: Cut) -> list[tuple[int, ...]]:
    """Single groups; of quantiles also several beside each other, but not all."""
    count = len(made.labels)
    singles: list[tuple[int, ...]] = [(index,) for index in range(count)]
    if not made.is_ordered:
        return singles
    ordered = count - (made.labels[-1] == "missing")
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


def _excess(counts: NDArray, sums: NDArray, squares: NDArray, losses: NDArray, least: int) -> NDArray:
    """Welch's t of each group against all other rows; -inf of groups that are too small or too large."""
    fits = (counts >= least) & (len(losses) - counts >= least)
    inside, outside = np.where(fits, counts, 1.0), np.where(fits, len(losses) - counts, 1.0)
    rest, rest_squares = losses.sum() - sums, (losses**2).sum() - squares
    means = sums / inside, rest / outside
    spread = np.maximum(squares / inside - means[0] ** 2, 0) / inside
    spread = spread + np.maximum(rest_squares / outside - means[1] ** 2, 0) / outside
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.where(spread > 0, (means[0] - means[1]) / np.sqrt(spread), 0.0)
    return np.where(fits, excess, -np.inf)


def _unlike(candidates: Sequence[_Candidate], rows: NDArray) -> list[_Candidate]:
    """The worst few of which no two are mostly the same rows."""
    chosen: list[_Candidate] = []
    taken: list[NDArray] = []
    for each in candidates:
        mask = each.mask(rows)
        if all((mask & other).sum() <= 0.5 * min(mask.sum(), other.sum()) for other in taken):
            chosen.append(each)
            taken.append(mask)
        if len(chosen) == MOST_FOUND:
            break
    return chosen


def _span(made: Cut, groups: Sequence[int]) -> str:
    first, last = made.labels[groups[0]], made.labels[groups[-1]]
    return first if len(groups) == 1 else f"{first.split(' to ')[0]} to {last.split(' to ')[-1]}"


def _chance(losses: NDArray, mask: NDArray) -> float:
    """One-sided p-value of Welch's test; NaN where one side has too few rows or no spread."""
    inside, outside = losses[mask], losses[~mask]
    if min(len(inside), len(outside)) < LEAST_ROWS or not (inside.std() or outside.std()):
        return float("nan")
    return float(ttest_ind(inside, outside, equal_var=False, alternative="greater").pvalue)


def _scored(
    column: str, value: str, mask: NDArray, losses: NDArray, chance: float, score: Score
) -> SliceScore:
    positions, undefined = np.flatnonzero(mask), float("nan")
    told = score(positions) if len(positions) >= LEAST_ROWS else (undefined, undefined, undefined)
    ratio = float(losses[mask].mean() / losses.mean()) if len(positions) and losses.mean() else undefined
    return SliceScore(column, value, len(positions), *told, ratio=ratio, chance=chance)
