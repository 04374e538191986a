"""The rows that a partition's predictions were computed from: features, as stored or computed again."""

from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.monitoring.computed_features import computed_features
from mlops_assets.components.model_project.monitoring.report import ReportRun
from mlops_assets.components.model_project.project.project import Project

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.ml.model.tabular_model import TabularModel


_STREAM, _TABLE = "_drift_stream", "_drift_scored"


def scored_key(project: Project) -> dg.AssetKey:
    """The asset with the rows that are predicted."""
    key = project.scored_key
    assert key is not None  # the report exists with predictions only
    return key


def has_rows(run: ReportRun, partition: str | None) -> bool:
    """Whether the rows of a partition are there."""
    return partition in run.content(scored_key(run.project))


def feature_rows(run: ReportRun, model: "TabularModel", partition: str | None) -> "duckdb.DuckDBPyRelation":
    """The features of the rows of a partition, with `row_id`.

    A static project does not store the features of the rows to predict. They are computed by the model's own
    `features.sql`, as for the predictions, into a temporary table that spills to disk and that the next call
    replaces.
    """
    key = scored_key(run.project)
    rows = run.rows(key, partition)
    if run.project.timeline is not None:
        return rows
    with run.store.connect() as reading:  # a connection with an open stream can't run another query
        stored = run.store.relation(reading, key.path, partition=partition, version=run.versions[key])
        run.connection.register(_STREAM, computed_features(stored, model))
        run.connection.execute(f"create or replace temp table {_TABLE} as from {_STREAM}")
        run.connection.unregister(_STREAM)
    return run.connection.table(_TABLE)
