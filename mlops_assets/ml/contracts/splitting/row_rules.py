"""The rules that rows violate: a fast selection of suspects, and all violated rules of a row by pandera."""

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mlops_assets.core.names import BROKEN_RULES
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.screening.screen import Screen

_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def suspected_rows(batch: pa.RecordBatch, condition: str, screen: Screen) -> NDArray[np.bool_]:
    """Whether an SQL condition or a Python check selects each row of a batch.

    Parameters
    ----------
    condition
        The column with the result of the SQL condition, beside the columns of the screen.
    """
    suspected: NDArray[np.bool_] = batch.column(condition).to_numpy(zero_copy_only=False).astype(bool)
    if screen.columns:
        trusted = np.flatnonzero(~suspected)
        rows = batch.select(list(screen.columns)).take(pa.array(trusted))
        suspected[trusted] = screen.suspects(rows.to_pandas(types_mapper=_NULLABLE.get))
    return suspected


def violated_rules(batch: pa.RecordBatch, contract: Contract) -> list[list[str]]:
    """The rules that each row of a typed batch violates, in their order, uniqueness excepted.

    Parameters
    ----------
    batch
        The contract's columns, cast, and in `_broken_rules` the rules that the cast violates.
    """
    rules: list[list[str]] = batch.column(BROKEN_RULES).to_pylist()
    frame = batch.select(contract.names).to_pandas(types_mapper=_NULLABLE.get)
    for position, found in contract.broken_rules(frame).items():
        rules[position] = [*rules[position], *found]
    return rules
