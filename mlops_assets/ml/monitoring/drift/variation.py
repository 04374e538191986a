"""The usual variation of columns between the periods of the training rows."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median

from mlops_assets.ml.monitoring.drift.column_tests import measure_effect
from mlops_assets.ml.monitoring.drift.histograms import Bins, Counts, Variation

LEAST_PERIODS = 3
"""With fewer periods the variation is not known."""
_MEDIAN_SQUARE = 0.4549
"""The median of the square of a standard normal variable."""


def usual_variation(
    bins: Mapping[str, Bins], periods: Sequence[Mapping[str, Counts]]
) -> dict[str, Variation]:
    """How much each column varies between periods: seasons, trends and all else that is no news.

    Each period is compared with all others together, and with the one before, as a new period will be. The
    standard deviation is estimated by the median, so that few unusual periods do not hide later ones.

    Parameters
    ----------
    periods
        The counts of each period, in order of time.

    Returns
    -------
    The variation by column; empty if there are fewer than `LEAST_PERIODS` periods with rows.
    """
    if len(periods) < LEAST_PERIODS:
        return {}
    found = {}
    for name, each in bins.items():
        counts = [period[name] for period in periods]
        total = sum(counts[1:], counts[0])
        others = [(total - one, one) for one in counts]
        found[name] = Variation(_deviation(each, others), _deviation(each, list(pairwise(counts))))
    return found


def deviation_of(squares: Sequence[float]) -> float:
    """The standard deviation of effects by the median of their squares."""
    return math.sqrt(max(0.0, median(squares)) / _MEDIAN_SQUARE) if squares else 0.0


def _deviation(bins: Bins, pairs: Sequence[tuple[Counts, Counts]]) -> float:
    return deviation_of([measure_effect(bins, before, after).square for before, after in pairs])
