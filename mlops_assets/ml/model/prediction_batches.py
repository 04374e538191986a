"""Predictions of a batch of rows as Arrow columns: the same for tables, files and partitions."""

import pandas as pd
import pyarrow as pa

from mlops_assets.ml.model.tabular_model import TabularModel

_ARROW: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
}


def output_schema(model: TabularModel) -> pa.Schema:
    """The columns of a model's predictions, in order: `prediction`, and in classification probabilities."""
    return pa.schema([(name, _ARROW[kind]) for name, kind in model.output_types().items()])


def predict_batch(model: TabularModel, features: pd.DataFrame) -> pa.RecordBatch:
    """Predict one batch.

    Parameters
    ----------
    features
        As `TabularModel.compute_features` returns them.

    Returns
    -------
    pyarrow.RecordBatch
        One row for each row of the features, in the same order, with the columns of `output_schema`.
    """
    schema, columns = output_schema(model), model.outputs(features)
    return pa.record_batch(
        [pa.array(columns[field.name], field.type) for field in schema],
        schema=schema,
    )
