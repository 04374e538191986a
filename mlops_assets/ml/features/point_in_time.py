"""Point-in-time reads: the rows known at a timestamp, and a counterfactual copy of later arrivals.

A row is known from its arrival and keeps the time of its event: a late row belongs to the partition in which
it arrived. A row replaces all earlier arrivals with the same key from then on.
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
        Arrivals with their partition; the result has no partition column.
    time
        Column of the time of the event.
    key
        Columns that identify a row; if empty, rows never replace one another.
    start
        None for no lower bound.
    """
    bounds = [f"{quoted(time)} < timestamp {literal(end)}"]
    if start is not None:
        bounds.append(f"{quoted(time)} >= timestamp {literal(start)}")
    return newest_state(rows, key).filter(" and ".join(bounds)).project(f"* exclude ({PARTITION})")


def newest_state(rows: duckdb.DuckDBPyRelation, key: Sequence[str]) -> duckdb.DuckDBPyRelation:
    """The newest arrival of each key; keys are unique within a partition."""
    if not key:
        return rows
    newest = f"max({PARTITION}) over (partition by {quoted_list(key)})"
    return (
        rows.project(f"*, {newest} as _newest")
        .filter(f"{PARTITION} = _newest")
        .project("* exclude (_newest)")
    )


def with_counterfactual_arrivals(
    rows: duckdb.DuckDBPyRelation, *, time: str, known_until: str, as_of: datetime
) -> duckdb.DuckDBPyRelation:
    """A counterfactual copy of the rows in which all later arrivals have other values.

    Numbers are negated and shifted, texts reversed, and event times set just before `as_of`, so that only the
    arrival shows that a row was not known. Features that leak later arrivals therefore differ between the
    rows and the copy.

    Parameters
    ----------
    known_until
        The last partition whose arrivals stay unchanged.
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
