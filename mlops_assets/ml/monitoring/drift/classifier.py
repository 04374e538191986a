"""A small classifier that distinguishes reference rows from current ones, and so finds what columns hide."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.metrics.bootstrap import LEVEL
from mlops_assets.ml.metrics.clusters import cluster_codes
from mlops_assets.ml.monitoring.drift.variation import LEAST_PERIODS, deviation_of

SAMPLED_ROWS = 2_000
"""Maximum number of rows of each side."""
LEAST_ROWS = 200
"""Minimum number of rows of each side."""
_FOLDS, _ROUNDS, _CATEGORIES = 3, 30, 30
_PERIODS = 6
_LARGEST = 1e38
"""Larger values count as this one, because the trees compare numbers of single precision."""
_SHARED = 2.0
"""The folds share rows: where two of them resemble each other by chance, each is predicted well from the
other, so the variance of the mean is up to twice that of independent folds."""
_PARAMS = {
    "objective": "binary:logistic",
    "max_depth": 3,
    "eta": 0.2,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
    "max_bin": 32,
    "tree_method": "hist",
    "verbosity": 0,
}


@dataclass(frozen=True)
class Distinguished:
    """How well a classifier distinguishes the rows.

    Attributes
    ----------
    auc, low, high
        Cross-validated area under the ROC curve with its 95 % confidence interval; 0.5 for equal rows.
    p_value
        Of the one-sided test of an area of 0.5.
    """

    auc: float
    low: float
    high: float
    p_value: float
    rows: int
    reference_rows: int

    @property
    def shift(self) -> float:
        """The shift of one normal distribution, in standard deviations, that has the same area."""
        return max(0.0, math.sqrt(2) * NormalDist().inv_cdf(min(max(self.auc, 0.5), 1 - 1e-9)))


def distinguish(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    columns: Sequence[str],
    *,
    entity: Sequence[str] = (),
    seed: int = 0,
) -> Distinguished | None:
    """Train a classifier to distinguish two samples, by cross-validation.

    Rows of an entity are in one fold, so that the classifier can't recognise entities. The interval is by
    DeLong's variance, in which the rows of an entity are one observation.

    Parameters
    ----------
    columns
        Columns of both frames.
    entity
        Columns that identify an entity; by default each row is one.

    Returns
    -------
    None if a side has fewer than `LEAST_ROWS` rows.
    """
    if min(len(reference), len(current)) < LEAST_ROWS or not columns:
        return None
    rows = pd.concat([reference, current], ignore_index=True)
    matrix, is_category = _encoded(rows, columns)
    is_current = np.repeat([0, 1], [len(reference), len(current)])
    codes = cluster_codes(_entities(rows, entity), len(rows))
    folds = np.random.default_rng(seed).permutation(codes.max() + 1)[codes] % _FOLDS
    areas, influence = [], np.zeros(len(rows))
    for fold in range(_FOLDS):
        held = folds == fold
        if min(np.bincount(is_current[held], minlength=2)) < 2:
            return None
        scores = _scores(matrix, is_current, held, is_category, seed)
        area, parts = _area(scores, is_current[held])
        areas.append(area)
        influence[held] = parts / _FOLDS
    auc = float(np.mean(areas))
    error = math.sqrt(_SHARED * float((np.bincount(codes, influence) ** 2).sum()))
    half = NormalDist().inv_cdf((1 + LEVEL) / 2) * error
    p_value = 0.5 * math.erfc((auc - 0.5) / error / math.sqrt(2)) if error else float(auc <= 0.5)
    interval = max(0.0, auc - half), min(1.0, auc + half)
    return Distinguished(auc, *interval, p_value, len(current), len(reference))


def usual_shift(
    periods: Sequence[pd.DataFrame],
    columns: Sequence[str],
    *,
    against: Literal["training", "previous", "live"],
    entity: Sequence[str] = (),
) -> float:
    """How well the classifier usually distinguishes a period from the others, or from the one before.

    Parameters
    ----------
    periods
        Sampled rows of each period, in order of time; the last `_PERIODS` are compared.

    Returns
    -------
    The usual `Distinguished.shift`; 0 with fewer than `LEAST_PERIODS` periods.
    """
    if len(periods) < LEAST_PERIODS:
        return 0.0
    last = list(periods)[-_PERIODS - (against == "previous") :]
    pairs = list(pairwise(last))
    if against != "previous":
        pairs = [(pd.concat([*last[:place], *last[place + 1 :]]), one) for place, one in enumerate(last)]
    found = [distinguish(before, after, columns, entity=entity) for before, after in pairs]
    return deviation_of([each.shift**2 for each in found if each])


def _entities(rows: pd.DataFrame, entity: Sequence[str]) -> NDArray | None:
    if not entity:
        return None
    return rows.groupby(list(entity), dropna=False, sort=False).ngroup().to_numpy()


def _encoded(rows: pd.DataFrame, columns: Sequence[str]) -> tuple[NDArray, list[bool]]:
    """Numbers as they are, times in seconds, and frequent categories by number; and which are categories."""
    encoded, is_category = [], []
    for name in columns:
        values = rows[name]
        numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        if pd.api.types.is_datetime64_any_dtype(values):
            moments = values.dt.tz_localize(None) if values.dt.tz is not None else values
            encoded.append(moments.to_numpy("datetime64[us]").astype(float))
            encoded[-1][values.isna().to_numpy()] = np.nan
        elif numeric:
            encoded.append(values.to_numpy(dtype=float, na_value=np.nan))
        else:
            encoded.append(_category_codes(values))
        is_category.append(not numeric and not pd.api.types.is_datetime64_any_dtype(values))
    matrix = np.column_stack(encoded)
    return np.where(np.isfinite(matrix), matrix.clip(-_LARGEST, _LARGEST), np.nan), is_category


def _category_codes(values: pd.Series) -> NDArray:
    """Codes of the most frequent texts; all others share one."""
    texts = values.astype("string")
    frequent = texts.value_counts().index[:_CATEGORIES]
    codes = pd.Categorical(texts, categories=frequent).codes.astype(float)
    codes[(codes < 0) & texts.notna().to_numpy()] = len(frequent)
    codes[codes < 0] = np.nan
    return codes


def _scores(
    matrix: NDArray, is_current: NDArray, held: NDArray, is_category: Sequence[bool], seed: int
) -> NDArray:
    """Scores of held rows by trees that were fitted on the others; both classes have equal weight."""
    import xgboost

    kinds = ["c" if each else "float" for each in is_category]
    label = is_current[~held]
    shares = np.bincount(label, minlength=2) / len(label)
    train = xgboost.DMatrix(
        matrix[~held],
        label,
        weight=0.5 / shares[label],
        feature_types=kinds,
        enable_categorical=True,
        nthread=1,
    )
    test = xgboost.DMatrix(matrix[held], feature_types=kinds, enable_categorical=True, nthread=1)
    booster = xgboost.train({**_PARAMS, "seed": seed, "nthread": 1}, train, _ROUNDS)
    return np.asarray(booster.predict(test))


def _area(scores: NDArray, is_current: NDArray) -> tuple[float, NDArray]:
    """The area under the ROC curve, and the influence of each row on it (DeLong et al. 1988)."""
    positive, negative = scores[is_current == 1], scores[is_current == 0]
    above, below = (_shares_below(scores, other) for other in (negative, positive))
    area = float(above[is_current == 1].mean())
    parts = np.where(
        is_current == 1,
        (above - area) / len(positive),
        (1 - below - area) / len(negative),
    )
    return area, parts


def _shares_below(scores: NDArray, others: NDArray) -> NDArray:
    """The share of other scores that each score exceeds; ties count one half."""
    ordered = np.sort(others)
    left, right = (np.searchsorted(ordered, scores, side) for side in ("left", "right"))
    return (left + right) / 2 / len(ordered)
