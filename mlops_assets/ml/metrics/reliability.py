"""Calibration of probabilities: predicted probability against observed frequency."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Z = 1.96


@dataclass(frozen=True)
class Reliability:
    """A reliability curve; arrays of shape `(groups,)`.

    Attributes
    ----------
    predicted
        Mean predicted probability.
    observed
        Observed frequency of the outcome.
    low, high
        95 % Wilson interval of `observed`.
    rows
        Number of rows of each group.
    weights
        Total weight of the rows of each group; None if rows count the same.
    """

    predicted: NDArray
    observed: NDArray
    low: NDArray
    high: NDArray
    rows: NDArray
    weights: NDArray | None = None

    @property
    def error(self) -> float:
        """Expected calibration error: the mean distance of `predicted` and `observed`, weighted by rows."""
        return float(np.average(np.abs(self.predicted - self.observed), weights=self._sizes))

    @property
    def bias(self) -> float:
        """Mean of `predicted` minus `observed`, weighted by rows; positive when overconfident."""
        return float(np.average(self.predicted - self.observed, weights=self._sizes))

    @property
    def _sizes(self) -> NDArray:
        return self.rows if self.weights is None else self.weights

    @property
    def is_inside(self) -> NDArray:
        """Whether `predicted` lies in the interval of `observed`, for each group."""
        return (self.low <= self.predicted) & (self.predicted <= self.high)


def reliability(
    outcome: NDArray, probability: NDArray, *, groups: int = 10, weights: NDArray | None = None
) -> Reliability:
    """The reliability curve over quantiles of the predicted probability.

    Parameters
    ----------
    outcome
        Whether the outcome occurred, shape `(n,)`, at least one row.
    probability
        Its predicted probability, shape `(n,)`.
    groups
        Number of quantiles.
    weights
        The weight of each row, shape `(n,)`; by default rows count the same. Intervals are those of Kish's
        effective number of rows.
    """
    masks = quantile_groups(probability, groups)
    predicted = np.array([probability[rows].mean() for rows in masks])
    observed = np.array([outcome[rows].mean() for rows in masks])
    size = np.array([rows.sum() for rows in masks])
    if weights is not None:
        return _weighted(outcome, probability, masks, size, weights)
    ends = [wilson(float(share), int(rows)) for share, rows in zip(observed, size, strict=True)]
    low, high = np.transpose(ends)
    return Reliability(predicted, observed, low, high, size)


def _weighted(
    outcome: NDArray, probability: NDArray, masks: list[NDArray], size: NDArray, weights: NDArray
) -> Reliability:
    parts = [weights[rows] for rows in masks]
    predicted, observed = (
        np.array([np.average(of[rows], weights=part) for rows, part in zip(masks, parts, strict=True)])
        for of in (probability, outcome)
    )
    ends = [wilson(float(share), effective_rows(part)) for share, part in zip(observed, parts, strict=True)]
    low, high = np.transpose(ends)
    return Reliability(predicted, observed, low, high, size, np.array([part.sum() for part in parts]))


def effective_rows(weights: NDArray) -> float:
    """The number of equally weighted rows whose mean would be as uncertain (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def wilson(share: float, rows: float) -> tuple[float, float]:
    """The 95 % interval of a share of `rows` independent rows (Wilson 1927); NaN without rows.

    `rows` may be an effective number, as of `clusters.effective_size`.
    """
    if not rows:
        return float("nan"), float("nan")
    middle = (share + _Z**2 / (2 * rows)) / (1 + _Z**2 / rows)
    half = _Z * (share * (1 - share) / rows + _Z**2 / (4 * rows**2)) ** 0.5 / (1 + _Z**2 / rows)
    return middle - half, middle + half


def quantile_groups(values: NDArray, count: int) -> list[NDArray]:
    """Masks of groups of similar size; equal values share a group, so there may be fewer groups."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)[1:-1]))
    group = np.searchsorted(edges, values, side="left")
    return [group == index for index in np.unique(group)]
