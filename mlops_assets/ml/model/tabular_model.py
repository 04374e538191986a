"""The model that everybody passes around: from raw columns to predictions."""

import json
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from decimal import Decimal
from numbers import Real
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import ModelError
from mlops_assets.core.names import ROW_ID
from mlops_assets.ml.contracts.columns import Column, select_list
from mlops_assets.ml.families import FAMILIES, Estimator, Settings
from mlops_assets.ml.features.feature_query import FeatureQuery
from mlops_assets.ml.features.preprocessing import MakePipeline, feature_frame, transform
from mlops_assets.ml.metrics.metrics import class_probabilities
from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.ml.model.calibration import Calibration
from mlops_assets.ml.model.ensemble import EnsembleEstimator, Member
from mlops_assets.ml.skops_files import estimator_digest

Label = str | int | float | bool
_SEALED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "python_enable_replacements": "false",
}
"""An artifact's SQL sees the rows that it is given: no file, no network, no variable of ours."""


@dataclass(frozen=True)
class ModelSpec:
    """What a model is, without what it learned.

    Attributes
    ----------
    table
        The name under which `features.sql` sees the raw columns; None when a caller brings the features,
        because they are made of many rows and of time.
    columns
        What a caller has: the raw columns, without the target, or the features.
    features
        The columns that `features.sql` returns, in order.
    classes
        The target's values by the index of the class; empty for regression.
    family, params, rounds
        Of an ensemble, `ensemble`, its weights and None.
    members
        Of an ensemble, its models.
    calibration
        What is done to probabilities, if anything.
    threshold
        The probability of the second class from which on it is predicted; by default one half.
    bounds
        The least and the largest number that a regression predicts.
    """

    project: str
    task: Task
    target: str
    table: str | None
    columns: tuple[Column, ...]
    features: tuple[str, ...]
    classes: tuple[Label, ...]
    family: str
    params: dict[str, Any]
    rounds: int | None
    seed: int
    members: tuple[Member, ...] = ()
    calibration: Calibration | None = None
    threshold: float | None = None
    bounds: tuple[float | None, float | None] = (None, None)

    @property
    def told(self) -> dict[str, Any]:
        """The spec as JSON, without what is not declared, so that settings that come later change nothing."""
        plain = {each.name: each.default for each in fields(self) if each.default is not MISSING}
        every = {**asdict(self), "columns": [column.declared() for column in self.columns]}
        return {
            name: value
            for name, value in every.items()
            if name not in plain or getattr(self, name) != plain[name]
        }


