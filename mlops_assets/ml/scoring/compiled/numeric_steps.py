"""Transformers of numbers on a matrix, without the validation that scikit-learn repeats at each call."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from mlops_assets.ml.scoring.compiled.not_compiled import NotCompiledError
from mlops_assets.ml.transformers import (
    DistanceToLine,
    DistanceToPoints,
    NeighbourMeans,
    NeighbourTargets,
    RotatedCoordinates,
)

NumericStep = Callable[[NDArray], NDArray]
"""From float64, shape `(n, columns)`, to float64 of the same number of rows."""


def numeric_step(transformer: Any) -> NumericStep:
    """A fitted transformer as a function of a matrix.

    Raises
    ------
    NotCompiledError
        When the transformer is not one of the known ones.
    """
    build = _BUILDERS.get(type(transformer))
    if build is None:
        raise NotCompiledError(type(transformer).__name__)
    return build(transformer)


def _pipeline(pipeline: Pipeline) -> NumericStep:
    return _in_turn([numeric_step(step) for _, step in pipeline.steps if step not in (None, "passthrough")])


def _in_turn(steps: Sequence[NumericStep]) -> NumericStep:
    def apply(matrix: NDArray) -> NDArray:
        for step in steps:
            matrix = step(matrix)
        return matrix

    return apply


def _imputer(imputer: SimpleImputer) -> NumericStep:
    known = imputer.statistics_
    numeric = known.dtype.kind == "f" and not np.isnan(known).any()
    if not numeric or not isinstance(imputer.missing_values, float):
        raise NotCompiledError("an imputer that drops columns, or of texts")
    marked = imputer.indicator_.features_ if imputer.add_indicator else None

    def apply(matrix: NDArray) -> NDArray:
        missing = np.isnan(matrix)
        filled = np.where(missing, known, matrix)
        return filled if marked is None else np.concatenate([filled, missing[:, marked]], axis=1)

    return apply


def _standard_scaler(scaler: StandardScaler) -> NumericStep:
    mean, scale = scaler.mean_, scaler.scale_

    def apply(matrix: NDArray) -> NDArray:
        if scaler.with_mean:
            matrix = matrix - mean
        return matrix / scale if scaler.with_std else matrix

    return apply


def _min_max_scaler(scaler: MinMaxScaler) -> NumericStep:
    if scaler.clip:
        raise NotCompiledError("a scaler that clips")
    return lambda matrix: matrix * scaler.scale_ + scaler.min_


def _identity(transformer: FunctionTransformer) -> NumericStep:
    if transformer.func is not None:
        raise NotCompiledError("a function")
    return lambda matrix: matrix


_BUILDERS: dict[type, Callable[[Any], NumericStep]] = {
    Pipeline: _pipeline,
    SimpleImputer: _imputer,
    StandardScaler: _standard_scaler,
    MinMaxScaler: _min_max_scaler,
    FunctionTransformer: _identity,
    NeighbourMeans: NeighbourMeans.prepared,
    NeighbourTargets: NeighbourTargets.prepared,
    DistanceToLine: lambda transformer: transformer.transform,
    DistanceToPoints: lambda transformer: transformer.transform,
    RotatedCoordinates: lambda transformer: transformer.transform,
}
