"""Figures of the rows of a table: how many, missing values, numbers, times and categories.

A few values of single rows are among them: the extremes. They are rounded to three digits, and categories are
named only if enough entities share them, so that figures identify no row.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import duckdb

from mlops_assets.core.sql_quoting import NUMBERS, literal, quoted, quoted_list
from mlops_assets.ml.wide_queries import in_groups

Scale = Literal["count", "share", "number"]
"""What a figure is, for its comparison with the past: a number of rows, a share of the rows, or a mean."""

DEVIATION = "deviation"
"""Measure of the standard deviation of a number."""
NAMED = 10
"""Number of entities, or without them of rows, that share a value of a category that is named."""
CATEGORIES = 50
"""A text with more different values in a partition is no category."""
_QUANTILES = {"p5": 0.05, "median": 0.5, "p95": 0.95}
_ERRORS = 4
"""Standard errors of a quantile that its neighbours are away, to find how precise it is."""
_HUGE = 1e100
"""A number as large as this counts as missing: it is a placeholder, and squares of it may overflow."""
_TIMES = ("DATE", "TIMESTAMP")
_ROWS = "_figures_of"


@dataclass(frozen=True)
class Figure:
    """One figure of the rows of a table.

    Attributes
    ----------
    note
        The category of a share, or the rule of rejected rows.
    rows
        The number of rows that it is a figure of.
    scale
        How it is compared with the past; None for a figure that is only shown.
    error
        The standard error of a mean or quantile.
    spread
        The standard deviation of the values that it is a mean or quantile of.
    """

    measure: str
    value: float | None
    column: str | None = None
    note: str | None = None
    rows: int = 0
    scale: Scale | None = None
    error: float = 0.0
    spread: float = 0.0


def row_figures(
    connection: duckdb.DuckDBPyConnection,
    rows: duckdb.DuckDBPyRelation,
    columns: Sequence[str],
    *,
    identifying: Collection[str] = (),
    sensitive: Collection[str] = (),
    end: datetime | None = None,
) -> Iterator[Figure]:
    """The figures of rows, by one pass over many columns, and one over each text.

    Parameters
    ----------
    rows
        A relation of the connection.
    columns
        The columns with figures.
    identifying, sensitive
        Columns of which only missing values are counted, because figures would show values of single rows.
    end
        The end of the period of the rows, from which times are counted in days; by default 1970.
    """
    rows.create_view(_ROWS, replace=True)
    types = dict(zip(rows.columns, map(str, rows.types), strict=True))
    count = int(connection.execute(f"select count(*) from {_ROWS}").fetchall()[0][0])
    yield Figure("rows", count, rows=count, scale="count")
    if not count:
        return
    for figure in _of_columns(
        connection, columns, types, {*identifying, *sensitive}, identifying, end, count
    ):
        yield replace(figure, rows=count)


def _of_columns(
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[str],
    types: Mapping[str, str],
    hidden: Collection[str],
    identifying: Collection[str],
    end: datetime | None,
    count: int,
) -> Iterator[Figure]:
    shown = [name for name in columns if name not in hidden] if count >= NAMED else []
    numbers = {name: _as_number(name, types[name], end) for name in shown if _is_number(types[name])}
    yield from _numbers(connection, columns, numbers, count)
    entity = [name for name in identifying if name in types]
    for name in shown:
        if types[name] in ("VARCHAR", "BOOLEAN"):
            yield from _categories(connection, name, entity, count)


def _is_number(kind: str) -> bool:
    return kind.split("(")[0].lower() in NUMBERS or kind.startswith(_TIMES)


def _as_number(name: str, kind: str, end: datetime | None) -> str:
    """A number, or a time in days from the end of the period; infinite and huge values count as missing."""
    if kind.startswith(_TIMES):
        origin = literal((end or datetime(1970, 1, 1)).isoformat())
        return f"date_diff('second', {origin}::timestamp, {quoted(name)}::timestamp) / 86400.0"
    value = f"{quoted(name)}::double"
    return f"case when abs({value}) < {_HUGE:g} then {value} end"


def _numbers(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[str], numbers: dict[str, str], count: int
) -> Iterator[Figure]:
    """Missing values of all columns, and the distributions of numbers and times."""
    places = [near for share in _QUANTILES.values() for near in _near(share, count)]
    parts = [f"count({numbers.get(name, quoted(name))})" for name in columns]
    for value in numbers.values():
        wanted = f"quantile_cont({value}, {places!r})"
        parts.append(f"[min({value}), max({value}), avg({value}), stddev_samp({value})]")
        parts.append(wanted)
    found = [
        value
        for group in in_groups(parts)
        for value in connection.execute(f"select {', '.join(group)} from {_ROWS}").fetchall()[0]
    ]
    for name, present in zip(columns, found, strict=False):
        yield Figure("null_share", 1 - present / count, name, scale="share")
    for place, name in enumerate(numbers):
        (low, high, mean, spread), quantiles = found[len(columns) + 2 * place :][:2]
        if mean is None:
            continue
        spread = spread or 0.0
        yield Figure("minimum", _rounded(low), name)
        yield Figure("maximum", _rounded(high), name)
        yield Figure(DEVIATION, spread, name)
        yield Figure("mean", mean, name, scale="number", error=spread / math.sqrt(count), spread=spread)
        for (measure, _), near in zip(_QUANTILES.items(), _by_three(quantiles), strict=True):
            below, at, above = near
            error = max(above - at, at - below) / _ERRORS
            scale: Scale | None = None if measure == "median" else "number"
            yield Figure(measure, at, name, scale=scale, error=error, spread=spread)


def _near(share: float, count: int) -> tuple[float, float, float]:
    """A quantile, and those that are some standard errors below and above it."""
    reach = _ERRORS * math.sqrt(share * (1 - share) / count)
    return max(share - reach, 0.0), share, min(share + reach, 1.0)


def _by_three(values: Sequence[float]) -> Iterator[tuple[float, float, float]]:
    yield from zip(values[::3], values[1::3], values[2::3], strict=True)


def _categories(
    connection: duckdb.DuckDBPyConnection, name: str, entity: Sequence[str], count: int
) -> Iterator[Figure]:
    """The shares of the categories that enough entities share, and the share of all others."""
    sharing = f"count(distinct ({quoted_list(entity)}))" if entity else "count(*)"
    counted = connection.execute(
        f"select {quoted(name)}::varchar, count(*), {sharing} from {_ROWS} "
        f"where {quoted(name)} is not null group by 1 order by 2 desc, 1 limit {CATEGORIES + 1}"
    ).fetchall()
    if len(counted) > CATEGORIES:
        return
    yield Figure("categories", len(counted), name)
    named = [(value, rows) for value, rows, sharers in counted if sharers >= NAMED]
    for value, rows in sorted(named):
        yield Figure("share", rows / count, name, value, scale="share")
    rare = sum(rows for _, rows, _ in counted) - sum(rows for _, rows in named)
    yield Figure("rare_share", rare / count, name)  # a category near the limit has a name now and then


def _rounded(value: float) -> float:
    """Three significant digits."""
    return float(f"{value:.3g}")
