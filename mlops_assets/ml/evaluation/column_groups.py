"""Columns cut into groups of rows, each with a name that people read."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.number_format import number

MOST_VALUES = 8
QUANTILES = 5
MISSING, OTHERS = "missing", "other values"


@dataclass(frozen=True)
class Cut:
    """Which group each row belongs to.

    Attributes
    ----------
    groups
        Shape `(n,)`: an index into `labels`.
    is_ordered
        Whether groups beside each other belong together, as quantiles do; `missing`, if there is such a
        group, is the last and never belongs to another.
    """

    column: str
    groups: NDArray
    labels: list[str]
    is_ordered: bool

    def rows_of(self, index: int) -> NDArray:
        """A mask of the rows of one group."""
        return self.groups == index


def cut(column: pd.Series, *, name: str, quantiles: int = QUANTILES, values: int = MOST_VALUES) -> Cut:
    """Group rows by a column: numbers of many values by quantiles, anything else by its most frequent values.

    Equal numbers are never parted, so that there may be fewer quantiles, and of other sizes.
    """
    missing = column.isna().to_numpy()
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if numeric and column.nunique() > quantiles:
        groups, labels = _by_quantiles(column.to_numpy(dtype=float), missing, quantiles)
    else:
        groups, labels = _by_values(column, missing, values)
    if missing.any():
        groups = np.where(missing, len(labels), groups)
        labels = [*labels, MISSING]
    return Cut(name, groups, labels, numeric)


def _by_quantiles(values: NDArray, missing: NDArray, count: int) -> tuple[NDArray, list[str]]:
    known = values[~missing]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, count + 1)[1:-1], method="inverted_cdf"))
    found = np.searchsorted(edges, np.where(missing, edges[0], values), side="left")
    present, groups = np.unique(found, return_inverse=True)
    labels = []
    for index in range(len(present)):
        inside = values[(groups == index) & ~missing]
        low, high = inside.min(), inside.max()
        labels.append(_number(low) if low == high else f"{_number(low)} to {_number(high)}")
    return groups, _distinct(labels)


def _by_values(column: pd.Series, missing: NDArray, most: int) -> tuple[NDArray, list[str]]:
    texts = column.map(_text).to_numpy(dtype=object)
    counted = pd.Series(texts[~missing]).value_counts(sort=True)
    order = sorted(counted.index, key=lambda text: (-counted[text], text))
    shown = order if len(order) <= most else order[: most - 1]
    places = {text: index for index, text in enumerate(shown)}
    groups = np.array([places.get(text, len(shown)) for text in texts], dtype=int)
    return groups, [*shown, *([OTHERS] if len(order) > len(shown) else [])]


def _text(value: object) -> str:
    return _number(float(value)) if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    return f"{int(value):,}" if float(value).is_integer() and abs(value) < 1e6 else number(float(value))


def _distinct(labels: list[str]) -> list[str]:
    """Rounded to the same text, two groups would be taken for one."""
    return [
        label if labels.count(label) == 1 else f"{label} ({labels[: index + 1].count(label)})"
        for index, label in enumerate(labels)
    ]
