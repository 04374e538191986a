"""Point in time: the rows that were known at a moment, and those that came after it.

A row becomes known when it arrives, and keeps the time of its event: a late row belongs to the partition in
which it arrived. A row whose key had arrived before replaces the earlier one from then on.
"""

from collections.abc import Sequence
from datetime import datetime

import duckdb

from mlops_assets.core.names import PARTITION
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list


def rows_between(
    rows: duckdb.DuckDBPyRelation,
    *,
    time: str,
    key: Sequence[str],
    start: datetime | None = None,
    end: datetime,
) -> duckdb.DuckDBPyRelation:
    """The newest state of each row whose event lies in `[start, end)`.

    Parameters
    ----------
    rows
        The arrivals that count, with their partition; the result is without it.
    time
        The column of the event's time.
    key
        The columns that identify a row; without any, rows never replace one another.
    start
        None for all of the past.
    """
    bounds = [f"{quoted(time)} < timestamp {literal(end)}"]
    if start is not None:
        bounds.append(f"{quoted(time)} >= timestamp {literal(start)}")
    return newest_state(rows, key).filter(" and ".join(bounds)).project(f"* exclude ({PARTITION})")


def newest_state(rows: duckdb.DuckDBPyRelation, key: Sequence[str]) -> duckdb.DuckDBPyRelation:
    """Of rows with the same key those that arrived in the newest partition; keys are unique within one."""
    if not key:
        return rows
    newest = f"max({PARTITION}) over (partition by {quoted_list(key)})"
    return (
        rows.project(f"*, {newest} as _newest")
        .filter(f"{PARTITION} = _newest")
        .project("* exclude (_newest)")
    )


def with_another_future(
    rows: duckdb.DuckDBPyRelation, *, time: str, known_until: str, as_of: datetime
) -> duckdb.DuckDBPyRelation:
    """The same rows, but what arrived after a partition is changed beyond recognition.

    Numbers are turned and moved, texts reversed, and all of it is said to have happened just before `as_of`,
    so that only its arrival gives it away. Features that are made of it differ, then, from those made of what
    was known.

    Parameters
    ----------
    known_until
        The last partition whose arrivals stay what they are.
    """
    kinds = zip(rows.columns, map(str, rows.types), strict=True)
    changed = {name: expression for name, kind in kinds if (expression := _changed(name, kind))}
    changed[time] = f"timestamp {literal(as_of)} - interval 1 second"
    changed.pop(PARTITION, None)
    later = f"{PARTITION} > {literal(known_until)}"
    columns = (
        f"case when {later} then ({changed[name]})::{kind} else {quoted(name)} end as {quoted(name)}"
        if name in changed
        else quoted(name)
        for name, kind in zip(rows.columns, map(str, rows.types), strict=True)
    )
    return rows.project(", ".join(columns))


def _changed(name: str, kind: str) -> str | None:
    match kind:
        case "DOUBLE":
            return f"-{quoted(name)} - 1e6"
        case "BIGINT":
            return f"-{quoted(name)} - 1000000"
        case "VARCHAR":
            return f"reverse({quoted(name)})"
        case "BOOLEAN":
            return f"not {quoted(name)}"
    return None
