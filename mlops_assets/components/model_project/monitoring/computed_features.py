"""Features of raw rows, as the predictions of a static project compute them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlops_assets.core import names
from mlops_assets.core.sql_quoting import quoted_list
from mlops_assets.ml.query_batches import query_batches

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from mlops_assets.ml.model.tabular_model import TabularModel


def computed_features(rows: "duckdb.DuckDBPyRelation", model: "TabularModel") -> "pa.RecordBatchReader":
    """Features and `row_id` as a stream, with one batch in memory at a time."""
    import pyarrow as pa

    from mlops_assets.ml.model.batch_features import batch_features
    from mlops_assets.stores.warehouse.warehouse import BATCH_ROWS

    columns = [*(column.name for column in model.spec.columns), names.ROW_ID]
    features = list(model.spec.features)
    batches = rows.project(quoted_list(columns)).to_arrow_reader(BATCH_ROWS)

    def compute() -> "Iterator[pa.Table]":
        for batch in query_batches(batches):
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
