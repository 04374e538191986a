"""Costs of a fitted model: the time of its predictions and the size of its files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.model.artifact import save_model
from mlops_assets.ml.model.tabular_model import TabularModel

SINGLE_ROWS, _BATCH_ROWS = 15, 10_000
_SECONDS = 0.3
"""Predictions of single rows are timed until they have taken this long."""
_LONG_SECONDS, _SHORT_BATCH_SECONDS = 1.0, 0.1
"""A first prediction that takes longer is not repeated; a batch that takes less is timed twice."""


@dataclass(frozen=True)
class Speed:
    """Prediction time of a model.

    Attributes
    ----------
    single_row_milliseconds
        Median time of a prediction of one row.
    batch_rows_per_second
        Throughput when rows are predicted together.
    """

    single_row_milliseconds: float
    batch_rows_per_second: float


def measure_speed(predict: Callable[[pd.DataFrame], NDArray | pd.DataFrame], rows: pd.DataFrame) -> Speed:
    """Time predictions of single rows and of a batch, most of them within half a second.

    Parameters
    ----------
    predict
        A function of a model, from a frame to one prediction for each row.
    rows
        At least one row; the first 15 are predicted one at a time, up to 10,000 together.
    """

    def timed(part: pd.DataFrame) -> float:
        started = perf_counter()
        predict(part)
        return perf_counter() - started

    first = timed(rows.iloc[:1])  # it also builds what later ones reuse
    single = [first] if first > _LONG_SECONDS else []
    while len(single) < min(SINGLE_ROWS, len(rows)) and sum(single) < _SECONDS:
        single.append(timed(rows.iloc[len(single) : len(single) + 1]))
    batch = rows.iloc[:_BATCH_ROWS]
    seconds = timed(batch)
    if seconds < _SHORT_BATCH_SECONDS:
        seconds = min(seconds, timed(batch))
    return Speed(1000 * median(single), len(batch) / seconds)


def artifact_bytes(model: TabularModel) -> int:
    """The size of a model's artifact, from a copy saved to a temporary folder."""
    with TemporaryDirectory() as scratch:
        save_model(model, Path(scratch) / "model")
        return folder_bytes(Path(scratch))


def folder_bytes(folder: Path) -> int:
    """The total size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
