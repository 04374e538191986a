"""The groups of current rows by a column, as the labelled rows of a model were grouped."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.evaluation.groups.column_groups import MISSING, OTHERS, ColumnGroups


def group_alike(reference: pd.Series, grouped: ColumnGroups, current: pd.Series) -> ColumnGroups:
    """Group current rows into the groups of reference rows, so that figures of both can be compared.

    A number beyond the range of the reference belongs to the first or last group; a value that the reference
    does not have belongs to `other values`.

    Parameters
    ----------
    reference
        The column of the reference rows.
    grouped
        Their groups, of `group_column`.
    """
    labels = list(grouped.labels)
    missing = current.isna().to_numpy()
    groups = _by_bounds(reference, grouped, current) if _has_ranges(reference, grouped) else None
    if groups is None:
        there = reference.notna().to_numpy()
        values = _values(reference[there], current)
        known = dict(zip(values, grouped.groups[there], strict=True))
        groups = _values(current, reference).map(known).to_numpy(dtype=float, na_value=np.nan)
    for label, rows in ((OTHERS, np.isnan(groups) & ~missing), (MISSING, missing)):
        if rows.any() and label not in labels:
            labels.append(label)
        if rows.any():
            groups = np.where(rows, labels.index(label), groups)
    return ColumnGroups(grouped.column, groups.astype(int), labels, grouped.is_ordered)


def _has_ranges(reference: pd.Series, grouped: ColumnGroups) -> bool:
    """Whether groups are ranges of numbers, not single values."""
    return grouped.is_ordered and reference.nunique() > len(grouped.labels)


def _by_bounds(reference: pd.Series, grouped: ColumnGroups, current: pd.Series) -> NDArray:
    values, known = reference.to_numpy(dtype=float, na_value=np.nan), reference.notna().to_numpy()
    ranges = np.unique(grouped.groups[known])
    bounds = np.array([values[known & (grouped.groups == index)].max() for index in ranges])
    numbers = pd.to_numeric(current, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    places = np.minimum(np.searchsorted(bounds, numbers, side="left"), len(ranges) - 1)
    return np.where(np.isnan(numbers), np.nan, ranges[places])


def _values(column: pd.Series, other: pd.Series) -> pd.Series:
    """Values that can be compared with those of the other side: an integer that may be missing is a float."""
    numeric = all(
        pd.api.types.is_numeric_dtype(each) and not pd.api.types.is_bool_dtype(each)
        for each in (column, other)
    )
    return column.astype(float) if numeric else column.astype("string")
