"""Columns of text in the usual spelling of their type, which one scan recognises and profiles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from mlops_assets.core.sql_quoting import count_where, quoted
from mlops_assets.ml.contracts.columns import Column, SqlType
from mlops_assets.scaffolding.values.allowed_types import column_types, has_leading_zero_sql

_COLUMNS_A_QUERY = 25
"""DuckDB plans a query with hundreds of aggregates much slower than several smaller ones."""


@dataclass(frozen=True)
class ValueRange:
    """What one scan shows of the values of a column.

    Attributes
    ----------
    filled
        Number of values.
    distinct
        Approximate number of distinct values.
    least, greatest
        Minimum and maximum, as text; None without values.
    """

    filled: int
    distinct: int
    least: str | None
    greatest: str | None


def value_ranges(
    connection: duckdb.DuckDBPyConnection, table: str, values: Mapping[str, str]
) -> dict[str, ValueRange]:
    """The ranges of columns, given by their name and the SQL of their typed value."""
    tests = dict.fromkeys(values, "true")
    return {name: found for name, (_, found) in _scan(connection, table, values, tests).items()}


def plain_ranges(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Column]
) -> dict[str, ValueRange]:
    """The ranges of those columns of text whose values are all in the usual spelling, by name.

    Such a value is valid in a contract, which has `plain_cast_sql` as its value. A column with another
    spelling may have the type, too: its contract decides.
    """
    kinds = column_types(connection, table)
    texts = [column for column in columns if kinds[column.name] == "VARCHAR" and column.sql_type != "VARCHAR"]
    values = {column.name: plain_cast_sql(column) for column in texts}
    tests = {
        column.name: _is_plain_sql(column.sql_type, quoted(column.name), values[column.name])
        for column in texts
    }
    found = _scan(connection, table, values, tests)
    return {name: seen for name, (others, seen) in found.items() if seen.filled and not others}


def plain_cast_sql(column: Column) -> str:
    """The typed value of a text in the usual spelling."""
    return f"try_cast({quoted(column.name)} as {column.sql_type})"


def _is_plain_sql(kind: SqlType, text: str, value: str) -> str:
    """Whether a text is in the usual spelling."""
    match kind:
        case "DOUBLE":
            return f"not isnan({value}) and not contains({text}, '_') and not {has_leading_zero_sql(text)}"
        case "BOOLEAN":
            return f"{value}::varchar = lower({text})"
        case "DATE" | "TIMESTAMP":  # with a year of four digits
            return f"length({text}) between 10 and 26 and {text} < 'A' and {value}::varchar = {text}"
    return f"{value}::varchar = {text}"


def _scan(
    connection: duckdb.DuckDBPyConnection, table: str, values: Mapping[str, str], tests: Mapping[str, str]
) -> dict[str, tuple[int, ValueRange]]:
    """For each column the number of values that fail its test, and its range."""
    found, names = {}, list(values)
    for start in range(0, len(names), _COLUMNS_A_QUERY):
        chunk = names[start : start + _COLUMNS_A_QUERY]
        typed = ", ".join(
            f"{values[name]} as v{n}, {quoted(name)} is not null and ({tests[name]}) is not true as o{n}"
            for n, name in enumerate(chunk)
        )
        counts = ", ".join(
            f"{count_where(f'o{n}')}, count(v{n}), approx_count_distinct(v{n}), "
            f"min(v{n})::varchar, max(v{n})::varchar"
            for n in range(len(chunk))
        )
        [row] = connection.execute(f"select {counts} from (select {typed} from {table})").fetchall()
        for n, name in enumerate(chunk):
            others, *numbers = row[5 * n : 5 * n + 5]
            found[name] = (others, ValueRange(*numbers))
    return found
