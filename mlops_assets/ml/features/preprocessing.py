"""Preprocessing: from a frame of features to a matrix of numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype
from sklearn.base import BaseEstimator

from mlops_assets.core.errors import MlopsError, ProjectError
from mlops_assets.ml.features.seeding import global_seed, seed_steps
from mlops_assets.ml.transformers.table_encoder import TableEncoder

MakePipeline = Callable[[], BaseEstimator]
"""The function `make_pipeline` of `pipeline.py`, which returns an unfitted transformer."""


def default_pipeline(**settings: Any) -> BaseEstimator:
    """Encode each column by its kind: text, categories, dates and numbers; see `TableEncoder`."""
    # No declared encoding has one form, because parameters are part of a model's digest.
    return TableEncoder(**{**settings, "encode": settings.get("encode") or None})


def feature_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Features as every pipeline receives them, with NaN or NaT for missing values.

    Numbers and booleans are float64, dates and times datetime64 in microseconds of UTC, all others object.
    """
    converted = frame.copy()
    for name, kind in frame.dtypes.items():
        if kind != np.float64:  # the others are copied together, which is fast for thousands of columns
            converted[name] = _feature(frame[name])
    return converted


def _feature(column: pd.Series) -> pd.Series:
    kind = column.dtype
    if is_numeric_dtype(kind):
        return column.astype("float64")
    if is_datetime64_any_dtype(kind):
        naive = column.dt.tz_convert(None) if isinstance(kind, pd.DatetimeTZDtype) else column
        return naive.astype("datetime64[us]")
    return column.astype("object").where(column.notna(), np.nan)


def transform(
    pipeline: BaseEstimator, frame: pd.DataFrame, *, fit: NDArray | None = None, seed: int = 0
) -> NDArray:
    """Transform a frame into a matrix; fit the pipeline first if `fit` is given.

    Parameters
    ----------
    frame
        Features, shape `(n, features)`.
    fit
        Target to fit the pipeline with, shape `(n,)`.
    seed
        Seeds the steps that would draw from the global random state while they are fitted.

    Returns
    -------
    Dense float64 matrix, shape `(n, columns)`.

    Raises
    ------
    ProjectError
        When the pipeline raises, or does not return one row of numbers for each row.
    """
    try:
        if fit is None:
            result = pipeline.transform(frame)
        else:
            seed_steps(pipeline, seed, fit)
            with global_seed(seed):
                result = pipeline.fit_transform(frame, fit)
    except MlopsError:
        raise
    except Exception as error:  # steps of a project may raise anything
        raise ProjectError(
            f"pipeline.py: {'fitting' if fit is not None else 'applying'} it to {len(frame):,} rows raised "
            f"{type(error).__name__}: {error}",
            hint="fit it on a few rows of the training set in Python to find the step",
            without_values=f"pipeline.py: {'fitting' if fit is not None else 'applying'} it to "
            f"{len(frame):,} rows raised {type(error).__name__}",
        ) from error
    if hasattr(result, "toarray"):
        result = result.toarray()
    try:
        matrix = np.asarray(result, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ProjectError(
            f"pipeline.py: the transformer returned values that are not numbers: {error}",
            hint="encode text columns, for example with OneHotEncoder",
            without_values="pipeline.py: the transformer returned values that are not numbers",
        ) from error
    if matrix.ndim != 2 or len(matrix) != len(frame):
        raise ProjectError(
            f"pipeline.py: the transformer returned shape {matrix.shape} for {len(frame)} rows",
            hint="return one row for each row of the input",
        )
    return matrix
