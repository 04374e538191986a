"""Doubts about equal rows: copies on both sides of the split, and equal features with other targets."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.doubts.doubt import Doubt
from mlops_assets.ml.number_format import share_text

SHARE = 0.01
"""Minimum share of rows with an equal row."""
LEAST_ROWS = 10
TIMES_CHANCE = 5.0
"""Minimum ratio of pairs of equal rows to those expected of independent columns with the values of different
rows."""
MEASURED = 0.1
"""Minimum number of distinct values of one column, as a share of the rows: rows of few categories are equal
by chance, which correlated columns make more likely than `TIMES_CHANCE` allows for."""


def duplicate_rows(
    features: pd.DataFrame, target: pd.Series, name: str, holdout: NDArray | None = None
) -> Doubt | None:
    """A doubt if at least 1 % of the rows, and 10, are copies of others; with sides, of holdout rows.

    Parameters
    ----------
    features, target
        Rows of the training set.
    name
        Name of the target.
    holdout
        Whether each row is in the holdout, shape `(n,)`; None if rows are not split yet.
    """
    columns = features.assign(**{"": target.to_numpy()})
    codes = _codes(columns)
    if holdout is None:
        copies = pd.Series(codes).duplicated().to_numpy()
        of, all_rows = "rows", len(columns)
        where = "repeat another row with all features and"
    else:
        copies = holdout & np.isin(codes, codes[~holdout])
        of, all_rows = "holdout rows", int(holdout.sum())
        where = "equal a training row in all features and"
    count = int(copies.sum())
    if count < max(LEAST_ROWS, SHARE * all_rows) or not _beyond_chance(columns, codes):
        return None
    return Doubt(
        (name,),
        f"{count:,} of {all_rows:,} {of} ({share_text(count / all_rows)}) {where} {name}, so a model can "
        "remember them",
        "remove the copies from the source, or declare `unique` in the Config of the table in schema.py, "
        "which quarantines them",
    )


def contradictory_rows(features: pd.DataFrame, target: pd.Series, name: str) -> Doubt | None:
    """A doubt if at least 1 % of the rows, and 10, have the features of another row and another class.

    Parameters
    ----------
    target
        The class of each row.
    """
    if features.empty:  # without features, all rows are equal
        return None
    codes = _codes(features)
    classes = pd.Series(pd.factorize(target)[0]).groupby(codes).transform("nunique")
    count = int((classes > 1).sum())
    if count < max(LEAST_ROWS, SHARE * len(features)) or not _beyond_chance(features, codes):
        return None
    return Doubt(
        (name,),
        f"{count:,} of {len(features):,} rows ({share_text(count / len(features))}) have the features of "
        f"another row and another {name}",
        "check the labels, or add the features to features.sql that distinguish these rows",
    )


def _codes(rows: pd.DataFrame) -> NDArray:
    """A number for each row, equal for equal rows."""
    compared = {name: _comparable(column) for name, column in rows.items()}
    return np.asarray(pd.util.hash_pandas_object(pd.DataFrame(compared), index=False))


def _comparable(column: pd.Series) -> pd.Series:
    """A column whose missing values are equal; hashing numbers as numbers is much faster than as objects."""
    if column.dtype.kind in "fiub":
        return column
    return column.astype(object).where(column.notna(), "\0")


def _beyond_chance(rows: pd.DataFrame, codes: NDArray) -> bool:
    """Whether there are many more pairs of equal rows than of independent columns."""
    if not any(rows[name].nunique() >= MEASURED * len(rows) for name in rows):
        return False
    different = rows[~pd.Series(codes).duplicated().to_numpy()]
    pairs = max(len(different) * (len(different) - 1), 1)
    agree = np.prod([_pairs(different[name].value_counts(dropna=False)) / pairs for name in rows])
    expected = float(agree) * len(rows) * (len(rows) - 1)
    return _pairs(pd.Series(codes).value_counts()) >= TIMES_CHANCE * expected


def _pairs(counts: pd.Series) -> float:
    """Twice the number of pairs of equal values."""
    return float((counts * (counts - 1)).sum())
