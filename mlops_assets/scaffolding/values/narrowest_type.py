"""The first type that holds all values of a column, in few scans of the table."""

from collections.abc import Mapping, Sequence

import duckdb

from mlops_assets.core.sql_quoting import count_where
from mlops_assets.ml.contracts.columns import Column, SqlType
from mlops_assets.scaffolding.values.allowed_types import (
    NARROWEST_FIRST,
    NUMBERS,
    AllowedTypes,
    column_types,
    is_lost_sql,
)

SAMPLE_ROWS = (1_000, 20_000)
"""A few rows rule most types out, some more nearly all of them."""
_TESTS_A_QUERY = 100
"""DuckDB plans a query with thousands of aggregates much slower than several smaller ones."""


def narrowest(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    names: Sequence[str],
    marks: tuple[str, str],
    allowed: AllowedTypes,
    kinds: Sequence[SqlType] = NARROWEST_FIRST,
) -> dict[str, Column]:
    """Each column with the first type that holds all of its values, in few scans.

    Samples rule types out; the first type that remains is verified for all rows.
    """
    candidates = candidate_types(connection, table, names, marks, allowed, kinds)
    return first_that_holds(connection, table, candidates)


def first_that_holds(
    connection: duckdb.DuckDBPyConnection, table: str, left: Mapping[str, Sequence[Column]]
) -> dict[str, Column]:
    """Each column with the first of its candidates that holds the values of all rows; else text."""
    found: dict[str, Column] = {}
    while left:
        found |= {name: Column(name, "VARCHAR") for name, candidates in left.items() if not candidates}
        left = {name: candidates for name, candidates in left.items() if candidates}
        held = _hold(connection, table, [candidates[0] for candidates in left.values()])
        found |= {name: candidates[0] for name, candidates in left.items() if held[candidates[0]]}
        left = {name: candidates[1:] for name, candidates in left.items() if name not in found}
    return found


def candidate_types(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    names: Sequence[str],
    marks: tuple[str, str],
    allowed: AllowedTypes,
    kinds: Sequence[SqlType] = NARROWEST_FIRST,
) -> dict[str, list[Column]]:
    """For each column the types that hold the values of samples; the first one is likely."""
    decimal, thousands = marks
    left = {
        name: [
            Column(name, kind, decimal=decimal, thousands=thousands)
            for kind in kinds
            if kind in allowed[name]
        ]
        for name in names
    }
    for rows in SAMPLE_ROWS if names else ():
        sample = f"(from {table} limit {rows})"
        for numbers in (True, False):  # columns of numbers need no test of the other types
            tested = [
                candidate
                for candidates in left.values()
                if numbers or not any(each.sql_type in NUMBERS for each in candidates)
                for candidate in candidates
                if (candidate.sql_type in NUMBERS) == numbers
            ]
            held = _hold(connection, sample, tested, empty=True)
            left = {
                name: [each for each in candidates if held.get(each, True)]
                for name, candidates in left.items()
            }
    return left


def _hold(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Column], *, empty: bool = False
) -> dict[Column, bool]:
    """Whether each typed column holds all values, and there is at least one (with `empty`, or none)."""
    held: dict[Column, bool] = {}
    kinds = column_types(connection, table) if columns else {}
    for start in range(0, len(columns), _TESTS_A_QUERY):
        tested = columns[start : start + _TESTS_A_QUERY]
        counts = ", ".join(
            f"{count_where(filled)}, {count_where(f'{filled} and ({lost})')}"
            for column in tested
            for filled in (f"not {column.is_null_sql(kind=kinds[column.name])}",)
            for lost in (is_lost_sql(column, kinds[column.name]),)
        )
        [found] = connection.execute(f"select {counts} from {table}").fetchall()
        pairs = zip(found[::2], found[1::2], strict=True)
        held |= {
            column: (filled > 0 or empty) and lost == 0
            for column, (filled, lost) in zip(tested, pairs, strict=True)
        }
    return held
