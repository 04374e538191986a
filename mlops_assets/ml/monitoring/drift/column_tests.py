"""Two-sample tests and effect sizes of histograms; both samples are random."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.comparison.drift import population_stability_index
from mlops_assets.ml.monitoring.drift.histograms import Bins, Counts, as_array

MOST_SHAPE_BINS = 10
"""Number of bins of the chi-square test of numbers; with more it finds only larger shifts."""
LEAST_EXPECTED = 20
"""Minimum expected number of rows of each sample in a bin of a chi-square test. Values have a bin if they are
frequent enough in the reference; near that limit, this choice alone would look like a change."""
_LARGEST = 1e100
_LOCATION, _FILLED = 0.8, 0.8
"""Shares of the error that the more powerful of two combined tests spends."""


@dataclass(frozen=True)
class Tested:
    """A test of the hypothesis that two samples have one distribution."""

    name: str
    p_value: float


@dataclass(frozen=True)
class Effect:
    """The size of a difference between two samples, without its sampling noise.

    Attributes
    ----------
    name
        `wasserstein`: distance in standard deviations of the reference. `root_psi`: square root of the
        population stability index. `missing`: the same, of the shares of missing and not finite values.
    square
        The square of the size; by chance below 0 for equal distributions, and 0 on average.
    """

    name: str
    square: float

    @property
    def size(self) -> float:
        """The size, which is not negative."""
        return math.sqrt(max(0.0, self.square))


def compare_distributions(bins: Bins, reference: Counts, current: Counts, *, scale: float = 1.0) -> Tested:
    """Test whether a column has the same distribution in both samples.

    Numbers are tested by normal scores, which find a shift with the power of a t-test for normal and with
    more for heavy-tailed values, and by a chi-square test over few bins, which finds all other changes.
    Categories are tested by a chi-square test. Bins with few rows are joined, and tested by an exact test
    if still few.

    Parameters
    ----------
    scale
        The factor of the counts of the reference that makes them those of independent rows.
    """
    before, after = _table(bins, reference, scale), _table(bins, current)
    if bins.is_category:
        return _homogeneity(before, after)
    ordered = slice(0, len(bins.edges) + 1)
    location = _normal_scores(before[ordered], after[ordered])
    grouped = _coarse(before[ordered] + after[ordered])
    shape = _homogeneity(
        *(np.append(np.bincount(grouped, side[ordered]), side[ordered.stop :]) for side in (before, after))
    )
    return _first([location, shape], _LOCATION)


def measure_effect(bins: Bins, reference: Counts, current: Counts, *, scale: float = 1.0) -> Effect:
    """The size of the difference of a column between the samples; parameters as of `compare_distributions`.

    A shift of two normal distributions by d standard deviations has the distance d and a population stability
    index of d², so both measures are on one scale.
    """
    before, after = _table(bins, reference, scale), _table(bins, current)
    if bins.is_category:
        return Effect("root_psi", _psi(before, after))
    finite = slice(0, len(bins.edges) + 1)
    missing = [np.append(side[finite].sum(), side[finite.stop :]) for side in (before, after)]
    gone = Effect("missing", _psi(*missing))
    square = _squared_distance(bins.edges, before[finite], after[finite])
    moved = (
        Effect("root_psi", _psi(before[finite], after[finite]))
        if square is None
        else Effect("wasserstein", square)
    )
    return gone if gone.size > moved.size else moved


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number by the method of Holm (1979), in the given order.

    The probability of one or more adjusted p-values below a level is at most the level, however the tests
    depend on one another.
    """
    found = np.asarray(p_values, dtype=float)
    order = np.argsort(found, kind="stable")
    adjusted = np.maximum.accumulate(found[order] * np.arange(len(found), 0, -1)).clip(max=1.0)
    result = np.empty(len(found))
    result[order] = adjusted
    return [float(each) for each in result]


def _table(bins: Bins, counts: Counts, scale: float = 1.0) -> NDArray:
    """Counts by bin, followed by those of missing and, of numbers, of not finite values."""
    aside = (counts.missing,) if bins.is_category else (counts.missing, counts.not_finite)
    return as_array((*counts.bins, *aside)) * scale


def _first(tests: Sequence[Tested], share: float) -> Tested:
    """The more significant of two tests, with the error divided between them (weighted Bonferroni)."""
    one, other = tests
    weighted = [Tested(one.name, one.p_value / share), Tested(other.name, other.p_value / (1 - share))]
    best = min(weighted, key=lambda test: test.p_value)
    return Tested(best.name, min(1.0, best.p_value))


def _normal_scores(before: NDArray, after: NDArray) -> Tested:
    """Van der Waerden's test: normal scores of mid-ranks, with their exact variance under permutation."""
    from scipy.special import ndtri

    pooled, n, m = before + after, after.sum(), before.sum()
    rows = n + m
    if min(n, m) < 1 or rows < 3:
        return Tested("normal_scores", 1.0)
    scores = np.zeros(len(pooled))
    filled = pooled > 0
    scores[filled] = ndtri(((pooled.cumsum() - pooled / 2) / rows)[filled])
    mean = (pooled @ scores) / rows
    variance = n * m / (rows * (rows - 1)) * (pooled @ (scores - mean) ** 2)
    if variance <= 0:
        return Tested("normal_scores", 1.0)
    statistic = (after @ scores - n * mean) / math.sqrt(variance)
    return Tested("normal_scores", math.erfc(abs(statistic) / math.sqrt(2)))  # two-sided


