"""Drift: the change of the distribution of each column between two sets of rows.

DuckDB counts in a few streaming passes; no column is held in memory.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import duckdb

from mlops_assets.core.sql_quoting import NUMBERS, count_where, quoted
from mlops_assets.ml.encodings import FEW_VALUES, ROWS_A_VALUE

BINS = 10
"""Numbers are counted in bins between the deciles of the values before."""
NAMED_VALUES = 50
"""Number of most frequent values of a category with a bin each; all others share a bin."""
_EXAMPLES = 5
_BEFORE, _AFTER = "_drift_before", "_drift_after"
_TIMES = {"date", "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone"}


Kind = Literal["number", "time", "text", "category"]


@dataclass(frozen=True)
class ColumnShift:
    """The drift of one column.

    Attributes
    ----------
    null_shares
        Shares of missing values before and after; a number that is not finite counts as missing.
    means
        Means of a number, of a time in ISO 8601, or of the number of characters of free text; None for
        categories and for a side without values.
    psi
        Population stability index over deciles of numbers, times and lengths of free text, or over values of
        a category; missing values have a separate bin.
    new_values, gone_values
        Number of values of a category that occur on one side only, with `new_examples` and `gone_examples`.
    """

    column: str
    kind: Kind
    null_shares: tuple[float, float]
    psi: float
    means: tuple[float | str | None, float | str | None] | None = None
    new_values: int = 0
    gone_values: int = 0
    new_examples: tuple[str, ...] = ()
    gone_examples: tuple[str, ...] = ()

    def without_values(self) -> "ColumnShift":
        """The drift without means and examples, for a sensitive column."""
        return replace(self, means=None, new_examples=(), gone_examples=())


def population_stability_index(before: Sequence[int], after: Sequence[int]) -> float:
    """The population stability index: 0 for equal distributions over bins.

    With shares `p` before and `q` after, it is the sum of `(q - p) ln(q / p)`, the Jeffreys divergence. By
    convention, less than 0.1 is stable and 0.25 or more is a shift to investigate. Half a row is added to
    each bin, so that an empty bin gives a large but finite value.

    Parameters
    ----------
    before, after
        Number of rows in each bin, `(bins,)`.

    Returns
    -------
    The index with natural logarithms; NaN when one side has no rows.

    References
    ----------
    N. Siddiqi, Credit Risk Scorecards, Wiley 2006 (the index and its conventional limits).
    B. Yurdakul, J. Naranjo, Statistical properties of the population stability index, Journal of Risk Model
    Validation 14(4), 2020 (small samples: with B bins and n and m rows, the expectation without a shift is
    about (B - 1) (1/n + 1/m)).
    """
    if len(before) != len(after):
        raise ValueError(f"{len(before)} bins before and {len(after)} after")
    if not sum(before) or not sum(after):
        return math.nan
    p, q = (
        [(count + 0.5) / (sum(counts) + 0.5 * len(counts)) for count in counts] for counts in (before, after)
    )
    return sum((new - old) * math.log(new / old) for old, new in zip(p, q, strict=True))


def column_shifts(
    connection: duckdb.DuckDBPyConnection,
    before: duckdb.DuckDBPyRelation,
    after: duckdb.DuckDBPyRelation,
    columns: Sequence[str],
) -> list[ColumnShift]:
    """The drift of each column, the largest index first.

    Numbers and times are counted in bins between the approximate deciles of the values before; a value that
    spans several deciles has a separate bin. So are the lengths of free text, whose values rarely repeat on
    either side. All other types are compared as categories by their text.

    Parameters
    ----------
    before, after
        Relations of the connection.
    columns
        Columns of both relations.
    """
    before.create_view(_BEFORE, replace=True)
    after.create_view(_AFTER, replace=True)
    kinds = column_kinds(before, after, columns)
    measured = {name: kind for name, kind in kinds.items() if kind != "category"}
    shifts = [
        *_measured_shifts(connection, measured),
        *(_category_shift(connection, name) for name, kind in kinds.items() if kind == "category"),
    ]
    return sorted(
        shifts, key=lambda shift: (-shift.psi if shift.psi == shift.psi else math.inf, shift.column)
    )


def column_kinds(
    before: duckdb.DuckDBPyRelation, after: duckdb.DuckDBPyRelation, columns: Sequence[str]
) -> dict[str, Kind]:
    """How the values of each column are compared between two relations, which may be the same one."""
    kinds: dict[str, Kind] = {
        name: _kind(before.types[before.columns.index(name)], after.types[after.columns.index(name)])
        for name in columns
    }
    return kinds | dict.fromkeys(_free_texts(before, after, columns), "text")


def _kind(before: "duckdb.sqltypes.DuckDBPyType", after: "duckdb.sqltypes.DuckDBPyType") -> Kind:
    if before.id in NUMBERS and after.id in NUMBERS:
        return "number"
    return "time" if before.id in _TIMES and after.id in _TIMES else "category"


def _free_texts(
    before: duckdb.DuckDBPyRelation,
    after: duckdb.DuckDBPyRelation,
    columns: Sequence[str],
) -> list[str]:
    """The columns of text of several words that rarely repeat, on both sides."""
    texts = [
        name
        for name in columns
        if all(str(side.types[side.columns.index(name)]) == "VARCHAR" for side in (before, after))
    ]
    if not texts:
        return []
    tests = ", ".join(
        f"approx_count_distinct({name}) > greatest({FEW_VALUES}, count({name}) / {ROWS_A_VALUE}) "
        "and 2 * " + count_where(f"trim({name}) like '% %'") + f" >= count({name})"
        for name in map(quoted, texts)
    )
    sides = [side.aggregate(tests).fetchall()[0] for side in (before, after)]
    return [name for name, *both in zip(texts, *sides, strict=True) if all(both)]


def _measured_shifts(
    connection: duckdb.DuckDBPyConnection, kinds: Mapping[str, Kind]
) -> Iterator[ColumnShift]:
    """Numbers, times and lengths: one pass for the deciles of all columns, and one over each side."""
    if not kinds:
        return
    values = [measure_sql(quoted(name), kind) for name, kind in kinds.items()]
    deciles = [place / BINS for place in range(1, BINS)]
    edges = connection.execute(
        f"select {', '.join(f'approx_quantile({value}, {deciles})' for value in values)} from {_BEFORE}"
    ).fetchall()[0]
    bins = [bin_edges(found) for found in edges]
    counted = ", ".join(
        f"count(*) - count({value}), avg({value}), histogram({value}, {edge}::double[])"
        for value, edge in zip(values, bins, strict=True)
    )
    sides = [
        connection.execute(f"select count(*), {counted} from {side}").fetchall()[0]
        for side in (_BEFORE, _AFTER)
    ]
    for place, (name, kind) in enumerate(kinds.items()):
        rows = tuple(side[0] for side in sides)
        nulls, means, histograms = (
            tuple(side[1 + 3 * place + offset] for side in sides) for offset in range(3)
        )
        counts = [
            [missing, *((histogram or {}).get(edge, 0) for edge in (*bins[place], math.inf))]
            for missing, histogram in zip(nulls, histograms, strict=True)
        ]
        yield ColumnShift(
            name,
            kind,
            null_shares=(_share(nulls[0], rows[0]), _share(nulls[1], rows[1])),
            psi=population_stability_index(*counts),
            means=(_timestamp(means[0]), _timestamp(means[1])) if kind == "time" else means,
        )


def measure_sql(column: str, kind: Kind) -> str:
    """The SQL expression of a column as a number; null if it is not finite."""
    match kind:
        case "time":
            return f"case when isfinite({column}) then epoch({column}) end"
        case "text":
            return f"length({column})::double"
        case _:
            return f"case when isfinite({column}::double) then {column}::double end"


def bin_edges(quantiles: Sequence[float] | None) -> list[float]:
    """The upper ends of bins between quantiles; a single bin without values.

    A value that spans several quantiles has a bin of its own.
    """
    if not quantiles:
        return [0.0]
    frequent = {edge for edge, following in itertools.pairwise(quantiles) if edge == following}
    return sorted({*quantiles, *(math.nextafter(edge, -math.inf) for edge in frequent)})


def _category_shift(connection: duckdb.DuckDBPyConnection, column: str) -> ColumnShift:
    sides = (
        f"select {quoted(column)}::varchar as value, count(*) as n from {side} group by 1"
        for side in (_BEFORE, _AFTER)
    )
    one, other = sides
    connection.execute(
        f"""
        create or replace temp table _drift_values as
        select
            coalesce(one.value, other.value) as value,
            coalesce(one.n, 0) as n_before,
            coalesce(other.n, 0) as n_after
        from ({one}) one full join ({other}) other on one.value is not distinct from other.value
        """
    )
    ranked = connection.execute(
        f"""
        select
            case when value is not null and place <= {NAMED_VALUES} then value end as named, value is null,
            sum(n_before)::bigint, sum(n_after)::bigint
        from (
            select *, row_number() over (
                partition by value is null order by n_before desc, n_after desc, value
            ) as place
            from _drift_values
        )
        group by all
        order by all
        """
    ).fetchall()
    before, after = ([row[place] for row in ranked] for place in (2, 3))
    rows, missing = (sum(before), sum(after)), next((row[2:] for row in ranked if row[1]), (0, 0))
    new, new_examples = _only(connection, "n_after", "n_before")
    gone, gone_examples = _only(connection, "n_before", "n_after")
    return ColumnShift(
        column,
        "category",
        null_shares=(_share(missing[0], rows[0]), _share(missing[1], rows[1])),
        psi=population_stability_index(before, after),
        new_values=new,
        gone_values=gone,
        new_examples=new_examples,
        gone_examples=gone_examples,
    )


def _only(connection: duckdb.DuckDBPyConnection, here: str, not_there: str) -> tuple[int, tuple[str, ...]]:
    """The number of values that occur on one side only, and the most frequent of them."""
    rows = connection.sql(f"from _drift_values where value is not null and {here} > 0 and {not_there} = 0")
    examples = rows.order(f"{here} desc, value").limit(_EXAMPLES).project("value").fetchall()
    return rows.count("*").fetchall()[0][0], tuple(value for (value,) in examples)


def _share(part: int, rows: int) -> float:
    return part / rows if rows else math.nan


def _timestamp(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=round(seconds))
    return time.replace(tzinfo=None).isoformat()
