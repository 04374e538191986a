"""What else was tried, and what each costs: models side by side."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.core.errors import ModelError

FILE = "search/leaderboard.json"
"""Where the search leaves it among the files of its run."""
_SINGLE_ROWS, _BATCH_ROWS, _SECONDS = 15, 10_000, 1.0


@dataclass(frozen=True)
class LeaderboardEntry:
    """One model; NaN where something is not known.

    Attributes
    ----------
    score
        The deciding metric in cross-validation.
    holdout
        The same on the holdout.
    fit_seconds, single_row_milliseconds, batch_rows_per_second
        How long it takes to fit on the training rows, to predict one row, and how many it predicts in a
        second when they come together: from features to prediction.
    size_bytes
        The size of its files.
    note
        What else has to be said, such as on which rows.
    """

    name: str
    family: str
    score: float = float("nan")
    holdout: float = float("nan")
    fit_seconds: float = float("nan")
    single_row_milliseconds: float = float("nan")
    batch_rows_per_second: float = float("nan")
    size_bytes: float = float("nan")
    note: str = ""


@dataclass(frozen=True)
class Speed:
    """How long predictions take: the median of single rows in milliseconds, and rows in a second."""

    single_row_milliseconds: float
    batch_rows_per_second: float


def read_leaderboard(text: str) -> list[LeaderboardEntry]:
    """What the search wrote: a list of objects with the fields of `LeaderboardEntry`.

    Raises
    ------
    ModelError
        When it is something else.
    """
    known = {field.name for field in fields(LeaderboardEntry)}
    texts = {"name", "family", "note"}

    def entry_of(written: Mapping[str, Any]) -> LeaderboardEntry:
        read: dict[str, Any] = {
            name: str(value) if name in texts else _number(value)
            for name, value in written.items()
            if name in known
        }
        return LeaderboardEntry(**read)

    try:
        return [entry_of(written) for written in json.loads(text)]
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{FILE} of the run can't be read: {error}",
            hint="materialize tuned_model again",
        ) from error


def measure_speed(predict: Callable[[pd.DataFrame], NDArray | pd.DataFrame], rows: pd.DataFrame) -> Speed:
    """Time a model on rows one by one, and all together; no longer than about two seconds."""
    predict(rows.iloc[:1])
    single: list[float] = []
    for place in range(min(_SINGLE_ROWS, len(rows))):
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


def folder_bytes(folder: Path) -> int:
    """The size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _number(value: Any) -> float:
    return float("nan") if value is None else float(np.asarray(value, dtype=float))
