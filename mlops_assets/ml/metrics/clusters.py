"""Clusters of correlated rows: their codes, and standard errors and tests that allow for them."""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

FEW_CLUSTERS = 10
"""With fewer clusters, intervals and tests are unreliable, and results say so."""


def cluster_codes(clusters: NDArray | None, rows: int) -> NDArray:
    """The cluster of each row as an index from 0, shape `(rows,)`.

    Parameters
    ----------
    clusters
        A label of the cluster of each row, of any type; None if rows are independent.

    Returns
    -------
    The positions of the rows if each row is a cluster of its own.
    """
    if clusters is None:
        return np.arange(rows)
    labels, codes = np.unique(clusters, return_inverse=True)
    return np.arange(rows) if len(labels) == rows else codes


def count_clusters(codes: NDArray) -> int:
    """The number of clusters of `cluster_codes`."""
    return int(codes.max(initial=-1)) + 1


def small_sample_factor(clusters: int, level: float) -> float:
    """How much wider an interval of few clusters is than its bootstrap percentiles (Hesterberg 2015).

    The percentiles use the normal distribution and a variance with the divisor n, in place of Student's t and
    n - 1. The factor is 1.42 for 5 clusters, 1.05 for 40 and close to 1 for many rows.
    """
    upper = (1 + level) / 2
    quantile = float(student_t.ppf(upper, clusters - 1)) / NormalDist().inv_cdf(upper)
    return math.sqrt(clusters / (clusters - 1)) * quantile


def standard_error(values: NDArray, codes: NDArray, weights: NDArray | None = None) -> float:
    """The standard error of the weighted mean of the values, robust to correlation within clusters.

    NaN for a single cluster. With each row as its own cluster it is the usual standard error.
    """
    if weights is None:
        return _error_of_sum((values - values.mean()) / len(values), codes)
    mean = np.average(values, weights=weights)
    return _error_of_sum((values - mean) * weights / weights.sum(), codes)


def mean_half_width(values: NDArray, codes: NDArray, level: float, weights: NDArray | None = None) -> float:
    """Half the width of the confidence interval of a mean by Student's t; NaN for a single cluster."""
    freedom = len(np.unique(codes)) - 1
    if freedom < 1:
        return math.nan
    return float(student_t.ppf((1 + level) / 2, freedom)) * standard_error(values, codes, weights)


def effective_size(hits: NDArray, codes: NDArray, weights: NDArray | None = None) -> float:
    """The number of independent rows whose share of hits would be as uncertain as that of these clusters.

    Reduced for few clusters (Korn and Graubard 1998), as if the interval were by Student's t. At most the
    number of rows; the number of clusters where all or no rows are hits, because no variance is observed.

    Parameters
    ----------
    weights
        The weight of each row, shape `(n,)`; by default rows count the same. The share is then weighted, and
        without a variance the number of clusters is reduced as by Kish (1965).
    """
    present = len(np.unique(codes))
    if weights is None and present == len(hits):
        return float(len(hits))
    error = standard_error(hits.astype(float), codes, weights)
    share = float(np.average(hits, weights=weights)) if len(hits) else float("nan")
    if not error > 0:
        kish = 1.0 if weights is None else float(weights.sum() ** 2 / (weights**2).sum()) / len(weights)
        return present * kish
    factor = small_sample_factor(present, 0.95) / math.sqrt(present / (present - 1))
    return min(share * (1 - share) / error**2 / factor**2, float(len(hits)))


def difference_p_value(
    values: NDArray, mask: NDArray, codes: NDArray, weights: NDArray | None = None
) -> float:
    """One-sided p-value for a larger mean of the rows in the mask than of the other rows.

    Residuals are summed by cluster, so a cluster may have rows on both sides (Liang and Zeger 1986). The
    degrees of freedom are those of the side with fewer clusters.

    Parameters
    ----------
    values
        Shape `(n,)`.
    mask
        Boolean, shape `(n,)`.
    codes
        The cluster of each row as `cluster_codes` returns it.
    weights
        The weight of each row, shape `(n,)`, for weighted means; by default rows count the same.

    Returns
    -------
    NaN if a side has fewer than two clusters, or no cluster varies.
    """
    weights = np.ones(len(values)) if weights is None else weights
    inside, outside = (np.average(values[side], weights=weights[side]) for side in (mask, ~mask))
    freedom = min(len(np.unique(codes[mask])), len(np.unique(codes[~mask]))) - 1
    if freedom < 1:
        return math.nan
    influence = np.where(
        mask,
        (values - inside) * weights / weights[mask].sum(),
        -(values - outside) * weights / weights[~mask].sum(),
    )
    error = _error_of_sum(influence, codes)
    if not error > 0:
        return math.nan
    return float(student_t.sf((inside - outside) / error, freedom))


def _error_of_sum(influence: NDArray, codes: NDArray) -> float:
    present, codes = np.unique(codes, return_inverse=True)
    count = len(present)
    if count < 2:
        return math.nan
    return math.sqrt(count / (count - 1) * float((np.bincount(codes, influence) ** 2).sum()))