def _coarse(pooled: NDArray) -> NDArray:
    """The coarse bin of each bin, shape `(bins,)`: about equally many rows in each."""
    middle = (pooled.cumsum() - pooled / 2) / max(pooled.sum(), 1.0)
    return np.clip((middle * MOST_SHAPE_BINS).astype(int), 0, MOST_SHAPE_BINS - 1)


def _joined(before: NDArray, after: NDArray) -> tuple[NDArray, NDArray, bool]:
    """Counts with few expected rows joined into a last bin, and whether it has enough then."""
    pooled = before + after
    least = min(before.sum(), after.sum()) / max(pooled.sum(), 1e-300)
    filled = pooled * least >= LEAST_EXPECTED
    rest = pooled[~filled].sum()
    sides = [np.append(side[filled], side[~filled].sum()) for side in (before, after)]
    return sides[0], sides[1], bool(rest * least >= LEAST_EXPECTED)


def _homogeneity(before: NDArray, after: NDArray) -> Tested:
    """A chi-square test of two rows of counts, and an exact test of the rest of sparse bins."""
    from scipy.special import chdtrc

    before, after, enough = _joined(before, after)
    n, m = after.sum(), before.sum()
    if min(n, m) < 1:
        return Tested("chi_square", 1.0)
    used = slice(None) if enough else slice(-1)
    counts = np.array([before[used], after[used]])
    rows, columns = counts.sum(axis=1, keepdims=True), counts.sum(axis=0, keepdims=True)
    chi_square = Tested("chi_square", 1.0)
    if counts.shape[1] > 1 and rows.min() > 0:
        expected = rows * columns / counts.sum()
        statistic = float(((counts - expected) ** 2 / expected).sum())
        chi_square = Tested("chi_square", float(chdtrc(counts.shape[1] - 1, statistic)))
    if enough or not before[-1] + after[-1]:
        return chi_square
    return _first([chi_square, _binomial(before[-1], after[-1], n / (n + m))], _FILLED)


def _binomial(before: float, after: float, share: float) -> Tested:
    """A test of rare rows: given their number, those of the current sample are binomial with its share."""
    from scipy.special import bdtr, bdtrc

    total, found = math.ceil(before + after), math.floor(after)
    low = float(bdtr(found, total, share))
    high = float(bdtrc(found - 1, total, share)) if found else 1.0
    return Tested("binomial", min(1.0, 2 * min(low, high)))


def _psi(before: NDArray, after: NDArray) -> float:
    """The population stability index without its expectation for equal distributions."""
    n, m = after.sum(), before.sum()
    if min(n, m) < 1:
        return 0.0
    one, other, _ = _joined(before, after)
    if not one[-1] + other[-1]:
        one, other = one[:-1], other[:-1]
    if len(one) < 2:
        return 0.0
    index = population_stability_index(one.tolist(), other.tolist())
    return index - (len(one) - 1) * (1 / n + 1 / m)


def _squared_distance(edges: Sequence[float], before: NDArray, after: NDArray) -> float | None:
    """The squared Wasserstein distance of values, limited to the outer edges, in variances of the reference.

    It is reduced by its expectation for equal distributions. None if the reference has
    one value between the edges.
    """
    n, m = after.sum(), before.sum()
    if min(n, m) < 1 or len(edges) < 2:
        return None
    scale = max(1.0, max(map(abs, edges)) / _LARGEST)  # squares of larger values would overflow
    widths = np.diff(np.asarray(edges) / scale)
    weights = (np.append(widths, 0.0) + np.append(0.0, widths)) / 2
    one, other = (side.cumsum()[:-1] / side.sum() for side in (before, after))
    variance = weights @ _covariance(one) @ weights
    if not variance > 0:
        return None
    difference = np.abs(other - one)
    between = (difference[:-1] + difference[1:]) / 2
    distance = float(between @ widths)
    pooled = (before + after).cumsum()[:-1] / (n + m)
    noise = (1 / n + 1 / m) * (weights @ _absolute_products(_covariance(pooled)) @ weights)
    return (distance**2 - noise) / variance


def _covariance(shares: NDArray) -> NDArray:
    """The covariance of the cumulative shares of one row, of shape `(edges, edges)`."""
    return np.minimum.outer(shares, shares) * np.maximum(0.0, 1 - np.maximum.outer(shares, shares))


def _absolute_products(covariance: NDArray) -> NDArray:
    """The expectation of |X Y| for normal X and Y with a covariance."""
    deviations = np.sqrt(np.diag(covariance))
    products = np.outer(deviations, deviations)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.clip(np.where(products > 0, covariance / products, 0.0), -1.0, 1.0)
    shape = np.sqrt(1 - correlation**2) + correlation * np.arcsin(correlation)
    return 2 / math.pi * products * shape
