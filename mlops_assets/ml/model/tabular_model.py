"""The tabular model: feature query, pipeline and estimator, from raw columns to predictions."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_datetime64_dtype
from sklearn.base import BaseEstimator

from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import ModelError, ProjectError
from mlops_assets.core.names import PROTECTED, ROW_ID
from mlops_assets.core.sql_quoting import UTC_SESSION, quoted
from mlops_assets.ml.contracts.time_sql import UTC_ZONE
from mlops_assets.ml.families import FAMILIES, Estimator, FitRows, Settings
from mlops_assets.ml.features.feature_query import FeatureQuery
from mlops_assets.ml.features.monotone import column_directions
from mlops_assets.ml.features.preprocessing import MakePipeline, feature_frame, transform
from mlops_assets.ml.metrics.metrics import Threshold, class_probabilities, predicted_classes
from mlops_assets.ml.model.class_weights import fit_weights
from mlops_assets.ml.model.ensemble import EnsembleEstimator
from mlops_assets.ml.model.input_rows import typed_rows
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.prediction_intervals import LOWER, PREDICTION_SET, UPPER, set_texts
from mlops_assets.ml.skops_files import estimator_digest

SANDBOX: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "python_enable_replacements": "false",
}
"""The SQL of an artifact reads only its input rows: no file, no network and no Python variable."""


@contextmanager
def sandbox() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for the SQL of a model."""
    with duckdb.connect(config=SANDBOX) as connection:
        connection.execute(UTC_SESSION)
        yield connection