@dataclass(frozen=True)
class TabularModel:
    """A fitted model: the features' SQL, the fitted pipeline, and the fitted estimator."""

    spec: ModelSpec
    features_sql: str
    pipeline: BaseEstimator
    estimator: Estimator

    @classmethod
    def fit(
        cls,
        spec: ModelSpec,
        features_sql: str,
        features: pd.DataFrame,
        target: NDArray,
        make_pipeline: MakePipeline,
        settings: Settings,
    ) -> "TabularModel":
        """Fit the spec's family with its parameters on all rows.

        Parameters
        ----------
        features
            The spec's features, shape `(n, features)`, as `pipelines.feature_frame` gives them.
        target
            Shape `(n,)`; for classification the index of the class.
        """
        pipeline = make_pipeline()
        matrix = transform(pipeline, features, fit=target)
        estimator: Estimator
        if spec.members:
            estimator = EnsembleEstimator.fit(matrix, target, spec.members, settings)
        else:
            estimator = FAMILIES[spec.family].fit(matrix, target, spec.params, spec.rounds, settings)
        return cls(spec, features_sql, pipeline, estimator)

    def predict_features(self, features: pd.DataFrame) -> NDArray:
        """Predictions, as `Task` says, for features that were computed before."""
        frame = feature_frame(features[list(self.spec.features)])
        predictions = self.estimator.predict(transform(self.pipeline, frame))
        if self.spec.calibration:
            return self.spec.calibration.apply(predictions)
        return np.clip(predictions, *self.spec.bounds) if self.spec.bounds != (None, None) else predictions

    def compute_features(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The features of rows: those that they bring, else what the model's own `features.sql` makes of
        them.

        Returns
        -------
        One row for each, in their order.
        """
        missing = [
            column.name for column in self.spec.columns if column.required and column.name not in rows.columns
        ]
        if missing:
            raise ModelError(
                f"model of {self.spec.project}: the rows lack the columns {', '.join(missing)}",
                hint=f"it predicts from {', '.join(column.name for column in self.spec.columns)}",
            )
        query = FeatureQuery(self.features_sql, (self.spec.target,), f"model of {self.spec.project}")
        with duckdb.connect(config=_SEALED) as connection:
            source = connection.from_df(_one_spelling(self.spec.columns, rows.reset_index(drop=True)))
            typed = source.project(
                f"{select_list(self.spec.columns, list(rows.columns))}, row_number() over () - 1 as {ROW_ID}"
            )
            if self.spec.table is None:
                result = typed.order(ROW_ID).df()
            else:
                result = query.run(connection, {self.spec.table: typed}).order(ROW_ID).df()
        if not np.array_equal(result[ROW_ID], np.arange(len(rows))):
            raise ModelError(
                f"model of {self.spec.project}: features.sql returned {len(result)} rows for {len(rows)}"
            )
        return result.drop(columns=ROW_ID)

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Predict from raw columns.

        Returns
        -------
        `prediction`, the value in the target's units or the class; for classes also `probability` (binary,
        of the second class) or `probability_<class>` for each. The rows keep their index.
        """
        predictions = self.predict_features(self.compute_features(rows))
        return pd.DataFrame(self._readable(predictions), index=rows.index)

    def output_types(self) -> dict[str, type]:
        """The columns of `predict`, in order, as `str`, `int`, `float` or `bool`."""
        if self.spec.task == "regression":
            return {"prediction": float}
        chosen: dict[str, type] = {"prediction": type(self.spec.classes[0])}
        if self.spec.task == "binary":
            return {**chosen, "probability": float}
        return chosen | {f"probability_{label}": float for label in self.spec.classes}

    def digest(self) -> str:
        """SHA-256 of all that the model computes: the same fit gives the same digest."""
        return text_digest(
            json.dumps(self.spec.told, sort_keys=True),
            self.features_sql,
            estimator_digest(self.pipeline),
            self.estimator.digest(),
        )

    def _readable(self, predictions: NDArray) -> dict[str, NDArray]:
        if self.spec.task == "regression":
            return {"prediction": predictions}
        probabilities = class_probabilities(self.spec.task, predictions)
        if self.spec.task == "binary":
            return {"prediction": self._decided(predictions), "probability": predictions}
        chosen = {"prediction": np.asarray(self.spec.classes)[probabilities.argmax(axis=1)]}
        return chosen | {
            f"probability_{label}": probabilities[:, index] for index, label in enumerate(self.spec.classes)
        }

    def _decided(self, probabilities: NDArray) -> NDArray:
        """The second class from the threshold on; without one, whichever is more probable."""
        second = probabilities > 0.5 if self.spec.threshold is None else probabilities >= self.spec.threshold
        return np.asarray(self.spec.classes)[second.astype(int)]


def _one_spelling(columns: Sequence[Column], rows: pd.DataFrame) -> pd.DataFrame:
    """Rows in which a column of texts has no numbers beside them: together, all would be read as texts."""
    mixed = [
        column
        for column in columns
        if column.has_marks and column.name in rows and rows[column.name].dtype == object
    ]
    spelled = {
        column.name: [
            column.as_written(value) if isinstance(value, Real | Decimal) else value
            for value in rows[column.name]
        ]
        for column in mixed
        if any(isinstance(value, str) for value in rows[column.name])
    }
    return rows.assign(**spelled)
