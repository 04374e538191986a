"""Predictions of many rows in parts, on several cores."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""The limit of a container: microseconds of CPU time, or `max`, and their period."""
LEAST_ROWS = 250
"""Minimum number of rows of a part: XGBoost prepares its trees for each."""


class Cores:
    """The cores that compute the predictions of many rows: each takes a part of the rows.

    A row has the same bits alone and among others, so that parts change nothing. XGBoost and searches of
    neighbours release Python's lock. Threads of XGBoost itself would wait for each other on a busy machine.

    Parameters
    ----------
    number
        Number of cores.
    """

    def __init__(self, number: int = 1) -> None:
        self.number = max(1, number)
        others = self.number - 1
        self._others = ThreadPoolExecutor(others, thread_name_prefix="scoring") if others else None

    def apply(
        self, predict: Callable[[Mapping[str, NDArray]], NDArray], columns: Mapping[str, NDArray]
    ) -> NDArray:
        """The predictions of rows with these features."""
        count = len(next(iter(columns.values())))
        number = min(self.number, count // LEAST_ROWS)
        if self._others is None or number < 2:
            return predict(columns)
        ends = np.linspace(0, count, number + 1).astype(int).tolist()
        parts = [
            {name: column[start:end] for name, column in columns.items()} for start, end in pairwise(ends)
        ]
        others = [self._others.submit(predict, part) for part in parts[1:]]
        return np.concatenate([predict(parts[0]), *(part.result() for part in others)])


def available_cores() -> int:
    """The number of cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _QUOTA.read_text("ascii").split()
    except (OSError, ValueError):  # no Linux, or no control groups of version 2
        return cores
    return cores if quota == "max" else max(1, min(cores, int(quota) // int(period)))


ONE_CORE = Cores()
"""All rows together, in the thread that asks for them."""
