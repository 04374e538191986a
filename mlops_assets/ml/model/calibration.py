"""Calibration: probabilities that mean what they say."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, softmax

TINY = 1e-6


@dataclass(frozen=True)
class Calibration:
    """A map from probabilities to probabilities.

    Attributes
    ----------
    method
        `sigmoid` (Platt: a logistic regression on the log odds) and `isotonic` (a rising staircase) for two
        classes, `temperature` (all log probabilities times one factor) for more.
    x, y
        `isotonic`: the corners, between which lines are drawn. `sigmoid`: `x` is the slope, `y` the
        intercept. `temperature`: `x` is the factor.
    """

    method: Literal["sigmoid", "isotonic", "temperature"]
    x: tuple[float, ...]
    y: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", tuple(self.x))  # JSON brings lists
        object.__setattr__(self, "y", tuple(self.y))

    def apply(self, predictions: NDArray) -> NDArray:
        """Calibrated probabilities, of the shape of the predictions."""
        if self.method == "sigmoid":
            return np.asarray(expit(self.x[0] * log_odds(predictions) + self.y[0]))
        if self.method == "isotonic":
            return np.interp(predictions, self.x, self.y)
        return np.asarray(softmax(self.x[0] * np.log(np.clip(predictions, TINY, 1)), axis=1))


def log_odds(predictions: NDArray) -> NDArray:
    """Log odds, finite for 0 and 1."""
    return np.asarray(logit(np.clip(predictions, TINY, 1 - TINY)))
