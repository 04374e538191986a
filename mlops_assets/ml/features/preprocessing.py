"""Fitted preprocessing: from a frame of features to a matrix of numbers."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mlops_assets.core.errors import MlopsError, ProjectError
from mlops_assets.ml.rare_values import RareValues

MakePipeline = Callable[[], BaseEstimator]
"""What `pipeline.py` declares: a function `make_pipeline` that returns an unfitted transformer."""


def default_pipeline() -> BaseEstimator:
    """Numbers pass as they are, missing ones too; text becomes one column for each frequent value.

    Values of less than one row in two hundred share a column, and so do values never seen in training.
    """
    encode = make_pipeline(RareValues(), OneHotEncoder(handle_unknown="ignore", sparse_output=False))
    return make_column_transformer(
        (encode, make_column_selector(dtype_include=object)),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )


def feature_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Features as every pipeline gets them: numbers as float64, text as object, NaN where there is none."""
    columns = {
        name: column.astype("float64")
        if pd.api.types.is_numeric_dtype(column.dtype)
        else column.astype("object").where(column.notna(), np.nan)
        for name, column in frame.items()
    }
    return pd.DataFrame(columns, index=frame.index)


def transform(pipeline: BaseEstimator, frame: pd.DataFrame, *, fit: NDArray | None = None) -> NDArray:
    """The matrix of a frame; with `fit`, the target, the pipeline is fitted first.

    Raises
    ------
    ProjectError
        When the pipeline raises, or returns something else than one row of numbers for each row.
    """
    try:
        result = pipeline.transform(frame) if fit is None else pipeline.fit_transform(frame, fit)
    except MlopsError:
        raise
    except Exception as error:  # a project's own steps may raise anything
        raise ProjectError(
            f"pipeline.py: {'fitting' if fit is not None else 'applying'} it to {len(frame):,} rows raised "
            f"{type(error).__name__}: {error}",
            hint="fit it on a few rows of the training set in Python to see where",
        ) from error
    if hasattr(result, "toarray"):
        result = result.toarray()
    try:
        matrix = np.asarray(result, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ProjectError(
            f"pipeline.py: the transformer leaves something that is no number: {error}",
            hint="encode text columns, for example with OneHotEncoder",
        ) from error
    if matrix.ndim != 2 or len(matrix) != len(frame):
        raise ProjectError(
            f"pipeline.py: {len(frame)} rows went in and a matrix of shape {matrix.shape} came out"
        )
    return matrix
