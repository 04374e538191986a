"""Values that change how a column is read: a word among numbers, and -999 for a missing value."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb

from mlops_assets.core.sql_quoting import count_where, quoted
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.stores.files.csv_dialect import Dialect

if TYPE_CHECKING:
    import pandas as pd

_MOSTLY = 0.95
"""Minimum share of numbers in a text column for its other values to be named."""
_TRIED_VALUES = 200
_LEAST_DISTINCT = 5
_PLACEHOLDER = re.compile(r"-?9{2,}|-1")
_VALUE_AS_NAME = re.compile(r"-?\d+\.\d+|\d{4}-\d\d-\d\d.*")


def odd_values(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[Column],
    dialect: Dialect,
    sample: "pd.DataFrame",
) -> Iterator[str]:
    """A doubt about each column with odd values.

    Parameters
    ----------
    table
        The rows, with texts as in the source; missing values are null.
    sample
        Typed rows.
    """
    for column in columns:
        values = sample[column.name].dropna()
        if column.sql_type == "VARCHAR" and _look_like_numbers(values.head(_TRIED_VALUES).astype(str)):
            number = replace(column, sql_type="DOUBLE", decimal=dialect.decimal, thousands=dialect.thousands)
            yield from _words_among_numbers(connection, table, number)
        if column.sql_type in ("BIGINT", "DOUBLE"):
            yield from _placeholders(column.name, values)


def values_as_names(names: Sequence[str]) -> list[str]:
    """The column names that look like values: the file may have no header."""
    return [name for name in names if _VALUE_AS_NAME.fullmatch(name.strip())]


def _look_like_numbers(values: "pd.Series") -> bool:
    numbers = values.str.fullmatch(r"\s*[-+]?\d[\d.,' eE+-]*\s*")
    codes = values.str.match(r"\s*0\d")  # such columns are text on purpose
    return bool(len(values)) and bool(numbers.mean() >= _MOSTLY - 0.05) and not codes.any()


def _words_among_numbers(connection: duckdb.DuckDBPyConnection, table: str, number: Column) -> Iterator[str]:
    raw = quoted(number.name)
    lost = f"{raw} is not null and ({number.cast_sql()}) is null"
    query = f"select count({raw}), {count_where(lost)}, min(case when {lost} then {raw} end) from {table}"
    [(filled, others, example)] = connection.execute(query).fetchall()
    if others and others <= (1 - _MOSTLY) * filled:
        yield (
            f"{number.name} stays text because of {others:,} of {filled:,} values, such as {example!r}; "
            "correct them, declare them with --null, or declare a number in schema.py, which quarantines "
            "their rows"
        )


def _placeholders(name: str, values: "pd.Series") -> Iterator[str]:
    """-999 and 9999 where they are further from the other values than these are from each other."""
    distinct = sorted(float(value) for value in values.unique())
    if len(distinct) < _LEAST_DISTINCT:
        return
    for extreme, rest in ((distinct[0], distinct[1:]), (distinct[-1], distinct[:-1])):
        gap, spread = min(abs(extreme - rest[0]), abs(extreme - rest[-1])), rest[-1] - rest[0]
        times = int((values == extreme).sum())
        text = f"{extreme:.0f}"
        if times > 1 and gap > spread and float(text) == extreme and _PLACEHOLDER.fullmatch(text):
            yield (
                f"{name} has the value {text} far from the others; if it stands for a missing value, "
                f"declare it with --null {text}"
            )
