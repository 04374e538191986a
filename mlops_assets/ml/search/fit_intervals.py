"""Prediction intervals and prediction sets from the out-of-fold predictions of the winner."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold

from mlops_assets.compat.crepes import conformal_quantiles
from mlops_assets.core.errors import DataError
from mlops_assets.ml.metrics.reliability import quantile_groups
from mlops_assets.ml.model.prediction_intervals import (
    GroupQuantile,
    PredictionIntervals,
    PredictionSets,
    Quantiles,
    group_codes,
    spread,
)
from mlops_assets.ml.search.prepared_folds import Fold

Knots = tuple[tuple[float, ...], tuple[float, ...]]
"""Predictions, and the spread of the residuals at each."""
MOST_GROUPS = 200
"""More groups are a number or an identifier rather than a category."""
_FOLDS = 5
_KNOTS, _ROWS_OF_A_KNOT = 10, 30
_LEAST_ROWS_OF_A_SPREAD = 4 * _ROWS_OF_A_KNOT
_NO_KNOTS: Knots = ((), ())
_LEAST_SPREAD = 0.05
"""Lower bound of the spread, as a share of its mean: exact predictions of some rows prove little."""


def least_rows(coverage: float) -> int:
    """The number of rows from which a conformal quantile is finite: 9 for 90 %, 99 for 99 %."""
    return math.ceil(1 / (1 - coverage) - 1e-9) - 1


def fit_intervals(
    truth: NDArray,
    predictions: NDArray,
    features: pd.DataFrame,
    *,
    coverage: float,
    groups: Sequence[str],
    seed: int,
    subject: str,
    together: NDArray | None = None,
) -> PredictionIntervals:
    """Fit intervals, with a spread that depends on the prediction if that makes them better.

    Better is a lower cross-validated interval score (Gneiting and Raftery 2007): the mean width plus a
    penalty for true values outside.

    Parameters
    ----------
    truth, predictions
        True values and out-of-fold predictions, shape `(n,)`.
    features
        The features of the same rows, in the form of `feature_frame`.
    groups
        Features whose values define groups that each have their own quantile.
    together
        The group of each row, in a split by group: its rows do not fit the spread of each other.

    Raises
    ------
    DataError
        If there are too few rows for the coverage, or too many groups.
    """
    require_rows(len(truth), coverage, subject=subject)
    residuals = truth - predictions
    constant = np.ones(len(truth))
    scale, knots = constant, _NO_KNOTS
    if len(truth) >= _LEAST_ROWS_OF_A_SPREAD and residuals.any():
        folds = _folds(len(truth), seed, together)
        apart = _cross_fitted_spread(predictions, residuals, folds)
        scores = [_interval_score(residuals, each, coverage, folds) for each in (constant, apart)]
        if scores[1] < scores[0]:
            scale, knots = apart, _spread_knots(predictions, residuals)
    quantiles = _quantiles(residuals, coverage, features, groups, difficulty=scale, subject=subject)
    return PredictionIntervals(coverage, len(truth), quantiles, *knots)


def fit_sets(
    truth: NDArray,
    probabilities: NDArray,
    features: pd.DataFrame,
    *,
    coverage: float,
    groups: Sequence[str],
    by_class: bool,
    subject: str,
) -> PredictionSets:
    """Fit prediction sets.

    Parameters
    ----------
    truth
        The index of the class, shape `(n,)`.
    probabilities
        Calibrated out-of-fold probabilities, shape `(n, classes)`.
    by_class
        Whether each class has its own quantile, so that each is covered equally often.

    Raises
    ------
    DataError
        If there are too few rows for the coverage, or too many groups.
    """
    scores = 1 - probabilities[np.arange(len(truth)), truth]
    parts = [truth == index for index in range(probabilities.shape[1])] if by_class else [truth >= 0]
    for rows in parts:
        what = "out-of-fold rows of the rarest class" if by_class else "out-of-fold rows"
        require_rows(int(rows.sum()), coverage, subject=subject, what=what)
    quantiles = tuple(
        _quantiles(scores[rows], coverage, features[rows], groups, difficulty=None, subject=subject)
        for rows in parts
    )
    return PredictionSets(coverage, len(truth), quantiles)


def require_rows(rows: int, coverage: float, *, subject: str, what: str = "out-of-fold rows") -> None:
    """Raise if a quantile of so many rows would be infinite."""
    if rows < least_rows(coverage):
        raise DataError(
            f"{subject}: a coverage of {coverage:g} requires at least {least_rows(coverage)} {what}, found "
            f"{rows}",
            hint="lower the coverage in defs.yaml, or provide more rows",
        )


def _quantiles(
    residuals: NDArray,
    coverage: float,
    features: pd.DataFrame,
    groups: Sequence[str],
    *,
    difficulty: NDArray | None,
    subject: str,
) -> Quantiles:
    """The quantile of each group that has enough rows, and one of all others."""
    if not groups:
        return Quantiles(conformal_quantiles(residuals, coverage, difficulty=difficulty)[0])
    require_few_groups(features, groups, subject=subject)
    codes, values = group_codes(features, groups)
    counts = np.bincount(codes)
    own = counts >= least_rows(coverage)
    rare = ~own[codes]
    bins = np.where(rare, -1, codes)
    found = conformal_quantiles(residuals, coverage, difficulty=difficulty, bins=bins)
    others = found.pop(-1, math.inf)
    if math.isinf(others):  # too few rows of rare groups, or none
        others = conformal_quantiles(residuals, coverage, difficulty=difficulty)[0]
    return Quantiles(
        others,
        tuple(groups),
        tuple(GroupQuantile(values[code], found[code], int(counts[code])) for code in sorted(found)),
    )


def require_few_groups(features: pd.DataFrame, groups: Sequence[str], *, subject: str) -> None:
    """Raise if features have too many different values to define groups, or are dates."""
    for name in groups:
        if not features[name].map(lambda value: isinstance(value, str | float | bool)).all():
            raise DataError(
                f"{subject}: feature {name} has dates, which can't define groups of intervals",
                hint="derive a feature with few values in features.sql, such as date_part('year', …)",
            )
    count = len(features[list(groups)].drop_duplicates())
    if count > MOST_GROUPS:
        raise DataError(
            f"{subject}: {', '.join(groups)} has {count:,} different values, too many for groups of "
            f"intervals (maximum {MOST_GROUPS})",
            hint="declare features with few values, or derive one in features.sql",
        )


def _folds(rows: int, seed: int, together: NDArray | None) -> list[Fold]:
    """Folds of shuffled rows, without a group in two folds."""
    count = _FOLDS if together is None else min(_FOLDS, len(np.unique(together)))
    if together is None or count < 2:
        return list(KFold(_FOLDS, shuffle=True, random_state=seed).split(np.empty(rows)))
    splitter = GroupKFold(count, shuffle=True, random_state=seed)
    return list(splitter.split(np.empty(rows), groups=together))


def _cross_fitted_spread(predictions: NDArray, residuals: NDArray, folds: Sequence[Fold]) -> NDArray:
    """The spread of each row by a fit on the other rows."""
    apart = np.empty(len(predictions))
    for train, rest in folds:
        apart[rest] = spread(predictions[rest], *_spread_knots(predictions[train], residuals[train]))
    return apart


def _spread_knots(predictions: NDArray, residuals: NDArray) -> Knots:
    """The mean absolute residual by quantiles of the prediction."""
    knots = min(_KNOTS, len(predictions) // _ROWS_OF_A_KNOT)
    sizes, masks = np.abs(residuals), quantile_groups(predictions, knots)
    x = [float(predictions[rows].mean()) for rows in masks]
    least = _LEAST_SPREAD * sizes.mean()
    y = [float(max(sizes[rows].mean(), least)) for rows in masks]
    return tuple(x), tuple(y)


def _interval_score(residuals: NDArray, scale: NDArray, coverage: float, folds: Sequence[Fold]) -> float:
    """The cross-validated mean interval score: width, plus the distance of values outside times 2 / alpha."""
    total = 0.0
    for train, rest in folds:
        quantile = conformal_quantiles(residuals[train], coverage, difficulty=scale[train])[0]
        half = quantile * scale[rest]
        outside = np.maximum(np.abs(residuals[rest]) - half, 0)
        total += float((2 * half + 2 / (1 - coverage) * outside).sum())
    return total / len(residuals)
