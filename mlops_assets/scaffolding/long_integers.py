"""Columns of integers that no number type holds exactly, such as account numbers; they stay text."""

from collections.abc import Iterable, Mapping

import duckdb

from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.scaffolding.allowed_types import column_types

_LONG_INTEGER = "[+-]?[0-9]{19,}(\\.0*)?"


def long_integers(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, Column]
) -> dict[str, Column]:
    """As text, the columns of integers that neither BIGINT nor DOUBLE holds exactly."""
    kinds = column_types(connection, table)
    exact = [
        name
        for name, column in columns.items()
        if column.sql_type == "DOUBLE" and kinds[name] not in ("DOUBLE", "FLOAT")
    ]
    if not exact:
        return {}
    flags = ", ".join(
        f"bool_or(regexp_full_match({quoted(name)}::varchar, {literal(_LONG_INTEGER)})) "
        f"filter (length({quoted(name)}::varchar) >= 19)"
        for name in exact
    )
    [found] = connection.execute(f"select {flags} from {table}").fetchall()
    return {name: Column(name, "VARCHAR") for name, flag in zip(exact, found, strict=True) if flag}


def long_integer_doubts(columns: Iterable[str]) -> tuple[str, ...]:
    """A doubt about each column of long integers."""
    return tuple(
        f"{name} has integers of 19 digits or more, which stay text: a double would not hold them exactly"
        for name in columns
    )
