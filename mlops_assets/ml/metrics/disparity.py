"""The disparity between groups: the largest difference of the rates with which a class is predicted."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.metrics.bootstrap import Interval, interval_of
from mlops_assets.ml.metrics.weighted_metrics import Weighted

Constraint = Literal["demographic_parity", "equalized_odds"]
MEASURES: dict[Constraint, str] = {
    "demographic_parity": "demographic parity difference",
    "equalized_odds": "equalized odds difference",
}
"""Names of the limited measures, as fairlearn calls them."""


def disparity(constraint: Constraint, truth: NDArray, chosen: NDArray, groups: NDArray) -> float:
    """The disparity of predicted classes.

    Parameters
    ----------
    constraint
        `demographic_parity`: the largest difference of the shares that are predicted positive.
        `equalized_odds`: the larger one of the largest differences of true and of false positive rates.
    truth, chosen
        The true and the predicted class of each row, zeros and ones, shape `(n,)`.
    groups
        The group of each row as an index, shape `(n,)`; negative for rows that are not compared.

    Returns
    -------
    Between 0 and 1; NaN with fewer than two groups, or if a group lacks the rows of a rate.
    """
    found = weighted_disparity(constraint, truth, chosen, groups)
    return float(found(np.ones((1, len(truth))))[0])


def disparity_interval(
    constraint: Constraint,
    truth: NDArray,
    chosen: NDArray,
    groups: NDArray,
    *,
    clusters: NDArray | None = None,
    seed: int = 0,
) -> Interval:
    """The 95 % confidence interval of `disparity` over resamples of the clusters, within 0 and 1."""

    def disparity_of(rows: NDArray) -> Weighted:
        return weighted_disparity(constraint, truth[rows], chosen[rows], groups[rows])

    found = interval_of(disparity_of, len(truth), clusters=clusters, seed=seed)
    return Interval(max(found.low, 0.0), min(found.high, 1.0)) if found.is_defined else found


def weighted_disparity(constraint: Constraint, truth: NDArray, chosen: NDArray, groups: NDArray) -> Weighted:
    """The disparity as a function of the weights of the rows."""
    members = (groups[:, None] == np.unique(groups[groups >= 0])).astype(float)
    among = [np.ones(len(truth))] if constraint == "demographic_parity" else [truth == 1, truth == 0]
    bases = [members * rows.astype(float)[:, None] for rows in among]
    parts = [base * (chosen == 1).astype(float)[:, None] for base in bases]

    def weighted(weights: NDArray) -> NDArray:
        if members.shape[1] < 2:
            return np.full(len(weights), np.nan)
        gaps = []
        for base, part in zip(bases, parts, strict=True):
            rows = weights @ base
            rates = np.divide(weights @ part, rows, out=np.full(rows.shape, np.nan), where=rows > 0)
            gaps.append(rates.max(axis=1) - rates.min(axis=1))
        return np.asarray(np.max(gaps, axis=0))

    return weighted
