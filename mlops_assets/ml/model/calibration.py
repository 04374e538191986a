"""Probability calibration of a classifier."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, softmax

TINY = 1e-6


@dataclass(frozen=True)
class Calibration:
    """A fitted map from predicted to calibrated probabilities.

    Attributes
    ----------
    method
        For two classes `sigmoid` (Platt scaling: a logistic regression on the log odds) or `isotonic`
        (isotonic regression); for more classes `temperature` (temperature scaling, Guo et al. 2017).
    x, y
        `isotonic`: the knots of a piecewise linear function. `sigmoid`: `x` is the slope, `y` the intercept.
        `temperature`: `x` is the factor of the log probabilities, `y` what is added for each class, if
        anything.
    """

    method: Literal["sigmoid", "isotonic", "temperature"]
    x: tuple[float, ...]
    y: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", tuple(self.x))  # lists when read from JSON
        object.__setattr__(self, "y", tuple(self.y))

    def apply(self, predictions: NDArray) -> NDArray:
        """Calibrated probabilities, of the same shape as the predictions."""
        if self.method == "sigmoid":
            return np.asarray(expit(self.x[0] * log_odds(predictions) + self.y[0]))
        if self.method == "isotonic":
            return np.interp(predictions, self.x, self.y)
        scores = self.x[0] * np.log(np.clip(predictions, TINY, 1))
        return np.asarray(softmax(scores + self.y if self.y else scores, axis=1))


def log_odds(predictions: NDArray) -> NDArray:
    """Log odds, clipped so that 0 and 1 give finite values."""
    return np.asarray(logit(np.clip(predictions, TINY, 1 - TINY)))
