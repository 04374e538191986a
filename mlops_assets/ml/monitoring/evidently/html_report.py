"""Evidently's HTML report on two samples, made by a process of its own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mlops_assets.core.errors import DataError
from mlops_assets.core.redaction.redact import redact

LEAST = 10
"""A value that fewer rows have is not in the page: it could describe a single row."""
RARE = "(rare)"
_PROCESS = "mlops_assets.ml.monitoring.evidently.process"
_SECONDS = 600
_DIGITS = 3


def write_html_report(
    reference: pd.DataFrame, current: pd.DataFrame, columns: Sequence[str], file: Path
) -> None:
    """Write Evidently's report on the drift of columns as one self-contained page.

    Its import takes seconds of CPU time, and its packages stay out of the process of the asset. It reports no
    usage: `DO_NOT_TRACK` is set.

    Parameters
    ----------
    columns
        Columns of both frames; times are left out, because Evidently does not compare them.

    Raises
    ------
    DataError
        When Evidently fails; the page of an earlier run is kept.
    """
    before, after = _without_single_rows(reference[list(columns)], current[list(columns)])
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".evidently-") as folder:
        written = Path(folder) / file.name
        for name, frame in (("reference", before), ("current", after)):
            frame.to_parquet(Path(folder) / f"{name}.parquet", index=False)
        command = [sys.executable, "-m", _PROCESS, folder, str(written)]
        environment = {**os.environ, "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"}
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False, timeout=_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise DataError(
                f"Evidently took longer than {_SECONDS} s", hint="select fewer columns"
            ) from error
        if done.returncode or not written.is_file():
            raise DataError(
                f"Evidently ended with exit code {done.returncode}: {_last_line(done.stderr)}",
                hint="remove monitoring.drift.evidently if this persists",
            )
        written.replace(file)


def _last_line(text: str) -> str:
    """Return the type of the error; its message could quote values."""
    lines = [line for line in text.strip().splitlines() if line and not line.startswith(" ")]
    return redact(lines[-1].partition(":")[0]) if lines else "no output"


def _without_single_rows(reference: pd.DataFrame, current: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return numbers within the range that `LEAST` rows reach at each end, and categories of so many rows."""
    both = pd.concat([reference, current], ignore_index=True)
    shown = {}
    for name, values in both.items():
        if pd.api.types.is_datetime64_any_dtype(values) or values.isna().all():
            continue
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            shown[name] = _within(values.astype("float64"))
        else:
            texts = values.astype("string").astype("object")
            counts = texts.value_counts()
            shown[name] = texts.where(texts.isna() | texts.map(counts).ge(LEAST), RARE)
    frame = pd.DataFrame(shown)
    return frame.iloc[: len(reference)], frame.iloc[len(reference) :]


def _within(values: pd.Series) -> pd.Series:
    finite = np.sort(values[np.isfinite(values)])
    if len(finite) < 2 * LEAST:
        return values * np.nan
    low, high = (_rounded(float(finite[place])) for place in (LEAST - 1, -LEAST))
    return values.clip(low, high)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
