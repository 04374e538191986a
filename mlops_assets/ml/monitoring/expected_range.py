"""The range in which a figure of a partition is expected, from the same figure of earlier partitions.

The figure is extrapolated from a level, a trend or a season, whichever the past supports, with the prediction
interval of that regression. Single partitions that were out of line are no part of the past. A new level that
has held for some partitions is the level from then on, so that no change alarms forever.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

NEW_LEVEL = 3
"""Number of successive partitions on one side of all earlier ones after which theirs is the level."""
MINIMUM = 5
"""Number of earlier partitions that a range is expected from: that of fewer would hold nearly anything."""
_TREND_FROM, _SEASON_TIMES = 8, 2
_TREND_P, _SEASON_P = 0.05, 0.001
_WALK_RATIO = 0.6
_NORMAL = 1.4826  # of the median absolute deviation to the standard deviation
_OUTLIER, _LEVEL_DEVIATIONS = 6.0, 5.0


@dataclass(frozen=True)
class Past:
    """A figure of earlier partitions.

    Attributes
    ----------
    positions
        The place of each partition among all periods, ascending; a gap is a period without the figure.
    values
        The figure on a scale on which its noise is about the same everywhere.
    variances
        The sampling variance of each value: of the rows at hand, if the partitions were alike.
    """

    positions: Sequence[int]
    values: Sequence[float]
    variances: Sequence[float]


@dataclass(frozen=True)
class Range:
    """The expected value, and the range that holds the value with the wanted probability."""

    expected: float
    low: float
    high: float


def expected_range(past: Past, position: int, variance: float, *, alpha: float, season: int) -> Range | None:
    """The range of a figure at a position after the past; None with too short a past.

    Parameters
    ----------
    variance
        The sampling variance of the new value. A partition with fewer rows has a wider range.
    alpha
        The probability of a value out of the range if nothing has changed.
    season
        The number of periods of a season, such as 12 months.

    References
    ----------
    R. J. Hyndman, G. Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 7.6 (the
    prediction interval of a regression on trend and seasonal dummies).
    F. E. Satterthwaite, An approximate distribution of estimates of variance components, Biometrics
    Bulletin 2, 1946 (the degrees of freedom of a variance of which a part is estimated).
    F. R. Hampel, The influence curve and its role in robust estimation, JASA 69, 1974 (deviations from the
    median in units of the median absolute deviation).
    """
    from scipy import stats

    values = np.asarray(past.values, float)
    if len(values) < MINIMUM:
        return None
    where = np.asarray(past.positions, int)
    sampling = float(np.mean(past.variances))
    values = _at_present_level(values, sampling)
    design = _Design.chosen(where, values, season)
    kept = _without_outliers(design.residuals(where, values), sampling)
    where, values = where[kept], values[kept]
    design = _Design.chosen(where, values, season)
    expected, leverage, residual, degrees = design.extrapolated(where, values, position)
    steps = np.diff(values)
    walk = float(np.mean(steps**2)) if len(steps) >= _TREND_FROM else math.inf
    wanders = residual > sampling and walk < _WALK_RATIO * residual
    if wanders and not design.season and where[-1] == max(past.positions):
        # The level wanders: the last value is the best guess of the next one.
        expected, leverage, residual, degrees = float(values[-1]), 0.0, walk, len(steps)
    between = max(residual - sampling, 0.0)
    total = between + variance + leverage * max(residual, sampling)
    estimated = residual * (1 + leverage)  # the rest of the variance, that of sampling, is known
    freedom = degrees * max(total / estimated, 1.0) ** 2 if estimated else math.inf
    reach = float(stats.t.isf(alpha / 2, freedom)) * math.sqrt(total)
    return Range(expected, expected - reach, expected + reach)


@dataclass(frozen=True)
class _Design:
    """A regression on the position: a level, and a trend or the place within a season."""

    trend: bool
    season: int

    @classmethod
    def chosen(cls, where: "Values", values: "Values", season: int) -> "_Design":
        """The simplest design that the values support."""
        flat = cls(trend=False, season=0)
        if len(values) < _TREND_FROM:
            return flat
        line = cls(trend=True, season=0)
        if season > 1 and len(np.unique(where % season)) == season and len(values) >= _SEASON_TIMES * season:
            seasonal = cls(trend=True, season=season)
            if line.improved_by(seasonal, where, values) < _SEASON_P:
                return seasonal
        return line if flat.improved_by(line, where, values) < _TREND_P else flat

    def columns(self, where: "Values") -> "Values":
        """The columns of the regression, `(partitions, parameters)`."""
        found = (
            [where % self.season == place for place in range(self.season)]
            if self.season
            else [np.ones(len(where))]
        )
        return np.column_stack([*found, *([where] if self.trend else [])]).astype(float)

    def residuals(self, where: "Values", values: "Values") -> "Values":
        """The deviations from the regression; without a season, from the robust line of Theil and Sen."""
        from scipy import stats

        if self.season:
            columns = self.columns(where)
            found: Values = values - columns @ np.linalg.lstsq(columns, values)[0]
            return found
        slope = stats.theilslopes(values, where).slope if self.trend else 0.0
        rest = values - slope * where
        return rest - np.median(rest)

    def improved_by(self, richer: "_Design", where: "Values", values: "Values") -> float:
        """The p-value of the F-test of this design against a richer one."""
        from scipy import stats

        mine, theirs = self.columns(where), richer.columns(where)
        rest, less = _squares(mine, values), _squares(theirs, values)
        freedom, added = len(values) - theirs.shape[1], theirs.shape[1] - mine.shape[1]
        if rest <= 1e-12 * float(values @ values) or freedom < 1:  # nothing to explain
            return 1.0
        if less <= 1e-12 * rest:
            return 0.0
        return float(stats.f.sf((rest - less) / added / (less / freedom), added, freedom))

    def extrapolated(
        self, where: "Values", values: "Values", position: int
    ) -> tuple[float, float, float, int]:
        """The expected value, its leverage, the residual variance and its degrees of freedom."""
        columns = self.columns(where)
        new = self.columns(np.asarray([position]))[0]
        fitted = np.linalg.lstsq(columns, values)[0]
        freedom = max(len(values) - columns.shape[1], 1)
        leverage = float(new @ np.linalg.pinv(columns.T @ columns) @ new)
        return float(new @ fitted), leverage, _squares(columns, values) / freedom, freedom


def _squares(columns: "Values", values: "Values") -> float:
    rest = values - columns @ np.linalg.lstsq(columns, values)[0]
    return float(rest @ rest)


def _deviation(values: "Values", sampling: float) -> float:
    """A robust standard deviation, at least that of sampling."""
    spread = float(np.median(np.abs(values - np.median(values))))
    return max(_NORMAL * spread, math.sqrt(sampling))


def _without_outliers(residuals: "Values", sampling: float) -> "NDArray[np.bool_]":
    """Which values are kept: all but a few that are far off."""
    far = np.abs(residuals) / max(_deviation(residuals, sampling), 1e-300)
    limit = max(_OUTLIER, float(np.quantile(far, 0.75, method="lower")))
    kept: NDArray[np.bool_] = far <= limit
    return kept


def _at_present_level(values: "Values", sampling: float) -> "Values":
    """The values with those before a lasting change of the level shifted to the new level."""
    for after in range(len(values) - NEW_LEVEL, NEW_LEVEL - 1, -1):
        before, new = values[:-after], values[-after:]
        if len(before) < MINIMUM:
            continue
        beyond = (new - np.median(before)) / max(_deviation(before, sampling), 1e-300)
        if np.all(beyond > _LEVEL_DEVIATIONS) or np.all(beyond < -_LEVEL_DEVIATIONS):
            return np.concatenate([before + float(np.median(new) - np.median(before)), new])
    return values
