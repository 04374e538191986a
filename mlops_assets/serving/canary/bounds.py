"""Confidence bounds of rates, quantiles and distances of distributions, valid for any sample size."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


class Bounds(NamedTuple):
    """A confidence interval."""

    low: float
    high: float


def rate_bounds(events: int, count: int, alpha: float) -> Bounds:
    """The interval of Clopper and Pearson for a probability, with an error of `alpha` over both sides."""
    from scipy.special import betaincinv

    if count == 0:
        return Bounds(0.0, 1.0)
    low = 0.0 if events == 0 else float(betaincinv(events, count - events + 1, alpha / 2))
    high = 1.0 if events == count else float(betaincinv(events + 1, count - events, 1 - alpha / 2))
    return Bounds(low, high)


def quantile_bounds(values: Values, level: float, alpha: float) -> Bounds:
    """An interval of a quantile between two order statistics; unbounded where there are too few values."""
    from scipy.stats import binom

    ordered, count = np.sort(values), len(values)
    lower = int(binom.ppf(alpha / 2, count, level)) if count else 0
    upper = int(binom.ppf(1 - alpha / 2, count, level)) + 1 if count else 1
    low = float(ordered[lower - 1]) if lower >= 1 else -math.inf
    return Bounds(low, float(ordered[upper - 1]) if upper <= count else math.inf)


def distance(first: Values, second: Values) -> float:
    """The Kolmogorov-Smirnov statistic: the largest difference of the two distribution functions."""
    if not len(first) or not len(second):
        return 0.0
    points = np.concatenate([first, second])
    shares = [np.searchsorted(np.sort(one), points, side="right") / len(one) for one in (first, second)]
    return float(np.abs(shares[0] - shares[1]).max())


def distance_low(first: Values, second: Values, alpha: float) -> float:
    """A lower bound of the distance of populations, by the inequality of Dvoretzky, Kiefer and Wolfowitz."""
    if not len(first) or not len(second):
        return 0.0
    # Each of the two samples deviates by more than its margin with a probability of alpha / 2 at most.
    margins = [math.sqrt(math.log(4 / alpha) / (2 * len(one))) for one in (first, second)]
    return max(0.0, distance(first, second) - sum(margins))


def load_distributions() -> None:
    """Import what the bounds need, which takes a second, before the first of them is urgent."""
    rate_bounds(1, 2, 0.5)
    quantile_bounds(np.ones(1), 0.5, 0.5)
