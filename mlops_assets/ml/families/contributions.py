"""Contributions of columns to a probability, from those to the score before the sigmoid or softmax."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

ContributionScale = Literal["prediction", "log-odds"]
"""What contributions add up to: the prediction, or for classes the score before the sigmoid or softmax."""

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_MIN_CHANGE = 1e-6


def probability_contributions(contributions: NDArray, base: NDArray) -> NDArray:
    """Contributions that add up to the difference of the probability from that of the base score.

    Each contribution to a score is multiplied by the mean slope of the probability on the straight line from
    the base to the score (the chain rule along this path, as in integrated gradients, Sundararajan et al.
    2017). For two classes the result is proportional to the contributions to the log-odds.

    Parameters
    ----------
    contributions
        Contributions to the score, shape `(n, columns)`, or `(n, classes, columns)` for several classes.
    base
        The score without contributions, shape `(n,)` or `(n, classes)`.

    Returns
    -------
    Shape of `contributions`.
    """
    if contributions.ndim == 2:
        change = contributions.sum(axis=1)
        middle = expit(base + change / 2)
        slope = np.divide(
            expit(base + change) - expit(base),
            change,
            out=middle * (1 - middle),
            where=np.abs(change) > _MIN_CHANGE,
        )
        return np.asarray(contributions * slope[:, None])
    change = contributions.sum(axis=2)
    result = np.zeros_like(contributions)
    for point, weight in zip((1 + _POINTS) / 2, _WEIGHTS / 2, strict=True):
        shares = softmax(base + point * change, axis=1)[:, :, None]
        result += weight * shares * (contributions - (shares * contributions).sum(axis=1, keepdims=True))
    return result
