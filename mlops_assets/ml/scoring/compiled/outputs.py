"""Outputs as plain values by column, from the predictions of the estimator."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.metrics.metrics import class_probabilities, predicted_classes
from mlops_assets.ml.model.group_thresholds import GroupThresholds
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.prediction_intervals import Quantiles, set_members, set_text, spread
from mlops_assets.ml.scoring.compiled.not_compiled import NotCompiledError

Features = Mapping[str, NDArray]
"""Features by name, each of shape `(n,)`, as `feature_frame` has them."""
_TYPES = ("DOUBLE", "BIGINT", "BOOLEAN", "VARCHAR")
"""Types of protected columns, whose values have the same label alone and in a batch."""


Outputs = Callable[[NDArray, Features, Sequence[Any]], list[list[Any]]]
"""The columns of `output_types`, from predictions, features and values of the protected column."""


def compile_outputs(spec: ModelSpec) -> Outputs:
    """The outputs of rows, by their predictions, features and values of the protected column.

    Raises
    ------
    NotCompiledError
        When groups are formed by the values of a column of times.
    """
    build = _regression if spec.task == "regression" else _classification
    return build(spec)


def protected_values(
    spec: ModelSpec, typed: Callable[[int], Sequence[Any]], features: Features
) -> Sequence[Any]:
    """The values of the protected column of rows; none without groups.

    Parameters
    ----------
    typed
        Returns the typed values of an input column by its place; missing ones are None, or NaN of doubles.
    """
    fair = spec.group_thresholds
    if fair is None:
        return ()
    raw = {column.name: place for place, column in enumerate(spec.columns)} if spec.table else {}
    if fair.column in raw:
        place = raw[fair.column]
        if spec.columns[place].sql_type not in _TYPES:
            raise NotCompiledError("groups of times")
        return [_plain(value) for value in typed(place)]
    return [_plain(value) for value in features[fair.column].tolist()]


def _regression(spec: ModelSpec) -> Outputs:
    quantile = _quantile(spec.intervals.quantiles) if spec.intervals else None

    def within(values: NDArray) -> NDArray:
        return np.clip(values, *spec.bounds) if spec.bounds != (None, None) else values

    def outputs(predictions: NDArray, features: Features, protected: Sequence[Any]) -> list[list[Any]]:
        del protected
        values = within(predictions)
        columns = [values]
        if spec.intervals is not None and quantile is not None:
            half = quantile(features) * spread(values, spec.intervals.x, spec.intervals.y)
            columns += [within(values - half), within(values + half)]
        return [column.tolist() for column in columns]

    return outputs


def _classification(spec: ModelSpec) -> Outputs:
    classes = np.asarray(spec.classes).tolist()
    kind = spec.output_types()["prediction"]
    sets = [_quantile(each) for each in spec.prediction_sets.quantiles] if spec.prediction_sets else []

    def outputs(predictions: NDArray, features: Features, protected: Sequence[Any]) -> list[list[Any]]:
        values = spec.calibration.apply(predictions) if spec.calibration else predictions
        threshold = _thresholds(spec.group_thresholds, spec.threshold, protected)
        chosen = predicted_classes(spec.task, values, threshold)
        columns: list[list[Any]] = [[kind(classes[index]) for index in chosen.tolist()]]
        probabilities = class_probabilities(spec.task, values)
        columns += [values.tolist()] if spec.task == "binary" else probabilities.T.tolist()
        if sets:
            limits = [each(features) for each in sets]
            members = set_members(probabilities, chosen, limits)
            columns.append([set_text(row, spec.classes) for row in members])
        return columns

    return outputs


def _thresholds(fair: GroupThresholds | None, threshold: float | None, values: Sequence[Any]) -> Any:
    return threshold if fair is None else np.array([fair.of_value(value) for value in values])


def _quantile(quantiles: Quantiles) -> Callable[[Features], NDArray]:
    """The quantile of each row."""
    known = {group.values: group.quantile for group in quantiles.groups}

    def of(features: Features) -> NDArray:
        columns = [features[name] for name in quantiles.columns] if known else list(features.values())[:1]
        if not known:
            return np.full(len(columns[0]), quantiles.others)
        if any(column.dtype.kind == "M" for column in columns):
            raise NotCompiledError("groups of times")
        values = zip(*(column.tolist() for column in columns), strict=True)
        found = [known.get(tuple(map(_plain, row)), quantiles.others) for row in values]
        return np.array(found, dtype=float)

    return of


def _plain(value: Any) -> Any:
    """A feature as a plain value, None where it is missing."""
    return None if value != value else value
