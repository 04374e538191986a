"""Preprocessing: from a frame of features to a matrix of numbers."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mlops_assets.core.errors import MlopsError, ProjectError
from mlops_assets.ml.features.seeding import global_seed, seed_steps
from mlops_assets.ml.rare_values import RareValues

MakePipeline = Callable[[], BaseEstimator]
"""The function `make_pipeline` of `pipeline.py`, which returns an unfitted transformer."""


def default_pipeline() -> BaseEstimator:
    """Pass numbers through, missing values included, and one-hot encode the frequent values of text.

    Values of fewer than one row in two hundred share a column with values that were never seen in training.
    """
    encode = make_pipeline(RareValues(), OneHotEncoder(handle_unknown="ignore", sparse_output=False))
    return make_column_transformer(
        (encode, make_column_selector(dtype_include=object)),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )


def feature_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Features as every pipeline receives them: float64 numbers, object text, NaN for missing values."""
    columns = {
        name: column.astype("float64")
        if pd.api.types.is_numeric_dtype(column.dtype)
        else column.astype("object").where(column.notna(), np.nan)
        for name, column in frame.items()
    }
    return pd.DataFrame(columns, index=frame.index)


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
        ) from error
    if hasattr(result, "toarray"):
        result = result.toarray()
    try:
        matrix = np.asarray(result, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ProjectError(
            f"pipeline.py: the transformer returned values that are not numbers: {error}",
            hint="encode text columns, for example with OneHotEncoder",
        ) from error
    if matrix.ndim != 2 or len(matrix) != len(frame):
        raise ProjectError(
            f"pipeline.py: the transformer returned shape {matrix.shape} for {len(frame)} rows",
            hint="return one row for each row of the input",
        )
    return matrix
