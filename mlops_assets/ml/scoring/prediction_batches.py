"""Predictions of a batch of rows as Arrow columns: the same for tables, files and partitions."""

import pandas as pd
import pyarrow as pa

from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.scoring.row_contributions import RowContributions, contribution_columns

_ARROW: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
}


class BatchPredictor:
    """Predictions of the batches of one source, with the same columns for each.

    Parameters
    ----------
    contributions
        Number of features whose contributions are listed. The features of encoded columns are found in the
        first batch with rows.
    """

    def __init__(self, model: TabularModel, contributions: int = 0) -> None:
        self.schema = output_schema(model, contributions)
        self._model, self._count = model, contributions
        self._contributions: RowContributions | None = None

    def predict(self, features: pd.DataFrame) -> pa.RecordBatch:
        """Predict one batch, as `predict_batch`."""
        if self._count and self._contributions is None:
            if features.empty:
                return pa.RecordBatch.from_pylist([], schema=self.schema)
            self.prepare(features)
        return predict_batch(self._model, features, self._contributions)

    def prepare(self, features: pd.DataFrame) -> None:
        """Find the features of encoded columns with other rows than those of the first batch."""
        if not features.empty:
            self._contributions = RowContributions.of(self._model, features, self._count)


def output_schema(model: TabularModel, contributions: int = 0) -> pa.Schema:
    """The columns of a model's predictions, in order: `prediction`, and in classification probabilities.

    Parameters
    ----------
    contributions
        Number of features whose contributions are listed.
    """
    kinds = {**model.output_types(), **contribution_columns(contributions)}
    return pa.schema([(name, _ARROW[kind]) for name, kind in kinds.items()])


def predict_batch(
    model: TabularModel, features: pd.DataFrame, contributions: RowContributions | None = None
) -> pa.RecordBatch:
    """Predict one batch.

    Parameters
    ----------
    features
        As `TabularModel.compute_features` returns them.
    contributions
        Adds the contributions of features to each prediction.

    Returns
    -------
    pyarrow.RecordBatch
        One row for each row of the features, in the same order, with the columns of `output_schema`.
    """
    columns = model.outputs(features)
    if contributions is not None:
        columns |= contributions.columns(features)
    schema = output_schema(model, contributions.count if contributions else 0)
    return pa.record_batch(
        [pa.array(columns[field.name], field.type) for field in schema],
        schema=schema,
    )
