"""Columns of integers that no number type holds exactly, such as account numbers; they stay text."""

from collections.abc import Iterable, Mapping

import duckdb

from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.scaffolding.values.allowed_types import column_types
from mlops_assets.scaffolding.values.plain_values import ValueRange

_LEAST = 1e18
_LONG_INTEGER = "[+-]?[0-9]{19,}(\\.0*)?"


def long_integers(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, Column],
    ranges: Mapping[str, ValueRange],
) -> dict[str, Column]:
    """As text, the columns of integers that neither BIGINT nor DOUBLE holds exactly.

    Parameters
    ----------
    ranges
        Known ranges, which exclude columns of smaller numbers.
    """
    kinds = column_types(connection, table)
    exact = [
        name
        for name, column in columns.items()
        if column.sql_type == "DOUBLE"
        and kinds[name] not in ("DOUBLE", "FLOAT")
        and _is_wide(ranges.get(name))
    ]
    if not exact:
        return {}
    flags = ", ".join(
        f"bool_or(length({quoted(name)}::varchar) >= 19 and "
        f"regexp_full_match({quoted(name)}::varchar, {literal(_LONG_INTEGER)}))"
        for name in exact
    )
    [found] = connection.execute(f"select {flags} from {table}").fetchall()
    return {name: Column(name, "VARCHAR") for name, flag in zip(exact, found, strict=True) if flag}


def _is_wide(seen: ValueRange | None) -> bool:
    return not seen or max(abs(float(end or 0)) for end in (seen.least, seen.greatest)) >= _LEAST


def long_integer_doubts(columns: Iterable[str]) -> tuple[str, ...]:
    """A doubt about each column of long integers."""
    return tuple(
        f"{name} has integers of 19 digits or more, which stay text: a double would not hold them exactly"
        for name in columns
    )
