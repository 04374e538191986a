"""The share of rows at or below the prediction of a quantile, which should be the quantile."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.metrics.clusters import cluster_codes, effective_size
from mlops_assets.ml.metrics.reliability import wilson


@dataclass(frozen=True)
class QuantileShare:
    """The share of rows whose target is at most its prediction.

    Attributes
    ----------
    quantile
        The declared quantile.
    low, high
        95 % confidence interval of the share.
    message
        The share in words.
    """

    quantile: float
    share: float
    low: float
    high: float
    message: str

    @property
    def is_met(self) -> bool:
        """Whether the quantile lies in the confidence interval of the share."""
        return self.low <= self.quantile <= self.high


def share_at_or_below(
    quantile: float,
    truth: NDArray,
    predictions: NDArray,
    *,
    clusters: NDArray | None = None,
    weights: NDArray | None = None,
) -> QuantileShare:
    """The share of rows whose target is at most its prediction, with its confidence interval.

    Parameters
    ----------
    clusters
        The cluster of each row, shape `(n,)`; by default rows are independent.
    weights
        The weight of each row, shape `(n,)`; by default rows count the same.
    """
    below = truth <= predictions
    share = float(np.average(below, weights=weights))
    size = effective_size(below.astype(float), cluster_codes(clusters, len(truth)), weights)
    low, high = wilson(share, size)
    message = (
        f"{100 * share:.1f} % of the rows are at or below the prediction (95 % CI {100 * low:.1f} to "
        f"{100 * high:.1f} %; declared quantile {quantile:.4g})"
    )
    return QuantileShare(quantile, share, low, high, message)
