"""Point-in-time reads: the rows known at a timestamp, and a counterfactual copy of later arrivals.

A row is known from its arrival and keeps the time of its event: a late row belongs to the partition in which
it arrived. A row replaces all earlier arrivals with the same key from then on.
"""

from collections.abc import Mapping, Sequence
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


def valid_rows(
    rows: duckdb.DuckDBPyRelation, *, valid_from: str, valid_to: str | None, as_of: datetime
) -> duckdb.DuckDBPyRelation:
    """The rows whose validity had begun, as they were known: an end that lay ahead is null.

    Parameters
    ----------
    valid_from, valid_to
        Columns with the first and the last timestamp of a row's validity. A row without a first one was
        always valid.
    """
    start, moment = quoted(valid_from), f"timestamp {literal(as_of)}"
    known = rows.filter(f"{start} is null or {start} < {moment}")
    if valid_to is None:
        return known
    end = quoted(valid_to)
    return known.project(f"* replace (case when {end} < {moment} then {end} end as {end})")


def with_counterfactual_rows(
    rows: duckdb.DuckDBPyRelation,
    *,
    time: str,
    key: Sequence[str],
    known_from: str,
    known_until: str,
    as_of: datetime,
) -> duckdb.DuckDBPyRelation:
    """A counterfactual copy of events in which all rows that are not to be read have other values.

    These are the arrivals after `known_until` and before `known_from`, and events at or after `as_of`. Later
    arrivals are dated just before `as_of`, so that only their arrival shows that they were not known.

    Parameters
    ----------
    key
        Columns that identify a row. Events at or after `as_of` keep them, as they may replace earlier rows.
    known_from, known_until
        The first and the last partition whose arrivals stay unchanged.
    """
    moment, happened = f"timestamp {literal(as_of)}", quoted(time)
    later = f"{PARTITION} > {literal(known_until)}"
    arrived = f"{later} or {PARTITION} < {literal(known_from)}"
    dated = f"case when {later} then {moment} - interval 1 second else {happened} end"
    identified = changed_rows(
        rows, arrived, kept=[name for name in rows.columns if name not in key or name == time]
    )
    unknown = f"{arrived} or {happened} >= {moment}"
    return changed_rows(identified, unknown, kept=[PARTITION, *key], replaced={time: dated})


def with_counterfactual_validity(
    rows: duckdb.DuckDBPyRelation, *, valid_from: str, valid_to: str | None, as_of: datetime
) -> duckdb.DuckDBPyRelation:
    """A counterfactual copy of rows with validity, in which the rows and ends after `as_of` are different."""
    moment, start = f"timestamp {literal(as_of)}", quoted(valid_from)
    replaced = {valid_from: f"case when {start} >= {moment} then {start} + interval 1 day else {start} end"}
    if valid_to is not None:
        end = quoted(valid_to)
        ahead = f"coalesce({end}, {moment}) + interval 1 day"
        replaced[valid_to] = f"case when {end} < {moment} then {end} else {ahead} end"
    return changed_rows(rows, f"{start} >= {moment}", replaced=replaced)


def changed_rows(
    rows: duckdb.DuckDBPyRelation,
    where: str = "true",
    *,
    kept: Sequence[str] = (),
    replaced: Mapping[str, str] | None = None,
) -> duckdb.DuckDBPyRelation:
    """A copy of rows in which all values of some rows are different, also those that are missing.

    Parameters
    ----------
    where
        Condition of the rows to change.
    kept
        Columns that stay unchanged.
    replaced
        Expressions of columns, for all rows.
    """
    columns = []
    for name, kind in zip(rows.columns, map(str, rows.types), strict=True):
        other = None if name in kept else _changed(quoted(name), kind)
        if name in (replaced or {}):
            columns.append(f"({(replaced or {})[name]})::{kind} as {quoted(name)}")
        elif other is None:
            columns.append(quoted(name))
        else:
            columns.append(
                f"case when {where} then ({other})::{kind} else {quoted(name)} end as {quoted(name)}"
            )
    return rows.project(", ".join(columns))


def _changed(name: str, kind: str) -> str | None:
    """An expression that differs from every value of a column, without overflow; None for other types."""
    match kind:
        case "DOUBLE":
            return f"case when abs({name}) < 1e15 then {name} + 1e6 else 0 end"
        case "BIGINT":
            return f"xor(coalesce({name}, 0), 1048576)"
        case "VARCHAR":
            return f"coalesce({name}, '') || '~'"
        case "BOOLEAN":
            return f"not coalesce({name}, false)"
        case "TIMESTAMP" | "DATE":
            return f"coalesce({name}, timestamp '2000-01-01') - interval 1000 day"
    return None
