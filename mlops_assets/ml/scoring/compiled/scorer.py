"""A model compiled for few rows: contract, features, pipeline, estimator and outputs without tables."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mlops_assets.core.errors import MlopsError
from mlops_assets.ml.features.feature_query import FeatureQuery
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.scoring.compiled.estimators import Predict, compile_estimator
from mlops_assets.ml.scoring.compiled.feature_plan import MOST_SINGLE, FeaturePlan
from mlops_assets.ml.scoring.compiled.matrix import Columns, ToMatrix, compile_pipeline
from mlops_assets.ml.scoring.compiled.not_compiled import NotCompiledError
from mlops_assets.ml.scoring.compiled.outputs import compile_outputs, protected_values
from mlops_assets.ml.scoring.compiled.typed_rows import TypedRows

FeatureTypes = Mapping[str, str]
"""The kind of the array of each feature: `f`, `M` or `O`, as NumPy names them."""


@dataclass(frozen=True)
class CompiledScorer:
    """The steps of a model for few rows of plain values; `verification` compares them with the reference."""

    spec: ModelSpec
    typed: TypedRows
    features: Callable[[Sequence[Any]], Sequence[Any] | None]
    """A `FeaturePlan`, or a function for a model whose rows consist of features."""
    types: FeatureTypes
    matrix: ToMatrix
    predict: Predict
    outputs: Callable[[NDArray, Columns, Sequence[Any]], list[dict[str, Any]]]

    @classmethod
    def of(cls, model: TabularModel, typed: TypedRows, types: FeatureTypes) -> "CompiledScorer":
        """Compile a model.

        Raises
        ------
        NotCompiledError
            When `features.sql` or the outputs have no compiled form.
        """
        spec = model.spec
        return cls(
            spec,
            typed,
            _features(model, typed),
            types,
            compile_pipeline(model.pipeline, spec.features),
            compile_estimator(model.estimator),
            compile_outputs(spec),
        )

    def score(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        """The outputs of rows; None for a row that the reference must score."""
        typed = [(place, values) for place, row in enumerate(rows) if (values := self.typed.read(row))]
        outputs: list[dict[str, Any] | None] = [None] * len(rows)
        try:
            for place, output in self._scored(typed):
                outputs[place] = output
        except (NotCompiledError, MlopsError):  # the reference finds an error again, and reports it
            return [None] * len(rows)
        return outputs

    def _scored(self, typed: Sequence[tuple[int, list[Any]]]) -> Iterable[tuple[int, dict[str, Any]]]:
        """The outputs of typed rows with their places, except those whose features can't be computed."""
        places: Sequence[int] = [place for place, _ in typed]
        values: Sequence[list[Any]] = [row for _, row in typed]
        plan = self.features
        if isinstance(plan, FeaturePlan) and plan.expressions is None and len(values) > MOST_SINGLE:
            columns = self._columns_of_many(plan.compute_many(values))
        else:
            computed = [(place, features) for place, row in enumerate(values) if (features := plan(row))]
            if not computed:
                return ()
            known = [place for place, _ in computed]
            places, values = [places[place] for place in known], [values[place] for place in known]
            columns = self.columns([features for _, features in computed])
        if columns is None:
            return ()
        predictions = self.predict(self.matrix(columns))
        outputs = self.outputs(predictions, columns, protected_values(self.spec, values, columns))
        return zip(places, outputs, strict=True)

    def _columns_of_many(self, features: pa.Table | None) -> Columns | None:
        if features is None:
            return None
        return {name: _array(features.column(name).to_pylist(), kind) for name, kind in self.types.items()}

    def columns(self, rows: Sequence[Sequence[Any]]) -> Columns:
        """Features as arrays by name."""
        values = zip(*rows, strict=True)
        return {
            name: _array(list(column), self.types[name])
            for name, column in zip(self.spec.features, values, strict=True)
        }


def _features(model: TabularModel, typed: TypedRows) -> Callable[[Sequence[Any]], Sequence[Any] | None]:
    """The features of the typed values of a row."""
    spec = model.spec
    if spec.table is None:
        names = [column.name for column in typed.columns]
        if any(column.sql_type in ("BIGINT", "BOOLEAN", "DATE") for column in typed.columns):
            raise NotCompiledError("features of another type than numbers, texts and timestamps")
        places = [names.index(name) for name in spec.features]
        if places == list(range(len(names))):
            return lambda values: values
        return lambda values: [values[place] for place in places]
    query = FeatureQuery(model.features_sql, (spec.target,), f"model of {spec.project}")
    return FeaturePlan(query, spec.table, typed.columns, spec.features)


def _array(values: list[Any], kind: str) -> NDArray:
    if kind == "f":
        return np.array(values, dtype=np.float64)  # None is NaN
    if kind == "M":
        return np.array(values, dtype="datetime64[us]")  # None is NaT
    found = np.empty(len(values), dtype=object)
    found[:] = [np.nan if value is None else value for value in values]
    return found
