"""Checks of rows and of values: those that fail, without pandera's table of all their values."""

import numpy as np
import pandas as pd
import pandera.pandas as pa
from numpy.typing import NDArray


def failing_rows(check: pa.Check, frame: pd.DataFrame) -> NDArray[np.intp] | None:
    """The positions of the rows that fail a check; None if only pandera's own report has them.

    pandera lists each value of a failing row, one row after the other: a thousand rows a second.
    """
    if check.raise_warning or check.n_failure_cases is not None:
        return None
    try:
        passed = check(frame).check_output
    except Exception:  # pandera runs into the same error and reports it
        return None
    if not isinstance(passed, pd.Series) or passed.dtype != bool or not passed.index.equals(frame.index):
        return None
    return np.flatnonzero(~passed)


def failing_values(check: pa.Check, values: pd.Series) -> NDArray[np.intp] | None:
    """The positions of the values of a column that fail a check; None if only pandera's own report has them.

    Parameters
    ----------
    values
        With the positions of the rows as index.
    """
    if check.raise_warning or check.n_failure_cases is not None or check.groupby is not None:
        return None
    try:
        passed = check(values).check_output
    except Exception:  # pandera runs into the same error and reports it
        return None
    expected = values.index[values.notna()] if check.ignore_na else values.index
    if not isinstance(passed, pd.Series) or passed.dtype not in (bool, "boolean") or passed.hasnans:
        return None
    if not passed.index.equals(expected):
        return None
    return passed.index[~passed.to_numpy(bool)].to_numpy()


def rule_of(check: pa.Check) -> str:
    """The name of the rule of a check, as in pandera's report."""
    return str(next((name for name in (check.error, check.name) if name is not None), check))
