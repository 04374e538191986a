"""Splits over time: the latest rows as the holdout, and expanding windows as folds."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.core.errors import DataError
from mlops_assets.core.names import EMBARGO, HOLDOUT, TRAIN
from mlops_assets.core.sql_quoting import literal, quoted

TIME_TYPES = ("TIMESTAMP", "DATE", "BIGINT", "DOUBLE")
"""Types of columns that order rows by time; a number may be a year."""
Side = tuple[Any, Any, int]
"""The first and the last time of a side of the split, and its number of rows."""


def latest_start(rows: duckdb.DuckDBPyRelation, column: str, share: float) -> str | None:
    """The time from which the latest rows are the holdout, as SQL text.

    All rows with the same time are on the same side. Of all boundaries between two times, the one whose
    share of later rows is nearest to the wanted share is chosen; of two equally near ones, the later.

    Parameters
    ----------
    rows
        Rows with a target and a time.
    share
        Wanted share of the holdout, between 0 and 1.

    Returns
    -------
    None when all rows have the same time.
    """
    counted = rows.aggregate(f"{quoted(column)} as moment, count(*) as n", quoted(column))
    later = counted.project(
        "moment, sum(n) over (order by moment desc) as later, sum(n) over () as total, min(moment) over () "
        "as first"
    )
    ranked = later.filter("moment > first").order(f"abs(later - {share} * total), moment desc").limit(1)
    found = ranked.project("moment::varchar").fetchall()
    return str(found[0][0]) if found else None


def time_side_sql(column: str, start: str, *, group: str = "") -> str:
    """An SQL expression with the side of a row: holdout, training or neither.

    Rows from `start` on are the holdout. With groups, earlier rows of a group that has rows in the holdout
    are on neither side, so that no group of the holdout is in training.

    Parameters
    ----------
    start
        An SQL expression of the type of the column.
    group
        An SQL expression of the group of a row.
    """
    name = quoted(column)
    aside = f"when max({name}) over (partition by {group}) >= {start} then {literal(EMBARGO)} "
    return (
        f"case when {name} >= {start} then {literal(HOLDOUT)} {aside if group else ''}"
        f"else {literal(TRAIN)} end"
    )


def time_folds(
    times: NDArray, target: NDArray, *, folds: int, by_class: bool, groups: NDArray | None = None
) -> list[tuple[NDArray, NDArray]]:
    """Expanding windows: each window of the rows is predicted from all rows before it.

    The rows are cut into `folds + 1` windows of about the same number of rows, and rows with the same time
    stay in one window. With groups, rows of a group in the predicted window are no training rows of the fold.

    Parameters
    ----------
    times
        The time of each row, shape `(n,)`, without missing values.
    folds
        Maximum number of predicted windows.
    by_class
        Whether every class must occur on both sides of a fold.
    groups
        The group of each row, shape `(n,)`.

    Returns
    -------
    Positions of the training and validation rows of each fold, the oldest first. Windows without training
    rows, or with a class missing on one side, have no fold.

    Raises
    ------
    DataError
        When no fold is possible.
    """
    values, places, counts = np.unique(times, return_inverse=True, return_counts=True)
    before = np.cumsum(counts)[:-1]
    wanted = [len(times) * number / (folds + 1) for number in range(1, folds + 1)]
    starts = sorted({int(np.abs(before - rows).argmin()) + 1 for rows in wanted}) if len(before) else []
    members = None if groups is None else pd.factorize(groups)[0]
    classes = np.unique(target) if by_class else None
    found = []
    for start, end in pairwise([*starts, len(values)]):
        valid = (places >= start) & (places < end)
        train = places < start
        if members is not None:
            train &= ~np.isin(members, np.unique(members[valid]))
        if train.any() and _has_classes(target, classes, train, valid):
            found.append((np.flatnonzero(train), np.flatnonzero(valid)))
    if not found:
        raise DataError(
            f"{len(values):,} distinct times of {len(times):,} training rows are too few for a fold, which "
            f"predicts rows from earlier ones{' of other groups' if groups is not None else ''}"
            + (", with every class on both sides" if by_class else ""),
            hint="provide rows of a longer time, reduce split.holdout, or choose another split.method",
        )
    return found


def describe_time_split(sides: Mapping[str, Side], column: str) -> str:
    """The times of holdout and training as a clause for messages and reports.

    Parameters
    ----------
    sides
        First time, last time and number of rows of each side.
    column
        The column with the time.
    """
    tested, trained = (_span(sides[side]) for side in (HOLDOUT, TRAIN))
    text = f"tested on {tested}, trained on {trained}, by {column}"
    if EMBARGO not in sides:
        return text
    return f"{text}; {sides[EMBARGO][2]:,} earlier rows of groups in the holdout are on neither side"


def sides_of(times: Sequence[Any] | pd.Series, sides: Sequence[str] | pd.Series) -> dict[str, Side]:
    """First time, last time and number of rows of each side, from the time and the side of each row."""
    found = pd.DataFrame({"time": times, "side": sides}).groupby("side")["time"].agg(["min", "max", "size"])
    return {str(row.Index): (row[1], row[2], int(row[3])) for row in found.itertuples()}


def _has_classes(target: NDArray, classes: NDArray | None, *sides: NDArray) -> bool:
    return classes is None or all(len(np.unique(target[side])) == len(classes) for side in sides)


def _span(side: Side) -> str:
    first, last, _ = side
    whole_days = all(not isinstance(end, datetime) or end.time() == time() for end in (first, last))
    ends = [_text(end, whole_days) for end in (first, last)]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _text(moment: Any, whole_days: bool) -> str:
    if isinstance(moment, datetime):
        return f"{moment:%Y-%m-%d}" if whole_days else f"{moment:%Y-%m-%d %H:%M:%S}"
    if isinstance(moment, date):
        return f"{moment:%Y-%m-%d}"
    return str(int(moment)) if float(moment).is_integer() else str(moment)
