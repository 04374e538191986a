"""Whether what was predicted comes true as often as said."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Z = 1.96


@dataclass(frozen=True)
class Reliability:
    """A reliability curve; arrays of shape `(groups,)`.

    Attributes
    ----------
    said, came
        Mean probability, and share that came true.
    low, high
        The 95 % Wilson interval of `came`.
    rows
        Rows of each group.
    """

    said: NDArray
    came: NDArray
    low: NDArray
    high: NDArray
    rows: NDArray

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance between said and came, over the rows."""
        return float(np.average(np.abs(self.said - self.came), weights=self.rows))

    @property
    def bias(self) -> float:
        """How much more was said than came, on average."""
        return float(np.average(self.said - self.came, weights=self.rows))

    @property
    def is_inside(self) -> NDArray:
        """For each group, whether what was said lies in the interval of what came."""
        return (self.low <= self.said) & (self.said <= self.high)


def reliability(outcome: NDArray, probability: NDArray, *, groups: int = 10) -> Reliability:
    """Group rows by what was predicted, into quantiles.

    Parameters
    ----------
    outcome, probability
        Shape `(n,)`, at least one row: whether it came true, and how likely that was said to be.
    """
    masks = quantile_groups(probability, groups)
    said = np.array([probability[rows].mean() for rows in masks])
    came = np.array([outcome[rows].mean() for rows in masks])
    size = np.array([rows.sum() for rows in masks])
    ends = [wilson(float(share), int(rows)) for share, rows in zip(came, size, strict=True)]
    low, high = np.transpose(ends)
    return Reliability(said, came, low, high, size)


def wilson(share: float, rows: int) -> tuple[float, float]:
    """The 95 % interval of a share of so many rows (Wilson 1927); NaNs where there is none."""
    if not rows:
        return float("nan"), float("nan")
    middle = (share + _Z**2 / (2 * rows)) / (1 + _Z**2 / rows)
    half = _Z * (share * (1 - share) / rows + _Z**2 / (4 * rows**2)) ** 0.5 / (1 + _Z**2 / rows)
    return middle - half, middle + half


def quantile_groups(values: NDArray, count: int) -> list[NDArray]:
    """Masks of groups of about the same size; equal values are never parted, so there may be fewer."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)[1:-1]))
    group = np.searchsorted(edges, values, side="left")
    return [group == index for index in np.unique(group)]
