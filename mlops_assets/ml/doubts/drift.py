"""Doubts about time: columns whose values differ between early and late rows."""

from collections.abc import Sequence

import duckdb
import pandas as pd

from mlops_assets.ml.comparison.drift import BINS, NAMED_VALUES, ColumnShift, column_shifts
from mlops_assets.ml.doubts.doubt import Doubt
from mlops_assets.ml.number_format import number

DRIFT = 0.25
"""Minimum population stability index of a shift, beside three times that of chance."""
EARLY, LATE = 0.5, 0.8
"""The early rows are the first half in time, the late rows the last fifth."""
LEAST_ROWS = 200
_CLOCK = 0.9
"""Columns with a larger rank correlation with the time, such as a year or a row number, are left out."""
_NAMED = 3


def drift_over_time(rows: pd.DataFrame, time: str, columns: Sequence[str]) -> Doubt | None:
    """A doubt if columns have another distribution in late rows than in early ones.

    Parameters
    ----------
    time
        The column with the time; rows without it are left out.
    columns
        Features and target.
    """
    known = rows[rows[time].notna()].sort_values(time, kind="stable")
    place = known[time].rank(method="average", pct=True)
    before, after = known[place <= EARLY], known[place > LATE]
    if min(len(before), len(after)) < LEAST_ROWS:
        return None
    compared = [name for name in columns if name != time and not _is_clock(known[name], place)]
    if not compared:
        return None
    with duckdb.connect() as connection:
        shifts = column_shifts(
            connection, connection.from_df(before[compared]), connection.from_df(after[compared]), compared
        )
    found = [shift for shift in shifts if _is_drift(shift, len(before), len(after), before)][:_NAMED]
    if not found:
        return None
    return Doubt(
        tuple(shift.column for shift in found),
        f"the latest fifth of the rows by {time} differs from the first half in "
        f"{'; '.join(map(_text, found))}",
        f"a random split does not show what this costs: declare split: {{method: time, column: {time}}}",
    )


def _is_drift(shift: ColumnShift, early: int, late: int, before: pd.DataFrame) -> bool:
    distinct = before[shift.column].nunique() + 1
    bins = min(distinct, BINS + 1 if shift.kind == "number" else NAMED_VALUES + 2)
    return shift.psi >= DRIFT + 3 * (bins - 1) * (1 / early + 1 / late)


def _is_clock(values: pd.Series, place: pd.Series) -> bool:
    if pd.api.types.is_datetime64_any_dtype(values):
        return True
    if not pd.api.types.is_numeric_dtype(values) or values.nunique() < 2:
        return False
    return abs(float(values.rank().corr(place))) > _CLOCK


def _text(shift: ColumnShift) -> str:
    means = shift.means
    change = ""
    if means and isinstance(means[0], float) and isinstance(means[1], float):
        change = f", mean {number(means[0])} to {number(means[1])}"
    return f"{shift.column} (PSI {shift.psi:.2f}{change})"
