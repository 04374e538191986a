"""Partial dependence of the prediction on a feature."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.encodings import FEW_VALUES, ROWS_A_VALUE

ROWS = 500
POINTS = 21
MAX_VALUES = 10
_RANGE = (0.02, 0.98)


@dataclass(frozen=True)
class PartialDependence:
    """The partial dependence on one feature.

    Attributes
    ----------
    values
        Grid of the feature: numbers in ascending order, dates as text, or texts, the most frequent first.
    means
        The mean prediction at each value, in the reported unit or as a probability.
    low, high
        The 10th and the 90th percentile of the predictions at each value.
    rows
        Number of rows that are averaged.
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
    def span(self) -> float:
        """The largest mean minus the smallest."""
        return max(self.means) - min(self.means)


def partial_dependence(
    predict: Callable[[pd.DataFrame], NDArray], features: pd.DataFrame, name: str, *, seed: int
) -> PartialDependence | None:
    """Partial dependence on one feature (Friedman 2001, Greedy Function Approximation).

    The grid of a numeric feature consists of quantiles between the 2nd and the 98th percentile. The method
    assumes that features are independent: where they are correlated, the ends of the grid combine values
    that do not occur together.

    Parameters
    ----------
    predict
        Maps a frame of features to one number for each row, shape `(n,)`.
    features
        Shape `(n, features)`; at most 500 rows are sampled.

    Returns
    -------
    None for a feature with fewer than two distinct values, and for free text, whose values rarely repeat.
    """
    sample = features.sample(min(ROWS, len(features)), random_state=seed).reset_index(drop=True)
    grid = _grid(features[name].dropna())
    if len(grid) < 2:
        return None
    values: list[float] | list[str]
    if isinstance(grid, pd.DatetimeIndex):
        values = grid.strftime("%Y-%m-%d").tolist()
    else:
        values = grid.astype(float if grid.dtype.kind == "f" else str).tolist()
    repeated = pd.concat([sample] * len(values), ignore_index=True)
    repeated[name] = grid.repeat(len(sample))
    predicted = predict(repeated).reshape(len(values), len(sample))
    low, high = np.quantile(predicted, [0.1, 0.9], axis=1)
    return PartialDependence(
        name, values, predicted.mean(axis=1).tolist(), low.tolist(), high.tolist(), len(sample)
    )


def _grid(column: pd.Series) -> pd.Index:
    """The values of a feature for which predictions are averaged; few or none where that makes no sense."""
    if column.empty:
        return pd.Index([])
    if pd.api.types.is_numeric_dtype(column):
        return pd.Index(np.unique(np.quantile(column, np.linspace(*_RANGE, POINTS))))
    if pd.api.types.is_datetime64_any_dtype(column):
        times = np.sort(column.to_numpy())
        places = (len(times) - 1) * np.linspace(*_RANGE, MAX_VALUES)
        return pd.DatetimeIndex(times[places.astype(int)]).floor("D").unique()
    counts = column.value_counts()
    is_free_text = len(counts) > FEW_VALUES and ROWS_A_VALUE * len(counts) > len(column)
    return pd.Index([]) if is_free_text else pd.Index(counts.index[:MAX_VALUES], dtype=object)
