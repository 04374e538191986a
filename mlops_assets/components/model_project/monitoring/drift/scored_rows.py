"""The rows that a partition's predictions were computed from: features, as stored or computed again."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.monitoring.report import ReportRun
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.sql_quoting import quoted_list

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

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


def computed_features(rows: "duckdb.DuckDBPyRelation", model: "TabularModel") -> "pa.RecordBatchReader":
    """Features and `row_id` as a stream, with one batch in memory at a time."""
    import pyarrow as pa

    from mlops_assets.ml.model.batch_features import batch_features
    from mlops_assets.stores.warehouse.warehouse import BATCH_ROWS

    columns = [*(column.name for column in model.spec.columns), names.ROW_ID]
    features = list(model.spec.features)
    batches = rows.project(quoted_list(columns)).to_arrow_reader(BATCH_ROWS)

    def compute() -> "Iterator[pa.Table]":
        for batch in batches:
            if not batch.num_rows:
                continue
            ordered, found = batch_features(model, batch)
            row_ids = ordered.column(names.ROW_ID).to_numpy()
            yield pa.Table.from_pandas(
                found[features].assign(**{names.ROW_ID: row_ids}), preserve_index=False
            )

    parts = compute()
    first = next(parts, None)
    if first is None:
        empty = pa.schema([(name, pa.float64()) for name in features] + [(names.ROW_ID, pa.int64())])
        return pa.RecordBatchReader.from_batches(empty, iter(()))
    schema = pa.schema(
        [field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in first.schema]
    )

    def stream() -> "Iterator[pa.RecordBatch]":
        yield from first.cast(schema).to_batches()
        for part in parts:
            yield from part.cast(schema).to_batches()

    return pa.RecordBatchReader.from_batches(schema, stream())
