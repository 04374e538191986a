"""The pipeline of a model on columns as arrays, without frames where a step allows it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from mlops_assets.ml.features.preprocessing import transform
from mlops_assets.ml.scoring.compiled.lookups import known_values, lookup
from mlops_assets.ml.scoring.compiled.not_compiled import NotCompiledError
from mlops_assets.ml.scoring.compiled.numeric_steps import numeric_step
from mlops_assets.ml.transformers.table_encoder import TableEncoder

Columns = Mapping[str, NDArray]
"""Features by name, as `feature_frame` has them: float64, datetime64 or object, each of shape `(n,)`."""
ToMatrix = Callable[[Columns], NDArray]
"""A step that reads columns and returns float64, shape `(n, columns)`."""


def compile_pipeline(pipeline: BaseEstimator, features: Sequence[str]) -> ToMatrix:
    """The transformation of features to the matrix of the estimator.

    Steps without a compiled form are called with a frame, as in the reference.
    """
    try:
        return _step(pipeline, tuple(features))
    except NotCompiledError:
        return lambda columns: transform(pipeline, pd.DataFrame({name: columns[name] for name in features}))


def known_texts(pipeline: BaseEstimator) -> dict[str, list[str]]:
    """The texts that the encoders of a pipeline know, by feature."""
    pairs: Sequence[tuple[Sequence[str], Any]] = []
    if isinstance(pipeline, TableEncoder):
        pairs = pipeline.steps_
    elif isinstance(pipeline, ColumnTransformer):
        pairs = [(names, step) for _, step, names in pipeline.transformers_ if not isinstance(step, str)]
    found: dict[str, list[str]] = {}
    for names, step in pairs:
        try:
            values = known_values(step, len(names))
        except (NotCompiledError, TypeError):
            continue
        found |= {name: each[1:] for name, each in zip(names, values, strict=True)}
    return found


def _step(transformer: Any, names: tuple[str, ...]) -> ToMatrix:
    if isinstance(transformer, TableEncoder):
        return _table_encoder(transformer)
    if isinstance(transformer, ColumnTransformer):
        return _column_transformer(transformer)
    if transformer == "passthrough":
        return _stacked(names)
    for compiled in (_numeric, lookup, _chain):
        try:
            return compiled(transformer, names)
        except NotCompiledError:
            continue
    raise NotCompiledError(type(transformer).__name__)


def _chain(transformer: Any, names: tuple[str, ...]) -> ToMatrix:
    """A pipeline whose first step reads columns, and whose other steps read numbers."""
    if not isinstance(transformer, Pipeline) or len(transformer) < 2:
        raise NotCompiledError("no pipeline")
    first, rest = _step(transformer[0], names), numeric_step(transformer[1:])
    return lambda columns: rest(first(columns))


def _numeric(transformer: Any, names: tuple[str, ...]) -> ToMatrix:
    step, read = numeric_step(transformer), _stacked(names)
    return lambda columns: step(read(columns))


def _stacked(names: tuple[str, ...]) -> ToMatrix:
    def stack(columns: Columns) -> NDArray:
        matrix = np.empty((len(columns[names[0]]), len(names)))
        for place, name in enumerate(names):
            if columns[name].dtype != np.float64:
                raise NotCompiledError(f"{name} is no number")
            matrix[:, place] = columns[name]
        return matrix

    return stack


def _as_frame(transformer: Any, names: tuple[str, ...]) -> ToMatrix:
    def apply(columns: Columns) -> NDArray:
        return transform(transformer, pd.DataFrame({name: columns[name] for name in names}))

    return apply


def _or_frame(transformer: Any, names: tuple[str, ...]) -> ToMatrix:
    try:
        return _step(transformer, names)
    except NotCompiledError:
        return _as_frame(transformer, names)


def _table_encoder(encoder: TableEncoder) -> ToMatrix:
    numbers = tuple(name for name, kind in encoder.kinds_.items() if kind == "number")
    parts = []
    for kind_names, step in encoder.steps_:
        names = tuple(kind_names)
        try:
            parts.append(lookup(step, names))
        except NotCompiledError:
            parts.append(_as_frame(step, names))
    return _side_by_side([*parts, *([_stacked(numbers)] if numbers else [])])


def _column_transformer(transformer: ColumnTransformer) -> ToMatrix:
    parts = []
    for _, step, names in transformer.transformers_:
        if isinstance(step, str) and step == "drop":
            continue
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise NotCompiledError("columns are not selected by name")
        if names:
            parts.append(_or_frame(step, tuple(names)))
    return _side_by_side(parts)


def _side_by_side(parts: Sequence[ToMatrix]) -> ToMatrix:
    if len(parts) == 1:
        return parts[0]
    return lambda columns: np.concatenate([part(columns) for part in parts], axis=1)
