"""Doubts about the target: a rare class, a cap, a long tail, too few rows."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from mlops_assets.ml.doubts.doubt import Doubt
from mlops_assets.ml.number_format import number, share_text

RARE = 0.1
"""A class is rare with less than this part of an equal share: below 5 % of two classes, 1 % of ten."""
CAPPED = 0.01
"""Minimum share of rows at the minimum or maximum of a capped target."""
_TIMES_THE_MEDIAN = 10
_LEAST_DISTINCT = 50
LONG_TAIL = 0.5
"""Minimum share of the squared deviations from the median that 1 % of the rows have."""
_TAIL_ROWS = 0.01
_LEAST_ROWS = 200
FEW_HOLDOUT_ROWS = 50
FEW_ROWS_A_FEATURE = 5


def class_imbalance(target: pd.Series, name: str) -> Doubt | None:
    """A doubt if the rarest class has less than `RARE` of an equal share of the rows.

    Parameters
    ----------
    target
        The class of each row, without missing values.
    """
    counts = target.value_counts()
    if len(counts) < 2 or counts.iloc[-1] >= RARE * len(target) / len(counts):
        return None
    rows, label = int(counts.iloc[-1]), counts.index[-1]
    advice = (
        "compare models by tuning.metric: average_precision instead of accuracy, and declare "
        "tuning.class_weight: balanced or tuning.decision: {metric: f1}"
        if len(counts) == 2
        else "keep its share on both sides with split.method: stratified, and declare tuning.class_weight: "
        "balanced"
    )
    return Doubt(
        (name,),
        f"class {label} of {name} has {rows:,} of {len(target):,} rows ({share_text(rows / len(target))})",
        advice,
    )


def capped_target(target: pd.Series, name: str, declared: Collection[float] = ()) -> Doubt | None:
    """A doubt if many rows have the largest or the smallest value of a measured target.

    These are at least `CAPPED` of the rows, 10 times as many as a value has in the median, and the target has
    at least 50 distinct values.

    Parameters
    ----------
    target
        Numbers without missing values.
    declared
        The declared bounds of the target, at which it is not doubted.
    """
    counts = target.value_counts()
    if len(counts) < _LEAST_DISTINCT:
        return None
    usual = float(counts.median())
    for setting, end in (("maximum", target.max()), ("minimum", target.min())):
        if end in declared:
            continue
        rows = int(counts[end])
        if rows >= CAPPED * len(target) and rows >= _TIMES_THE_MEDIAN * usual:
            return Doubt(
                (name,),
                f"{rows:,} of {len(target):,} rows ({share_text(rows / len(target))}) have the {setting} of "
                f"{name}, {number(float(end), 6)}",
                f"if values beyond it are impossible or were cut off, declare target.{setting}: {end:.10g}",
            )
    return None


def long_tail(target: pd.Series, name: str) -> Doubt | None:
    """A doubt if 1 % of the rows have at least half of the squared deviations from the median.

    A model that minimises squared errors then fits these rows at the expense of all others.

    Parameters
    ----------
    target
        Numbers without missing values.
    """
    if len(target) < _LEAST_ROWS:
        return None
    median = float(target.median())
    squares = np.sort(np.square(target.to_numpy(dtype=float) - median))[::-1]
    rows = int(np.ceil(_TAIL_ROWS * len(target)))
    total = float(squares.sum())
    if not total or squares[:rows].sum() < LONG_TAIL * total:
        return None
    share = share_text(float(squares[:rows].sum()) / total)
    return Doubt(
        (name,),
        f"{name} has a long tail: {rows:,} of {len(target):,} rows have {share} of the squared deviations "
        f"from the median, {number(median)}; the largest value is {number(float(target.max()))}",
        "compare models by tuning.metric: mae, which these rows do not decide",
    )


def too_few_rows(train: int, holdout: int, features: int) -> Doubt | None:
    """A doubt with fewer than 50 holdout rows, or fewer than 5 training rows a feature."""
    if holdout < FEW_HOLDOUT_ROWS:
        return Doubt(
            (),
            f"{holdout:,} holdout rows are too few for a reliable score: a share of 80 % has a 95 % interval "
            f"of ±{196 * np.sqrt(0.16 / max(holdout, 1)):.0f} points",
            "provide more rows, or in a project without partitions increase split.holdout",
        )
    if train < FEW_ROWS_A_FEATURE * features:
        return Doubt(
            (),
            f"{train:,} training rows for {features:,} features are too few: a model can fit chance",
            "remove features from features.sql, or provide more rows",
        )
    return None
