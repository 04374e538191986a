"""How a feature moves the prediction, whatever the other features are."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ROWS = 500
POINTS = 21
MOST_VALUES = 10
_RANGE = (0.02, 0.98)


@dataclass(frozen=True)
class Dependence:
    """The mean prediction along one feature.

    Attributes
    ----------
    values
        Numbers in order, or texts, the most frequent first.
    means
        The mean prediction at each value, in the reported unit or as a probability.
    low, high
        What a tenth, and nine tenths, of the rows stay below: how differently rows react.
    """

    feature: str
    values: list[float] | list[str]
    means: list[float]
    low: list[float]
    high: list[float]
    rows: int

    @property
    def is_numeric(self) -> bool:
        return not self.values or not isinstance(self.values[0], str)

    @property
    def reach(self) -> float:
        """From the least to the largest mean."""
        return max(self.means) - min(self.means)


def dependence(
    amounts: Callable[[pd.DataFrame], NDArray], features: pd.DataFrame, name: str, *, seed: int
) -> Dependence | None:
    """The partial dependence on one feature (Friedman 2001).

    Numbers are set to quantiles between the second and the ninety-eighth percent. Rows are set to values that
    they may never have, so where features go together the ends say little.

    Parameters
    ----------
    amounts
        From a frame of features to one number for each row.

    Returns
    -------
    None when the feature has fewer than two values.
    """
    sample = features.sample(min(ROWS, len(features)), random_state=seed).reset_index(drop=True)
    column = features[name].dropna()
    values: list[float] | list[str]
    if pd.api.types.is_numeric_dtype(column):
        grid = np.unique(np.quantile(column, np.linspace(*_RANGE, POINTS))) if len(column) else np.empty(0)
        values = [float(value) for value in grid]
    else:
        values = [str(value) for value in column.value_counts().index[:MOST_VALUES]]
    if len(values) < 2:
        return None
    repeated = pd.concat([sample] * len(values), ignore_index=True)
    repeated[name] = np.repeat(np.array(values, dtype=float if _are_numbers(values) else object), len(sample))
    predicted = amounts(repeated).reshape(len(values), len(sample))
    low, high = np.quantile(predicted, [0.1, 0.9], axis=1)
    return Dependence(name, values, predicted.mean(axis=1).tolist(), low.tolist(), high.tolist(), len(sample))


def _are_numbers(values: list[float] | list[str]) -> bool:
    return not isinstance(values[0], str)
