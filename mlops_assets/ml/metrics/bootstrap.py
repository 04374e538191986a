"""Confidence intervals of a metric by the bootstrap over clusters of rows, or over independent rows."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.metrics.clusters import cluster_codes, count_clusters, small_sample_factor
from mlops_assets.ml.metrics.metrics import Threshold, at_rows
from mlops_assets.ml.metrics.tasks import Measure, metric_range
from mlops_assets.ml.metrics.weighted_metrics import Weighted, weighted_metric

LEVEL = 0.95
RESAMPLES = 500
MOST_UNDEFINED = 0.1
"""An interval is undefined when the metric is undefined in more than this share of the resamples."""
MOST_ROWS = 50_000
"""Larger sets are subsampled, and the interval is scaled by the square root of the sampled share."""
LEAST_CLUSTERS = 1_000
"""A subsample has at least so many clusters, or all; then rows within clusters are sampled as well."""
_BLOCK = 2_000_000
"""Number of weights in memory at a time, 16 MB."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval in the reported unit; both ends are NaN when it is undefined."""

    low: float
    high: float

    @property
    def is_defined(self) -> bool:
        return not (math.isnan(self.low) or math.isnan(self.high))

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


UNDEFINED = Interval(math.nan, math.nan)


def bootstrap_interval(
    measure: Measure,
    truth: NDArray,
    predictions: NDArray,
    *,
    threshold: Threshold = None,
    clusters: NDArray | None = None,
    weights: NDArray | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Interval of a metric over resamples of the clusters (Davison and Hinkley 1997, section 3.8).

    The ends are percentiles, moved away from the metric by `small_sample_factor`, and at most at the end of
    the metric's range. From more than `MOST_ROWS` rows a random subset of the clusters is resampled, and the
    interval is scaled around the metric of all rows, as the standard error falls with the square root of the
    number of clusters (Bickel et al. 1997).

    Parameters
    ----------
    measure, truth, predictions, threshold, weights
        As in `compute_metrics`.
    clusters
        The cluster of each row, shape `(n,)`: rows of one cluster are correlated, such as those of one
        customer. By default rows are independent.
    level
        Coverage of the interval, between 0 and 1.

    Returns
    -------
    Interval
        Undefined with fewer than two clusters, or when the metric is undefined on the rows or in more than a
        tenth of the resamples: a class with two rows is missing from every seventh resample.
    """

    def metric_of(rows: NDArray) -> Weighted:
        own = None if weights is None else weights[rows]
        chosen = truth[rows], predictions[rows]
        return weighted_metric(measure, *chosen, threshold=at_rows(threshold, rows), weights=own)

    interval = _percentiles(metric_of, cluster_codes(clusters, len(truth)), level, resamples, seed)
    least, most = metric_range(measure.metric)
    return Interval(max(interval.low, least), min(interval.high, most)) if interval.is_defined else interval


def paired_difference_interval(
    measure: Measure,
    truth: NDArray,
    predictions: NDArray,
    others: NDArray,
    *,
    thresholds: tuple[Threshold, Threshold] = (None, None),
    clusters: NDArray | None = None,
    weights: NDArray | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Interval of the metric of `predictions` minus that of `others`, both on the same resamples.

    Errors of two models on the same rows are correlated, so this interval is narrower than two separate ones:
    a difference can be significant although the separate intervals overlap. Parameters as for
    `bootstrap_interval`; each of the two models has its own decision threshold.
    """

    def metric_of(rows: NDArray, values: NDArray, threshold: Threshold) -> Weighted:
        own = None if weights is None else weights[rows]
        chosen = truth[rows], values[rows]
        return weighted_metric(measure, *chosen, threshold=at_rows(threshold, rows), weights=own)

    def difference_of(rows: NDArray) -> Weighted:
        one, other = (
            metric_of(rows, values, threshold)
            for values, threshold in zip((predictions, others), thresholds, strict=True)
        )
        return lambda weights: one(weights) - other(weights)

    return _percentiles(difference_of, cluster_codes(clusters, len(truth)), level, resamples, seed)


def interval_of(
    metric_among: Callable[[NDArray], Weighted], rows: int, *, clusters: NDArray | None = None, seed: int = 0
) -> Interval:
    """The 95 % confidence interval of any function of weighted rows, as `bootstrap_interval` computes it.

    Parameters
    ----------
    metric_among
        A function from positions of rows to the metric as a function of the weights of these rows.
    rows
        Number of all rows.
    """
    return _percentiles(metric_among, cluster_codes(clusters, rows), LEVEL, RESAMPLES, seed)


def resampled_weights(random: np.random.Generator, resamples: int, codes: NDArray) -> NDArray:
    """Number of times that each row occurs in each resample of the clusters, shape `(resamples, n)`.

    Parameters
    ----------
    codes
        The cluster of each row, as `cluster_codes` returns it.
    """
    count = count_clusters(codes)
    return _of_rows(_counts(random, resamples, count), codes)


def _counts(random: np.random.Generator, resamples: int, count: int) -> NDArray:
    """Number of times that each cluster occurs in each resample, shape `(resamples, clusters)`."""
    drawn = random.integers(count, size=(resamples, count))
    places = drawn + count * np.arange(resamples)[:, None]
    return np.bincount(places.ravel(), minlength=resamples * count).reshape(resamples, count)


def _blocks(random: np.random.Generator, resamples: int, count: int, block: int) -> Iterator[NDArray]:
    """The counts in blocks of resamples."""
    for start in range(0, resamples, block):
        yield _counts(random, min(block, resamples - start), count)


@lru_cache(maxsize=1)  # intervals of several models on the same rows follow one another
def _blocks_of_seed(seed: int, resamples: int, count: int, block: int) -> tuple[NDArray, ...]:
    """The blocks of a seed, in as few bytes as they need."""
    blocks = _blocks(np.random.default_rng(seed), resamples, count, block)
    return tuple(counts.astype(np.min_scalar_type(counts.max())) for counts in blocks)


def _of_rows(counts: NDArray, codes: NDArray) -> NDArray:
    """The counts of the clusters as weights of the rows."""
    weights = counts.astype(float)
    return weights if counts.shape[1] == len(codes) else weights[:, codes]


def _percentiles(
    metric_among: Callable[[NDArray], Weighted], codes: NDArray, level: float, resamples: int, seed: int
) -> Interval:
    """Percentiles of a metric over resamples, corrected for the number of clusters.

    Parameters
    ----------
    metric_among
        A function from positions of rows to the metric as a function of the weights of these rows.
    codes
        The cluster of each row, as `cluster_codes` returns it.
    """
    if not 0 < level < 1 or resamples < 1:
        raise ValueError(f"level {level} must lie between 0 and 1, and resamples {resamples} be at least 1")
    random, all_rows, all_clusters = np.random.default_rng(seed), len(codes), count_clusters(codes)
    sample = _sampled_rows(random, codes)
    codes = cluster_codes(codes[sample], len(sample))
    rows, clusters, metric_of = len(sample), count_clusters(codes), metric_among(sample)
    if clusters < 2 or np.isnan(of_sample := float(metric_of(np.ones((1, rows)))[0])):
        return UNDEFINED
    block = max(1, _BLOCK // rows)
    size = (resamples, clusters, block)
    blocks: Iterable[NDArray] = _blocks(random, *size) if rows < all_rows else _blocks_of_seed(seed, *size)
    values = np.concatenate([metric_of(_of_rows(counts, codes)) for counts in blocks])
    if np.isnan(values).mean() > MOST_UNDEFINED:
        return UNDEFINED
    ends = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2]) - of_sample
    ends = ends * small_sample_factor(clusters, level) * math.sqrt(clusters / all_clusters)
    centre = of_sample
    if rows < all_rows:
        centre = float(metric_among(np.arange(all_rows))(np.ones((1, all_rows)))[0])
    return Interval(centre + float(ends[0]), centre + float(ends[1]))


def _sampled_rows(random: np.random.Generator, codes: NDArray) -> NDArray:
    """Sorted positions of all rows, or of at most `MOST_ROWS` rows of a random subset of the clusters."""
    rows, clusters = len(codes), count_clusters(codes)
    if rows <= MOST_ROWS:
        return np.arange(rows)
    wanted = max(clusters * MOST_ROWS // rows, min(LEAST_CLUSTERS, clusters))
    kept = np.flatnonzero(np.isin(codes, random.choice(clusters, wanted, replace=False)))
    return np.sort(random.choice(kept, MOST_ROWS, replace=False)) if len(kept) > MOST_ROWS else kept