@dataclass(frozen=True)
class TabularModel:
    """A fitted model: the SQL of its features, the fitted pipeline and the fitted estimator."""

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
        *,
        weights: NDArray | None = None,
    ) -> "TabularModel":
        """Fit the family of a specification with its parameters on all rows.

        Parameters
        ----------
        features
            The features of the specification, shape `(n, features)`, as `feature_frame` returns them.
        target
            Shape `(n,)`; in classification the index of the class.
        weights
            The weight of each row, shape `(n,)`; by default rows count the same. The pipeline is fitted
            without weights.
        """
        pipeline = make_pipeline()
        matrix = transform(pipeline, features, fit=target, seed=settings.seed)
        directions = column_directions(pipeline, features, dict(spec.monotone))
        rows = FitRows(matrix, target, fit_weights(target, weights, spec.class_weights), directions)
        estimator: Estimator
        if spec.members:
            estimator = EnsembleEstimator.fit(rows, spec.members, settings)
        else:
            estimator = FAMILIES[spec.family].fit(rows, spec.params, spec.rounds, settings)
        return cls(spec, features_sql, pipeline, estimator)

    def predict_features(self, features: pd.DataFrame) -> NDArray:
        """Predict from computed features, in the shape of `Task`, calibrated or clipped to the bounds."""
        if features.empty:  # transformers refuse it
            return np.empty((0, len(self.spec.classes)) if self.spec.task == "multiclass" else 0)
        frame = feature_frame(features[list(self.spec.features)])
        return self.predict_matrix(transform(self.pipeline, frame))

    def predict_matrix(self, matrix: NDArray) -> NDArray:
        """Predict from the output of the pipeline; otherwise as `predict_features`."""
        predictions = self.estimator.predict(matrix)
        if self.spec.calibration:
            return self.spec.calibration.apply(predictions)
        return self._within_bounds(predictions)

    def predict_intervals(self, features: pd.DataFrame, predictions: NDArray) -> tuple[NDArray, NDArray]:
        """Lower and upper bounds of the prediction intervals, clipped to the bounds of the target.

        Parameters
        ----------
        predictions
            As `predict_features` returns them for these features.

        Raises
        ------
        ValueError
            If the model has no intervals.
        """
        if self.spec.intervals is None:
            raise ValueError(f"the {self._subject} has no prediction intervals")
        lower, upper = self.spec.intervals.bounds(predictions, feature_frame(features))
        return self._within_bounds(lower), self._within_bounds(upper)

    def predict_sets(
        self, features: pd.DataFrame, predictions: NDArray, threshold: Threshold = None
    ) -> NDArray:
        """Whether a class belongs to the prediction set of a row, shape `(n, classes)`.

        Parameters and errors as for `predict_intervals`; `threshold` is the decision threshold of these rows:
        a set contains the class that it chooses.
        """
        if self.spec.prediction_sets is None:
            raise ValueError(f"the {self._subject} has no prediction sets")
        return self.spec.prediction_sets.members(
            class_probabilities(self.spec.task, predictions),
            predicted_classes(self.spec.task, predictions, threshold),
            feature_frame(features),
        )

    def compute_features(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Compute the features of raw rows with the model's `features.sql`.

        Rows of a model without a raw table already consist of features; these are only cast to their types.

        Returns
        -------
        One row for each input row, in the same order.

        Raises
        ------
        ModelError
            If the rows do not fit the columns, see `typed_rows`, or the query does not return one row for
            each row.
        """
        with sandbox() as connection:
            typed = typed_rows(connection, self.spec.columns, rows, subject=self._subject)
            return self.features_of(connection, typed, np.arange(len(rows)))

    def features_of(
        self, connection: duckdb.DuckDBPyConnection, typed: duckdb.DuckDBPyRelation, row_ids: NDArray
    ) -> pd.DataFrame:
        """Compute the features of rows that are cast already.

        Parameters
        ----------
        connection
            A connection of `sandbox`.
        typed
            The columns of the specification with their types, and `row_id`.
        row_ids
            The `row_id` of each row, in increasing order.

        Returns
        -------
        One row for each `row_id`, in the same order. A protected column of the table that selects the
        decision threshold is added under a reserved name.

        Raises
        ------
        ProjectError
            If the query fails.
        ModelError
            If the query does not return one row for each row.
        """
        query = FeatureQuery(self.features_sql, (self.spec.target,), self._subject)
        computed = typed if self.spec.table is None else query.run(connection, {self.spec.table: typed})
        try:
            result = computed.order(ROW_ID).df()
        except duckdb.Error as error:
            found = query.error_for(error)
            if any(column.sensitive for column in self.spec.columns):
                raise ProjectError(found.without_values, hint=found.hint) from None
            raise found from error
        if not np.array_equal(result[ROW_ID], row_ids):
            raise ModelError(
                f"{self._subject}: features.sql returned {len(result)} rows for {len(row_ids)} input rows"
            )
        if (protected := self._protected_input) is not None:
            result[PROTECTED] = typed.order(ROW_ID).project(quoted(protected)).df()[protected]
        return result.drop(columns=ROW_ID)

    def as_sent(self, stored: pd.DataFrame) -> pd.DataFrame:
        """Rows of a validated table as a client sends them: stored times are in UTC, and state it.

        Without an offset, `compute_features` would read them in the `time_zone` of the table.
        """
        zoned = [
            column.name
            for column in self.spec.columns
            if column.sql_type == "TIMESTAMP"
            and column.time_zone != UTC_ZONE
            and column.name in stored
            and is_datetime64_dtype(stored[column.name])  # the contract may have changed since
        ]
        return stored.assign(**{name: stored[name].dt.tz_localize(UTC_ZONE) for name in zoned})

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Predict from raw columns.

        Returns
        -------
        Column `prediction`: the value in units of the target, or the class. In classification also
        `probability` (binary, of the second class) or `probability_<class>` of each class. A model with
        intervals adds `prediction_lower` and `prediction_upper`, one with prediction sets `prediction_set`:
        its classes as a JSON list. The index is that of `rows`.
        """
        return pd.DataFrame(self.outputs(self.compute_features(rows)), index=rows.index)

    def outputs(self, features: pd.DataFrame) -> dict[str, NDArray]:
        """Predict from computed features: the columns of `output_types`, each of shape `(n,)`."""
        predictions, thresholds = self.predict_features(features), self.decision_thresholds(features)
        columns = self._output_columns(predictions, thresholds)
        return columns | self._uncertainty_columns(features, predictions, thresholds)

    def decision_thresholds(self, features: pd.DataFrame) -> Threshold:
        """The decision threshold, or with a fairness constraint that of each row, shape `(n,)`.

        Parameters
        ----------
        features
            As `compute_features` returns them, with the protected column.
        """
        fair = self.spec.group_thresholds
        if fair is None or features.empty:
            return self.spec.threshold
        return fair.of(fair.values_in(features))

    def output_types(self) -> dict[str, type]:
        """The columns that `predict` returns; see `ModelSpec.output_types`."""
        return self.spec.output_types()

    def digest(self) -> str:
        """SHA-256 of the specification and the fitted state: equal fits have equal digests."""
        return text_digest(
            json.dumps(self.spec.to_json(), sort_keys=True),
            self.features_sql,
            estimator_digest(self.pipeline),
            self.estimator.digest(),
        )

    @property
    def _subject(self) -> str:
        return f"model of {self.spec.project}"

    @property
    def _protected_input(self) -> str | None:
        """The raw column that selects the threshold; None if it is a feature, or there is none."""
        fair, raw = self.spec.group_thresholds, self.spec.table is not None
        return (
            fair.column if fair and raw and fair.column in {each.name for each in self.spec.columns} else None
        )

    def _output_columns(self, predictions: NDArray, thresholds: Threshold) -> dict[str, NDArray]:
        if self.spec.task == "regression":
            return {"prediction": predictions}
        probabilities = class_probabilities(self.spec.task, predictions)
        if self.spec.task == "binary":
            chosen = np.asarray(self.spec.classes)[predicted_classes("binary", predictions, thresholds)]
            return {"prediction": chosen, "probability": predictions}
        chosen = {"prediction": np.asarray(self.spec.classes)[probabilities.argmax(axis=1)]}
        return chosen | {
            f"probability_{label}": probabilities[:, index] for index, label in enumerate(self.spec.classes)
        }

    def _uncertainty_columns(
        self, features: pd.DataFrame, predictions: NDArray, thresholds: Threshold
    ) -> dict[str, NDArray]:
        if self.spec.intervals:
            lower, upper = self.predict_intervals(features, predictions)
            return {LOWER: lower, UPPER: upper}
        if self.spec.prediction_sets:
            members = self.predict_sets(features, predictions, thresholds)
            return {PREDICTION_SET: set_texts(members, self.spec.classes)}
        return {}

    def _within_bounds(self, values: NDArray) -> NDArray:
        return np.clip(values, *self.spec.bounds) if self.spec.bounds != (None, None) else values
