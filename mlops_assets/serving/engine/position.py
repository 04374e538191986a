"""Columns of a request as a batch with the position of each row."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from mlops_assets.serving.engine.served_model import POSITION


def with_position(columns: Mapping[str, pa.Array], count: int) -> pa.RecordBatch:
    """Columns as a batch with `POSITION`, from 0."""
    arrays = {**columns, POSITION: pa.array(np.arange(count))}
    return pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))
