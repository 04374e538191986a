"""Confidence intervals of a metric by the bootstrap over rows."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.ml.metrics.weighted_metrics import Weighted, weighted_metric

LEVEL = 0.95
RESAMPLES = 500
MOST_UNDEFINED = 0.1
"""An interval is undefined when the metric is undefined in more than this share of the resamples."""
MOST_ROWS = 50_000
"""Larger sets are subsampled, and the interval is scaled by the square root of the sampled share."""
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
    task: Task,
    metric: str,
    truth: NDArray,
    predictions: NDArray,
    *,
    classes: int = 2,
    unit_size: float = 1.0,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Percentile interval of a metric over resamples of the rows (Efron and Tibshirani 1993).

    From more than `MOST_ROWS` rows a random subset is resampled, and the interval is scaled around the metric
    of all rows, as the standard error falls with the square root of the rows (Bickel et al. 1997).

    Rows are assumed to be independent: for correlated rows, such as several of one customer, the interval is
    too narrow.

    Parameters
    ----------
    truth, predictions, classes, unit_size
        As in `compute_metrics`.
    level
        Coverage of the interval, between 0 and 1.

    Returns
    -------
    Interval
        Undefined with fewer than two rows, or when the metric is undefined on the rows or in more than a
        tenth of the resamples: a class with two rows is missing from every seventh resample.
    """

    def metric_of(rows: NDArray) -> Weighted:
        chosen = truth[rows], predictions[rows]
        return weighted_metric(task, metric, *chosen, classes=classes, unit_size=unit_size)

    return _percentiles(metric_of, len(truth), level, resamples, seed)


def paired_difference_interval(
    task: Task,
    metric: str,
    truth: NDArray,
    predictions: NDArray,
    others: NDArray,
    *,
    classes: int = 2,
    unit_size: float = 1.0,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Interval of the metric of `predictions` minus that of `others`, both on the same resamples.

    Errors of two models on the same rows are correlated, so this interval is narrower than two separate ones:
    a difference can be significant although the separate intervals overlap. Parameters as for
    `bootstrap_interval`.
    """

    def difference_of(rows: NDArray) -> Weighted:
        one, other = (
            weighted_metric(task, metric, truth[rows], values[rows], classes=classes, unit_size=unit_size)
            for values in (predictions, others)
        )
        return lambda weights: one(weights) - other(weights)

    return _percentiles(difference_of, len(truth), level, resamples, seed)


def _percentiles(
    metric_among: Callable[[NDArray], Weighted], all_rows: int, level: float, resamples: int, seed: int
) -> Interval:
    """Percentiles of a metric over resamples.

    Parameters
    ----------
    metric_among
        A function from positions of rows to the metric as a function of the weights of these rows.
    """
    if not 0 < level < 1 or resamples < 1:
        raise ValueError(f"level {level} must lie between 0 and 1, and resamples {resamples} be at least 1")
    random, rows = np.random.default_rng(seed), min(all_rows, MOST_ROWS)
    among = np.arange(all_rows)
    sample = among if rows == all_rows else np.sort(random.choice(all_rows, rows, replace=False))
    metric_of = metric_among(sample)
    if rows < 2 or np.isnan(of_sample := float(metric_of(np.ones((1, rows)))[0])):
        return UNDEFINED
    block = max(1, _BLOCK // rows)
    sizes = [min(block, resamples - start) for start in range(0, resamples, block)]
    values = np.concatenate([metric_of(_weights(random, size, rows)) for size in sizes])
    if np.isnan(values).mean() > MOST_UNDEFINED:
        return UNDEFINED
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    if rows == all_rows:
        return Interval(float(low), float(high))
    of_all, scale = float(metric_among(among)(np.ones((1, all_rows)))[0]), math.sqrt(rows / all_rows)
    return Interval(of_all + float(low - of_sample) * scale, of_all + float(high - of_sample) * scale)


def _weights(random: np.random.Generator, resamples: int, rows: int) -> NDArray:
    """Number of times that each row occurs in each resample, shape `(resamples, rows)`."""
    drawn = random.integers(rows, size=(resamples, rows))
    places = drawn + rows * np.arange(resamples)[:, None]
    return np.bincount(places.ravel(), minlength=resamples * rows).reshape(resamples, rows).astype(float)
