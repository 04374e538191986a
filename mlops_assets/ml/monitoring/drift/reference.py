"""The reference of a drift report: bins that are chosen on training rows, and their counts."""

import math
from collections.abc import Mapping, Sequence

import duckdb

from mlops_assets.core.sql_quoting import quoted
from mlops_assets.ml.comparison.drift import NAMED_VALUES, Kind, bin_edges, column_kinds, measure_sql
from mlops_assets.ml.monitoring.drift.histograms import (
    Bins,
    Histograms,
    count,
    count_by,
    sum_counts,
)
from mlops_assets.ml.monitoring.drift.variation import usual_variation
from mlops_assets.ml.wide_queries import in_groups

QUANTILES = 100
"""Numbers are counted in bins between percentiles of the reference rows."""
LEAST_IN_BIN = 10
"""Minimum number of reference rows in a bin of numbers, and of a category with a bin of its own: a stored
histogram describes no single row."""
_SAMPLED_ROWS, _SAMPLED_VALUES, _SEED = 100_000, 25_000_000, 1
"""Bins are chosen on a sample of the reference rows, smaller for many columns; all rows are counted."""
_EDGE_STEPS = 1_000
"""Edges between bins are rounded to a thousandth of their range."""


_VIEW, _SAMPLE = "_drift_reference", "_drift_sample"


def reference_histograms(
    connection: duckdb.DuckDBPyConnection,
    rows: duckdb.DuckDBPyRelation,
    columns: Sequence[str],
    *,
    entity: Sequence[str] = (),
    period: str | None = None,
) -> Histograms:
    """Choose the bins of columns on reference rows, and count them.

    Numbers have bins between percentiles, and one for each value that spans several of them. Categories have
    a bin for each of the most frequent values, and one for the rest.

    Parameters
    ----------
    entity
        Columns that identify an entity, whose rows are not independent of one another; by default each row is
        an entity.
    period
        Column with the period of a row, for the usual variation between periods.
    """
    bins = choose_bins(connection, rows, columns)
    total = size = len(rows)
    if entity:
        key = ", ".join(map(quoted, entity))
        size = rows.aggregate(f"count(distinct ({key}))").fetchall()[0][0] or 0
    periods = count_by(rows, bins.values(), period) if period else []
    counts = sum_counts(periods) if periods else count(rows, bins.values())
    return Histograms(total, size, bins, counts, usual_variation(bins, periods))


def choose_bins(
    connection: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, columns: Sequence[str]
) -> dict[str, Bins]:
    """Choose the bins of columns on a sample of the rows."""
    if not columns:
        return {}
    kinds = column_kinds(rows, rows, columns)
    rows.project(", ".join(map(quoted, columns))).create_view(_VIEW, replace=True)
    # DuckDB takes the memory of the whole reservoir at once, and does not spill it.
    most = min(_SAMPLED_ROWS, _SAMPLED_VALUES // len(columns))
    sample = f" using sample reservoir({most} rows) repeatable ({_SEED})" if len(rows) > most else ""
    connection.execute(f"create or replace temp table {_SAMPLE} as from {_VIEW}{sample}")
    measured = {name: kind for name, kind in kinds.items() if kind != "category"}
    chosen = _numeric_bins(connection, measured) | {
        name: Bins(name, "category", values=_frequent_values(connection, name))
        for name in columns
        if name not in measured
    }
    connection.execute(f"drop table {_SAMPLE}")
    return {name: chosen[name] for name in columns}


def _numeric_bins(connection: duckdb.DuckDBPyConnection, kinds: Mapping[str, Kind]) -> dict[str, Bins]:
    return {
        name: bins
        for group in in_groups(list(kinds.items()))
        for name, bins in _bins_of_group(connection, dict(group)).items()
    }


def _bins_of_group(connection: duckdb.DuckDBPyConnection, kinds: Mapping[str, Kind]) -> dict[str, Bins]:
    values = [measure_sql(quoted(name), kind) for name, kind in kinds.items()]
    counted = connection.execute(f"select {', '.join(f'count({each})' for each in values)} from {_SAMPLE}")
    parts = [min(QUANTILES, max(1, rows // LEAST_IN_BIN)) for rows in counted.fetchall()[0]]
    wanted = ", ".join(
        f"quantile_disc({value}, {[place / part for place in range(1, part)] or [0.5]})"
        for value, part in zip(values, parts, strict=True)
    )
    found = connection.execute(f"select {wanted} from {_SAMPLE}").fetchall()[0]
    return {
        name: Bins(name, kind, edges=tuple(_rounded(quantiles or ())))
        for (name, kind), quantiles in zip(kinds.items(), found, strict=True)
    }


def _rounded(quantiles: Sequence[float]) -> list[float]:
    """Edges between quantiles, rounded unless the value is a frequent one."""
    edges = bin_edges(quantiles)
    frequent = {edge for edge in edges if math.nextafter(edge, -math.inf) in edges}
    exact = frequent | {math.nextafter(edge, -math.inf) for edge in frequent}
    step = (edges[-1] - edges[0]) / _EDGE_STEPS
    if not 0 < step < math.inf:
        return edges
    step = 10 ** math.floor(math.log10(step))
    if not step:
        return edges
    return sorted({edge if edge in exact else round(edge / step) * step for edge in edges})


def _frequent_values(connection: duckdb.DuckDBPyConnection, column: str) -> tuple[str, ...]:
    found = connection.execute(
        f"select {quoted(column)}::varchar as value from {_SAMPLE} where value is not null group by value "
        f"having count(*) >= {LEAST_IN_BIN} order by count(*) desc, value limit {NAMED_VALUES}"
    )
    return tuple(value for (value,) in found.fetchall())
