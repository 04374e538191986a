"""Arrow batches of valid rows by a compiled scorer."""

from collections.abc import Sequence

import pyarrow as pa

from mlops_assets.ml.scoring.compiled.scorer import CompiledScorer


def score_batch(
    scorer: CompiledScorer, batch: pa.RecordBatch, carried: Sequence[str], schema: pa.Schema
) -> pa.Table | None:
    """The predictions of a batch whose rows all satisfy the contract; None for other batches.

    Parameters
    ----------
    batch
        Rows; columns of other types than numbers, booleans and texts are left to the reference.
    carried
        Columns of the batch beside the predictions, which the contract does not have.
    schema
        The columns of the result: those of `carried`, and the outputs.
    """
    types = {column.name: column.sql_type for column in scorer.typed.columns}
    known = [name for name in types if name in batch.schema.names]
    if not batch.num_rows or not all(_is_plain(batch.schema.field(name).type, types[name]) for name in known):
        return None
    places, outputs = scorer.score_columns({name: batch.column(name) for name in known}, batch.num_rows)
    if len(places) < batch.num_rows:
        return None
    names = [name for name in schema.names if name not in carried]
    arrays = [pa.array(outputs[name], schema.field(name).type) for name in names]
    return pa.table([*(batch.column(name) for name in carried), *arrays], schema=schema)


def _is_plain(kind: pa.DataType, sql_type: str) -> bool:
    """Whether values are cast like those of JSON; not every whole FLOAT is an integer, for example."""
    if pa.types.is_float32(kind):
        return sql_type == "DOUBLE"
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    number = pa.types.is_float64(kind) or pa.types.is_integer(kind)
    return text or number or pa.types.is_boolean(kind) or pa.types.is_null(kind)
