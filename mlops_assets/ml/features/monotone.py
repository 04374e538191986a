"""Monotone constraints of features as directions of the columns that a pipeline encodes them as."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from mlops_assets.core.errors import ProjectError
from mlops_assets.core.text.suggestions import suggest_name
from mlops_assets.ml.features.preprocessing import transform

_GRID, _BASES = 200, 8
_HINT = "remove the feature from `monotone`, or pass it through `pipeline.py` unchanged"


def column_directions(
    pipeline: BaseEstimator, features: pd.DataFrame, monotone: Mapping[str, int]
) -> tuple[int, ...] | None:
    """For each column of the pipeline's output the direction that the constraints require.

    The pipeline is applied to rows in which one feature takes its values in ascending order and the others
    are constant, so that any transformer can be used.

    Parameters
    ----------
    pipeline
        The fitted pipeline.
    features
        Training rows, shape `(n, features)`, as `feature_frame` returns them.
    monotone
        For features with a constraint 1 for increasing, -1 for decreasing.

    Returns
    -------
    1, -1 or 0 for each column; None without constraints.

    Raises
    ------
    ProjectError
        If a feature does not exist, is text, or is encoded as a column that is not monotone or depends on
        other features as well.
    """
    if not monotone:
        return None
    directions: NDArray | None = None
    for name, sign in monotone.items():
        if name not in features:
            raise ProjectError(
                f"monotone.{name}: features.sql returns no such feature",
                hint=suggest_name(name, [str(each) for each in features]),
            )
        if features[name].dtype.kind != "f":
            raise ProjectError(
                f"monotone.{name}: the feature is no number, and only numbers have an order", hint=_HINT
            )
        steps = _steps(pipeline, features, name)
        directions = np.zeros(len(steps), dtype=int) if directions is None else directions
        directions += sign * steps
    return None if directions is None else tuple(directions.tolist())


def grid_rows(features: pd.DataFrame, name: str, bases: NDArray, grid: NDArray) -> pd.DataFrame:
    """Copies of the rows at the positions `bases`, each with every value of the grid, row after row."""
    rows = features.iloc[np.repeat(bases, len(grid))].reset_index(drop=True)
    return rows.assign(**{name: np.tile(grid, len(bases))})


def value_grid(values: pd.Series, most: int) -> NDArray:
    """At most so many of the distinct values, in ascending order: quantiles, the smallest and the largest."""
    known = np.unique(values.dropna().to_numpy(dtype=float))
    if len(known) <= most:
        return known
    return known[np.unique(np.linspace(0, len(known) - 1, most).round().astype(int))]


def _steps(pipeline: BaseEstimator, features: pd.DataFrame, name: str) -> NDArray:
    """For each column 1 if it increases with the feature, -1 if it decreases, else 0."""
    grid = value_grid(features[name], _GRID)
    if len(grid) < 2:  # constant in these rows: no split can use it
        return np.zeros(transform(pipeline, features.iloc[:1]).shape[1], dtype=int)
    bases = np.unique(np.linspace(0, len(features) - 1, _BASES).round().astype(int))
    encoded = transform(pipeline, grid_rows(features, name, bases, grid))
    curves = encoded.reshape(len(bases), len(grid), -1)
    rises = np.diff(curves, axis=1)
    up, down = (rises > 0).any(axis=(0, 1)), (rises < 0).any(axis=(0, 1))
    if mixed := np.flatnonzero(up & down).tolist():
        raise ProjectError(
            f"monotone.{name}: the pipeline encodes the feature as column {mixed[0]} of its output, which is "
            "not a monotone function of it",
            hint=_HINT,
        )
    dependent = up | down
    shared = dependent & (curves != curves[:1]).any(axis=(0, 1))
    if columns := np.flatnonzero(shared).tolist():
        raise ProjectError(
            f"monotone.{name}: column {columns[0]} of the pipeline's output also depends on other features",
            hint=_HINT,
        )
    if not dependent.any():
        raise ProjectError(
            f"monotone.{name}: no column of the pipeline's output depends on the feature", hint=_HINT
        )
    return up.astype(int) - down.astype(int)
