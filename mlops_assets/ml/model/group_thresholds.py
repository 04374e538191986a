"""Decision thresholds by group of a protected column, so that groups are treated alike within a limit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.core.names import PROTECTED
from mlops_assets.ml.features.preprocessing import feature_frame
from mlops_assets.ml.metrics.disparity import Constraint

MISSING, OTHERS = "missing", "other values"
"""Labels of the rows without a value and of the pooled values; a text that is spelled like them is quoted."""


@dataclass(frozen=True)
class GroupThresholds:
    """The minimum probability for predicting the second of two classes, by group.

    Attributes
    ----------
    column
        The protected column, which predictions read: an input column, or else a feature.
    labels, thresholds
        The groups and their thresholds.
    unconstrained
        The threshold without the constraint, which rows of no group have, such as those of a group that was
        too small in training.
    constraint, at_most
        What the thresholds were chosen for, and the limit of the disparity.
    edges
        For a numeric column: the first value of the second and of each following group.
    """

    column: str
    labels: tuple[str, ...]
    thresholds: tuple[float, ...]
    unconstrained: float
    constraint: Constraint
    at_most: float
    edges: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("labels", "thresholds", "edges"):  # lists when read from JSON
            object.__setattr__(self, name, tuple(getattr(self, name)))

    def groups(self, values: Sequence[Any] | NDArray | pd.Series) -> NDArray:
        """The group of each value as an index into `labels`, shape `(n,)`; -1 for rows of no group."""
        places = {label: index for index, label in enumerate(self.labels)}
        others = places.get(OTHERS, -1)
        labels, codes = group_labels(values, self.edges)
        found = np.array([places.get(label, others) for label in labels], dtype=int)
        return found[codes]

    def of(self, values: Sequence[Any] | NDArray | pd.Series) -> NDArray:
        """The threshold of each row, shape `(n,)`, by its value of the protected column."""
        return np.append(self.thresholds, self.unconstrained)[self.groups(values)]

    def of_value(self, value: Any) -> float:
        """The threshold of a row by its value of the protected column, None where it is missing."""
        label = MISSING if value is None else _label(value, self.edges)
        places = {known: index for index, known in enumerate(self.labels)}
        place = places.get(label, places.get(OTHERS, -1))
        return (*self.thresholds, self.unconstrained)[place]

    def values_in(self, features: pd.DataFrame) -> pd.Series:
        """The protected column of a model's features: that of the table, or else the feature of this name."""
        if PROTECTED in features:
            return features[PROTECTED]
        return feature_frame(features[[self.column]])[self.column]


def group_labels(
    values: Sequence[Any] | NDArray | pd.Series, edges: Sequence[float] = ()
) -> tuple[list[str], NDArray]:
    """The labels of a column's groups, and the index of the label of each row.

    Equal values of different types have the same label: the integer 1 of a table is the float 1.0 of a
    feature.

    Parameters
    ----------
    edges
        Numbers are grouped by these; by default each value is a group.
    """
    codes, uniques = pd.factorize(pd.Series(values), use_na_sentinel=True)
    labels = [_label(value, edges) for value in uniques]
    distinct = list(dict.fromkeys([*labels, MISSING]))
    places = {label: index for index, label in enumerate(distinct)}
    return distinct, np.array([places[label] for label in [*labels, MISSING]], dtype=int)[codes]


def _label(value: Any, edges: Sequence[float]) -> str:
    return _between(float(value), edges) if edges else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return f'"{value}"' if value in (MISSING, OTHERS) else str(value)


def _between(value: float, edges: Sequence[float]) -> str:
    place = int(np.searchsorted(edges, value, side="right"))
    if place == 0:
        return f"below {edges[0]:g}"
    if place == len(edges):
        return f"{edges[-1]:g} or more"
    return f"{edges[place - 1]:g} to below {edges[place]:g}"
