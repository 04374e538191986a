"""How much likelier a row is among the current rows than among the reference rows, from its features."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

_MOST_VALUES = 8
_FOLDS = 5
_STRENGTH = 0.1
"""Inverse of the penalty: features that do not differ get almost no coefficient."""
_LEAST_ROWS = 2 * _FOLDS


def log_density_ratios(
    reference: pd.DataFrame, current: pd.DataFrame, *, seed: int = 0
) -> tuple[NDArray, NDArray]:
    """The log density ratio of current and reference rows, at each reference row and at each current row.

    Of a logistic regression that predicts to which side a row belongs (Bickel et al. 2009), each row by a fit
    on other rows. Zero everywhere if the sides don't differ, or have too few rows.

    Parameters
    ----------
    reference, current
        The same features of both sides; columns that `current` lacks are ignored.
    """
    sides = np.repeat([0, 1], [len(reference), len(current)])
    found = np.zeros(len(sides))
    matrix = _standardised(reference, current)
    if min(len(reference), len(current)) >= _LEAST_ROWS and matrix.shape[1]:
        folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
        for train, apart in folds.split(matrix, sides):
            model = LogisticRegression(C=_STRENGTH, max_iter=200).fit(matrix[train], sides[train])
            found[apart] = model.decision_function(matrix[apart])
        found -= logit(sides.mean())
    return found[: len(reference)], found[len(reference) :]


def numeric_matrix(reference: pd.DataFrame, current: pd.DataFrame) -> NDArray:
    """Features as numbers, reference rows first: frequent values as indicators, times as seconds."""
    columns: list[NDArray | pd.Series] = []
    for name in reference.columns:
        if name not in current.columns:
            continue
        both = pd.concat([reference[name], current[name]], ignore_index=True)
        if pd.api.types.is_datetime64_any_dtype(both):
            columns.append((both - both.min()) / pd.Timedelta(seconds=1))
        elif pd.api.types.is_numeric_dtype(both):
            columns.append(both.to_numpy(dtype=float, na_value=np.nan))
        else:
            texts = both.astype("string")
            frequent = texts.iloc[: len(reference)].value_counts().index[:_MOST_VALUES]
            columns += [(texts == value).fillna(False).to_numpy(float) for value in frequent]
    rows = len(reference) + len(current)
    return np.column_stack(columns) if columns else np.empty((rows, 0))


def _standardised(reference: pd.DataFrame, current: pd.DataFrame) -> NDArray:
    """Numbers with mean 0 and deviation 1, without missing values and constant columns."""
    matrix = numeric_matrix(reference, current)
    known = np.isfinite(matrix)
    matrix = np.where(known, matrix, np.nan)
    matrix = matrix[:, known.any(axis=0)]
    if not matrix.size:
        return matrix
    matrix = np.where(np.isnan(matrix), np.nanmedian(matrix, axis=0), matrix)
    low, high = np.quantile(matrix, [0.001, 0.999], axis=0)
    matrix = np.clip(matrix, low, high)  # an outlier would be all of the deviation
    spread = matrix.std(axis=0)
    varying = spread > 0
    return np.asarray((matrix[:, varying] - matrix[:, varying].mean(axis=0)) / spread[varying])
