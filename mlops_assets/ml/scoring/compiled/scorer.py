"""A model compiled for plain values: contract, features, pipeline, estimator and outputs without frames."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops_assets.core.errors import MlopsError
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.scoring.compiled.contract.column_reader import ABSENT, Values
from mlops_assets.ml.scoring.compiled.contract.typed_rows import TypedRows
from mlops_assets.ml.scoring.compiled.cores import ONE_CORE, Cores
from mlops_assets.ml.scoring.compiled.estimators import Predict, compile_estimator
from mlops_assets.ml.scoring.compiled.feature_plan import FeatureStep, compile_features
from mlops_assets.ml.scoring.compiled.matrix import Columns, ToMatrix, compile_pipeline
from mlops_assets.ml.scoring.compiled.not_compiled import NotCompiledError
from mlops_assets.ml.scoring.compiled.outputs import Outputs, compile_outputs, protected_values

FeatureTypes = Mapping[str, str]
"""The kind of the array of each feature: `f`, `M` or `O`, as NumPy names them."""
MOST_SINGLE = 16
"""Maximum number of rows that are read one by one; columns take less time for more of them."""


class ScoredColumns(NamedTuple):
    """The outputs of rows by column.

    Attributes
    ----------
    places
        The places of these rows among all rows; the others must be scored by the reference.
    outputs
        Plain values by name, in the order of `output_schema`.
    """

    places: Sequence[int]
    outputs: Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class CompiledScorer:
    """The steps of a model for plain values; `verification` compares them with the reference."""

    spec: ModelSpec
    typed: TypedRows
    features: FeatureStep
    types: FeatureTypes
    matrix: ToMatrix
    predict: Predict
    outputs: Outputs
    cores: Cores = ONE_CORE

    @classmethod
    def of(
        cls, model: TabularModel, typed: TypedRows, types: FeatureTypes, cores: Cores = ONE_CORE
    ) -> "CompiledScorer":
        """Compile a model.

        Parameters
        ----------
        cores
            Compute the predictions of many rows.

        Raises
        ------
        NotCompiledError
            When `features.sql` or the outputs have no compiled form.
        """
        spec = model.spec
        return cls(
            spec,
            typed,
            compile_features(model, typed.columns),
            types,
            compile_pipeline(model.pipeline, spec.features),
            compile_estimator(model.estimator),
            compile_outputs(spec),
            cores,
        )

    def score(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        """The outputs of rows; None for a row that the reference must score."""
        if len(rows) > MOST_SINGLE:
            names = [column.name for column in self.typed.columns]
            columns = {name: [row.get(name, ABSENT) for row in rows] for name in names}
            places, found = self.score_columns(columns, len(rows))
        else:
            places, found = self._scored(self._score_rows, rows)
        outputs: list[dict[str, Any] | None] = [None] * len(rows)
        for place, *values in zip(places, *found.values(), strict=True):
            outputs[place] = dict(zip(found, values, strict=True))
        return outputs

    def score_columns(self, columns: Mapping[str, Values], count: int) -> ScoredColumns:
        """The outputs of many rows.

        Parameters
        ----------
        columns
            As `TypedRows.read_columns` takes them.
        """
        return self._scored(self._score_columns, columns, count)

    def columns(self, rows: Sequence[Sequence[Any]]) -> Columns:
        """Features of rows as arrays by name."""
        return self._arrays([*zip(*rows, strict=True)])

    def _scored(self, score: Callable[..., ScoredColumns | None], *given: Any) -> ScoredColumns:
        try:
            found = score(*given)
        except (NotCompiledError, MlopsError):  # the reference finds an error again, and reports it
            found = None
        return found or ScoredColumns((), dict.fromkeys(self.spec.output_types(), ()))

    def _score_rows(self, rows: Sequence[Mapping[str, Any]]) -> ScoredColumns | None:
        """Read rows and compute their features one by one."""
        found = [
            (place, values, features)
            for place, row in enumerate(rows)
            if (values := self.typed.read(row)) and (features := self.features(values))
        ]
        if not found:
            return None
        places, values, features = zip(*found, strict=True)
        columns = self.columns(features)
        protected = protected_values(self.spec, lambda column: [row[column] for row in values], columns)
        return self._outputs(places, columns, protected)

    def _score_columns(self, given: Mapping[str, Values], count: int) -> ScoredColumns | None:
        """Read columns and compute the features of all rows together."""
        values, satisfied = self.typed.read_columns(given, count)
        places = np.flatnonzero(satisfied)
        if len(places) < count:
            values = [column[places] for column in values]
        if not len(places) or (found := self.features.of_columns(values)) is None:
            return None
        if found.places is not None:
            places, values = places[found.places], [column[found.places] for column in values]
        columns = self._arrays(found.columns)
        protected = protected_values(self.spec, lambda column: values[column].tolist(), columns)
        return self._outputs(places.tolist(), columns, protected)

    def _outputs(
        self, places: Sequence[int], columns: Columns, protected: Sequence[Any]
    ) -> ScoredColumns | None:
        if not len(places):
            return None
        predictions = self.cores.apply(lambda part: self.predict(self.matrix(part)), columns)
        outputs = self.outputs(predictions, columns, protected)
        return ScoredColumns(places, dict(zip(self.spec.output_types(), outputs, strict=True)))

    def _arrays(self, features: Sequence[Sequence[Any] | NDArray]) -> Columns:
        return {
            name: _array(column, self.types[name])
            for name, column in zip(self.spec.features, features, strict=True)
        }


def _array(values: Sequence[Any] | NDArray, kind: str) -> NDArray:
    if kind == "f":
        return np.asarray(values, dtype=np.float64)  # None is NaN
    if kind == "M":
        return np.array([*values], dtype="datetime64[us]")  # None is NaT
    found = np.empty(len(values), dtype=object)
    found[:] = [np.nan if value is None else value for value in values]
    return found
