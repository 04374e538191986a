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

SINGLE_ROWS, _BATCH_ROWS, _SECONDS = 15, 10_000, 1.0


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
    """Time predictions of single rows and of a batch, for about two seconds at most.

    Parameters
    ----------
    predict
        A function of a model, from a frame to one prediction for each row.
    rows
        At least one row; the first 15 are predicted one at a time, up to 10,000 together.
    """
    predict(rows.iloc[:1])  # the first prediction also builds what later ones reuse
    single: list[float] = []
    for place in range(min(SINGLE_ROWS, len(rows))):
        row, started = rows.iloc[place : place + 1], perf_counter()
        predict(row)
        single.append(perf_counter() - started)
        if sum(single) > _SECONDS:
            break
    batch = rows.iloc[:_BATCH_ROWS]
    seconds: list[float] = []
    while len(seconds) < 2 and sum(seconds) < _SECONDS:
        started = perf_counter()
        predict(batch)
        seconds.append(perf_counter() - started)
    return Speed(1000 * median(single), len(batch) / min(seconds))


def artifact_bytes(model: TabularModel) -> int:
    """The size of a model's artifact, from a copy saved to a temporary folder."""
    with TemporaryDirectory() as scratch:
        save_model(model, Path(scratch) / "model")
        return folder_bytes(Path(scratch))


def folder_bytes(folder: Path) -> int:
    """The total size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
