"""Rows grouped by the values of a column, with a readable label for each group."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.number_format import number

MAX_VALUES = 8
QUANTILES = 5
MISSING, OTHERS = "missing", "other values"
"""Labels of the rows without a value and of the pooled values; a text that is spelled like them is quoted."""


@dataclass(frozen=True)
class ColumnGroups:
    """The group of each row.

    Attributes
    ----------
    groups
        Shape `(n,)`: an index into `labels`.
    labels
        A different label for each group.
    is_ordered
        Whether adjacent groups may be joined, as quantiles may. The group `missing`, if there is one, is the
        last and is never joined.
    """

    column: str
    groups: NDArray
    labels: list[str]
    is_ordered: bool

    def mask(self, index: int) -> NDArray:
        """The rows of one group as a mask of shape `(n,)`."""
        return self.groups == index


def group_column(
    column: pd.Series,
    *,
    name: str,
    quantiles: int = QUANTILES,
    values: int = MAX_VALUES,
    numbered: bool = False,
) -> ColumnGroups:
    """Group rows by a column.

    Numbers with more than `quantiles` distinct values are grouped by quantiles, all other columns by their
    `values` most frequent values. Equal numbers are in the same group, so there may be fewer groups than
    `quantiles`, of unequal sizes. Missing values are a group of their own.

    Parameters
    ----------
    numbered
        Whether labels have numbers instead of values: in the order of quantiles, or of the numbers of rows.
    """
    missing = column.isna().to_numpy()
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if numeric and column.nunique() > quantiles:
        groups, labels = _by_quantiles(column.to_numpy(dtype=float), missing, quantiles)
    else:
        groups, labels = _by_values(column, missing, values)
    if numbered:
        labels = [label if label == OTHERS else f"group {place}" for place, label in enumerate(labels, 1)]
    if missing.any():
        groups = np.where(missing, len(labels), groups)
        labels = [*labels, MISSING]
    labels = _distinct(labels)
    return ColumnGroups(name, groups, labels, numeric)


def _by_quantiles(values: NDArray, missing: NDArray, count: int) -> tuple[NDArray, list[str]]:
    edges = np.unique(
        np.quantile(values[~missing], np.linspace(0, 1, count + 1)[1:-1], method="inverted_cdf")
    )
    found = np.searchsorted(edges, np.where(missing, edges[0], values), side="left")
    present, groups = np.unique(found, return_inverse=True)
    labels = []
    for index in range(len(present)):
        inside = values[(groups == index) & ~missing]
        low, high = inside.min(), inside.max()
        labels.append(_number(low) if low == high else f"{_number(low)} to {_number(high)}")
    return groups, labels


def _by_values(column: pd.Series, missing: NDArray, count: int) -> tuple[NDArray, list[str]]:
    codes, uniques = pd.factorize(column)
    texts = [_text(value) for value in uniques]
    counts = np.bincount(codes[~missing], minlength=len(texts))
    order = sorted(range(len(texts)), key=lambda code: (-counts[code], texts[code]))
    shown = order if len(order) <= count else order[: count - 1]
    places = np.full(len(texts) + 1, len(shown))
    places[shown] = np.arange(len(shown))
    return places[codes], [*(texts[code] for code in shown), *([OTHERS] if len(order) > len(shown) else [])]


def _text(value: object) -> str:
    if isinstance(value, float):
        return _number(value)
    return f'"{value}"' if value in (MISSING, OTHERS) else str(value)


def _number(value: float) -> str:
    return f"{int(value):,}" if float(value).is_integer() and abs(value) < 1e6 else number(float(value))


def _distinct(labels: list[str]) -> list[str]:
    """Labels with a counter where rounding made them equal: equal labels would look like one group."""
    return [
        label if labels.count(label) == 1 else f"{label} ({labels[: index + 1].count(label)})"
        for index, label in enumerate(labels)
    ]
