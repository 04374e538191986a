"""Prediction intervals and prediction sets: conformal quantiles as plain numbers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LOWER, UPPER, PREDICTION_SET = "prediction_lower", "prediction_upper", "prediction_set"
"""Columns of predictions."""

GroupValue = str | float | None
"""The value of a feature in a group; None where it is missing."""


@dataclass(frozen=True)
class GroupQuantile:
    """The quantile of one group.

    Attributes
    ----------
    values
        A value for each group column.
    rows
        Number of out-of-fold rows that the quantile is computed from.
    """

    values: tuple[GroupValue, ...]
    quantile: float
    rows: int


@dataclass(frozen=True)
class Quantiles:
    """A quantile for each declared group, and one for all other rows.

    Attributes
    ----------
    others
        The quantile of groups that are too small for one of their own, and of groups without any training
        row; without declared groups, of all rows.
    columns
        The features that define groups.
    """

    others: float
    columns: tuple[str, ...] = ()
    groups: tuple[GroupQuantile, ...] = ()

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> "Quantiles":
        """The quantiles from the form that `dataclasses.asdict` gives them."""
        groups = [{**group, "values": tuple(group["values"])} for group in values["groups"]]
        return cls(
            values["others"], tuple(values["columns"]), tuple(GroupQuantile(**group) for group in groups)
        )

    def of(self, features: pd.DataFrame) -> NDArray:
        """The quantile of each row of a frame as `feature_frame` returns it, shape `(n,)`."""
        if not self.groups:
            return np.full(len(features), self.others)
        codes, values = group_codes(features, self.columns)
        known = {group.values: group.quantile for group in self.groups}
        return np.array([known.get(each, self.others) for each in values], dtype=float)[codes]


def group_codes(
    features: pd.DataFrame, columns: Sequence[str]
) -> tuple[NDArray, list[tuple[GroupValue, ...]]]:
    """The group of each row as an index, shape `(n,)`, and the values of each group.

    A merge with a table of groups would refuse a batch in which all texts are missing.
    """
    keys = features[list(columns)]
    codes = keys.groupby(list(columns), dropna=False, sort=False).ngroup().to_numpy()
    first = np.unique(codes, return_index=True)[1]
    rows = keys.iloc[first].itertuples(index=False, name=None)
    return codes, [tuple(None if pd.isna(value) else value for value in row) for row in rows]


@dataclass(frozen=True)
class PredictionIntervals:
    """Intervals around the predictions of a regression.

    An interval is `prediction ± quantile · spread`. The quantile is conformal: a quantile of out-of-fold
    residuals, divided by their spread.

    Attributes
    ----------
    coverage
        The share of new rows whose true value an interval shall contain.
    rows
        Number of out-of-fold rows.
    quantiles
        In units of the spread.
    x, y
        The spread as a piecewise linear function of the prediction, constant beyond its knots; without knots
        it is 1.
    """

    coverage: float
    rows: int
    quantiles: Quantiles
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> "PredictionIntervals":
        """The intervals from the form that `dataclasses.asdict` gives them."""
        return cls(
            values["coverage"],
            values["rows"],
            Quantiles.of_json(values["quantiles"]),
            tuple(values["x"]),
            tuple(values["y"]),
        )

    def bounds(self, predictions: NDArray, features: pd.DataFrame) -> tuple[NDArray, NDArray]:
        """Lower and upper bounds, each of shape `(n,)`."""
        half = self.quantiles.of(features) * spread(predictions, self.x, self.y)
        return predictions - half, predictions + half


def spread(predictions: NDArray, x: Sequence[float], y: Sequence[float]) -> NDArray:
    """The spread of the residuals by prediction, shape `(n,)`; 1 without knots."""
    return np.interp(predictions, x, y) if len(x) else np.ones(len(predictions))


@dataclass(frozen=True)
class PredictionSets:
    """Sets of classes of a classification.

    A set contains each class whose probability is at least one minus a conformal quantile (Sadinle et al.
    2019, least ambiguous sets), and always the predicted class.

    Attributes
    ----------
    coverage
        The share of new rows whose class a set shall contain.
    rows
        Number of out-of-fold rows.
    quantiles
        One for all classes, or one for each class.
    """

    coverage: float
    rows: int
    quantiles: tuple[Quantiles, ...]

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> "PredictionSets":
        """The sets from the form that `dataclasses.asdict` gives them."""
        return cls(
            values["coverage"], values["rows"], tuple(Quantiles.of_json(each) for each in values["quantiles"])
        )

    def members(self, probabilities: NDArray, predicted: NDArray, features: pd.DataFrame) -> NDArray:
        """Whether a class belongs to the set of a row, shape `(n, classes)`.

        Parameters
        ----------
        probabilities
            Shape `(n, classes)`.
        predicted
            The index of the predicted class, shape `(n,)`.
        """
        return set_members(probabilities, predicted, [each.of(features) for each in self.quantiles])


def set_members(probabilities: NDArray, predicted: NDArray, quantiles: Sequence[NDArray]) -> NDArray:
    """`PredictionSets.members` by the quantiles of the rows: one array for all classes, or one for each."""
    inside = 1 - probabilities <= np.column_stack(quantiles)
    inside[np.arange(len(predicted)), predicted] = True
    return inside


def set_text(members: Sequence[bool] | NDArray, labels: Sequence[Any]) -> str:
    """The labels of a set as JSON, such as `["no", "yes"]`."""
    inside = [label for label, is_member in zip(labels, members, strict=True) if is_member]
    return json.dumps(inside, ensure_ascii=False)


def set_texts(members: NDArray, labels: Sequence[Any]) -> NDArray:
    """The text of each set, shape `(n,)`."""
    if not len(members):
        return np.empty(0, dtype=object)
    distinct, which = np.unique(members, axis=0, return_inverse=True)
    texts = [set_text(row, labels) for row in distinct]
    return np.array(texts, dtype=object)[which.reshape(-1)]
