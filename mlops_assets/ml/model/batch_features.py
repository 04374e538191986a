"""Features of a batch of stored rows, computed as the model does for its predictions."""

from typing import TYPE_CHECKING

import pyarrow as pa

from mlops_assets.core.names import ROW_ID
from mlops_assets.ml.model.tabular_model import TabularModel, sandbox

if TYPE_CHECKING:
    import pandas as pd


def batch_features(model: TabularModel, batch: pa.RecordBatch) -> "tuple[pa.RecordBatch, pd.DataFrame]":
    """Return a batch ordered by `row_id`, and the features of its rows in this order.

    Parameters
    ----------
    batch
        Raw columns of the model and `row_id`; may have others.
    """
    ordered = batch.sort_by(ROW_ID)
    columns = [*(column.name for column in model.spec.columns), ROW_ID]
    typed = pa.table([ordered.column(name) for name in columns], names=columns)
    with sandbox() as connection:
        row_ids = ordered.column(ROW_ID).to_numpy()
        return ordered, model.features_of(connection, connection.from_arrow(typed), row_ids)
