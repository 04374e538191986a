"""The reference of drift reports: histograms of the rows that a model was trained on, kept with the model."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from mlops_assets.components.model_project.project.metadata_names import SERVING_PERIODS
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.errors import StoreError, TrackingError
from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.stores.tracking.trained_model import is_refitted

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.ml.model.model_spec import ModelSpec
    from mlops_assets.ml.model.tabular_model import TabularModel
    from mlops_assets.ml.monitoring.drift.histograms import Histograms
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.warehouse import Warehouse

FOLDER, FILE = "drift", "reference.json"
"""Folder and name of the reference among the artifacts of a model's run."""
PREDICTED_ROWS = 20_000
"""Maximum number of holdout and of training rows that are predicted for the reference of predictions."""


@dataclass(frozen=True)
class DriftReference:
    """Histograms of features and target of the training rows, and of predictions of the holdout.

    Predictions of training rows are more extreme than those of other rows. They show the usual variation
    between periods only.
    """

    features: "Histograms"
    prediction: "Histograms"
    target: "Histograms"

    def without(self, columns: "frozenset[str]") -> Self:
        """The reference without features, such as sensitive ones."""
        return type(self)(self.features.without(columns), self.prediction, self.target)

    def to_json(self) -> dict[str, Any]:
        """The reference as JSON."""
        return {name: getattr(self, name).to_json() for name in ("features", "prediction", "target")}

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Self:
        """The reference that `to_json` returned; errors as of `Histograms.of_json`."""
        from mlops_assets.ml.monitoring.drift.histograms import Histograms

        return cls(*(Histograms.of_json(found[name]) for name in ("features", "prediction", "target")))


def score_column(spec: "ModelSpec") -> str:
    """The column of predictions whose drift is measured: the probability, or else the prediction."""
    return "probability" if spec.task == "binary" else "prediction"


def as_compared(project: Project, rows: "duckdb.DuckDBPyRelation", column: str) -> "duckdb.DuckDBPyRelation":
    """Rows of a target or prediction; classes are categories, also if they are numbers."""
    if project.settings.task == "regression" or column == "probability":
        return rows
    return rows.project(f"* replace ({quoted(column)}::varchar as {quoted(column)})")


def fitted_rows(
    project: Project, store: "Warehouse", connection: "duckdb.DuckDBPyConnection", facts: Mapping[str, str]
) -> "duckdb.DuckDBPyRelation | None":
    """The rows that a deployed model was fitted on; None if their version of the table is gone."""
    rows = _training_set(project, store, connection, facts)
    if rows is None:
        return None
    if SERVING_PERIODS in facts:
        periods = ", ".join(map(literal, json.loads(facts[SERVING_PERIODS])))
        return rows.filter(f"{names.PERIOD} in ({periods})")
    if is_refitted(facts):
        return rows
    return rows.filter(f"{names.SPLIT} = {literal(names.TRAIN)}")


def compute_reference(
    project: Project, store: "Warehouse", model: "TabularModel", facts: Mapping[str, str]
) -> DriftReference | None:
    """Compute the reference of a model; None if its training rows are gone.

    Parameters
    ----------
    model
        The model as evaluated, which was not fitted on the holdout.
    facts
        The facts of the model, with the version of its training set.
    """
    from mlops_assets.ml.monitoring.drift.reference import reference_histograms

    with store.connect() as connection:
        rows = fitted_rows(project, store, connection, facts)
        whole = _training_set(project, store, connection, facts)
        if rows is None or whole is None:
            return None
        grouping: dict[str, Any] = {
            "entity": entity_columns(project, rows.columns),
            "period": names.PERIOD if names.PERIOD in rows.columns else None,
        }
        target = project.settings.target.column
        return DriftReference(
            reference_histograms(connection, rows, list(model.spec.features), **grouping),
            _predictions(project, connection, model, whole),
            reference_histograms(connection, as_compared(project, rows, target), [target], **grouping),
        )


def entity_columns(project: Project, columns: list[str]) -> list[str]:
    """The columns of a training set whose equal values mark rows that are not independent."""
    if project.timeline is not None:
        return list(project.settings.entity)
    return [names.GROUP] if names.GROUP in columns else []


def log_reference(
    project: Project, tracking: "TrackingStore", run_id: str, reference: DriftReference
) -> None:
    """Keep the reference with the model, without sensitive columns."""
    from mlops_assets.stores.tracking.run_artifacts import write_texts

    stored = {"format": 1, **reference.without(project.sensitive).to_json()}
    write_texts(tracking, run_id, FOLDER, {FILE: json.dumps(stored)})


def read_reference(project: Project, tracking: "TrackingStore", run_id: str) -> DriftReference | None:
    """The reference that is kept with a model; None if there is none."""
    from mlops_assets.stores.tracking.run_artifacts import read_text

    text = read_text(tracking, run_id, f"{FOLDER}/{FILE}")
    if text is None:
        return None
    try:
        return DriftReference.of_json(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise TrackingError(
            f"{project.name}: {FOLDER}/{FILE} of MLflow run {run_id} is not a drift reference",
            hint="restore it from a backup, or delete the artifact, which is then computed again",
        ) from error


def _training_set(
    project: Project, store: "Warehouse", connection: "duckdb.DuckDBPyConnection", facts: Mapping[str, str]
) -> "duckdb.DuckDBPyRelation | None":
    """All rows of the training set of a model; None if that version is gone."""
    if "training_set_version" not in facts:  # registered outside of mlops_assets
        return None
    table, version = project.key(names.TRAINING_SET).path, int(facts["training_set_version"])
    cutoff = facts.get("cutoff")
    if not store.exists(table) or version > store.version(table):
        return None
    try:
        if not store.has_content(table, facts["training_set_digest"], version=version, partition=cutoff):
            return None
        return store.relation(connection, table, partition=cutoff, version=version)
    except StoreError:  # a vacuum has removed the files of this version
        return None


def _predictions(
    project: Project,
    connection: "duckdb.DuckDBPyConnection",
    model: "TabularModel",
    rows: "duckdb.DuckDBPyRelation",
) -> "Histograms":
    """Histograms of predictions of the holdout, with the usual variation of those of training periods."""
    from mlops_assets.ml.features.preprocessing import feature_frame
    from mlops_assets.ml.monitoring.drift.histograms import count_by
    from mlops_assets.ml.monitoring.drift.reference import reference_histograms
    from mlops_assets.ml.monitoring.drift.variation import usual_variation

    column = score_column(model.spec)

    def predicted(side: str) -> "duckdb.DuckDBPyRelation":
        chosen = rows.filter(f"{names.SPLIT} = {literal(side)}").order(f"hash({names.ROW_ID})")
        frame = chosen.limit(PREDICTED_ROWS).df()
        features = feature_frame(frame[list(model.spec.features)])
        if names.PROTECTED in frame:
            features[names.PROTECTED] = frame[names.PROTECTED]
        found = frame[[name for name in (names.PERIOD,) if name in frame]].assign(
            **{column: model.outputs(features)[column]}
        )
        return as_compared(project, connection.from_df(found), column)

    histograms = reference_histograms(connection, predicted(names.HOLDOUT), [column])
    if names.PERIOD not in rows.columns:
        return histograms
    periods = count_by(predicted(names.TRAIN), histograms.bins.values(), names.PERIOD)
    return type(histograms)(**{**vars(histograms), "variation": usual_variation(histograms.bins, periods)})
