"""The types that the values of a column may get without a loss."""

from collections.abc import Collection, Mapping, Sequence

import duckdb

from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.columns import Column, SqlType

NARROWEST_FIRST: tuple[SqlType, ...] = ("BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP")
"""The first type that holds all values is chosen; else text."""
NUMBERS: tuple[SqlType, ...] = ("BIGINT", "DOUBLE")
AllowedTypes = Mapping[str, Collection[SqlType]]
_LABEL = "(?i)^ *(yes|no|y|n) *$"
"""Labels that a boolean would replace by true and false, in predictions, too."""


def column_types(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """The SQL type of each column of a table or subquery."""
    relation = connection.sql(f"from {table}")
    return dict(zip(relation.columns, map(str, relation.types), strict=True))


def allowed_types(connection: duckdb.DuckDBPyConnection, table: str, names: Sequence[str]) -> AllowedTypes:
    """The types that a column may get: a boolean stays one, because true is a number in SQL, too."""
    given = column_types(connection, table)
    return {name: ("BOOLEAN",) if given[name] == "BOOLEAN" else NARROWEST_FIRST for name in names}


def is_lost_sql(column: Column, kind: str) -> str:
    """Whether a typed column loses a value, its leading zero, or its label; null for a missing value.

    Parameters
    ----------
    kind
        The SQL type of the source.
    """
    text, lost = quoted(column.name), f"({column.cast_sql(kind)}) is null"
    if kind == "VARCHAR" and column.sql_type in NUMBERS:
        return f"{lost} or {has_leading_zero_sql(text)}"
    if kind == "VARCHAR" and column.sql_type == "BOOLEAN":
        return f"{lost} or regexp_matches({text}, {literal(_LABEL)})"
    return lost


def has_leading_zero_sql(text: str) -> str:
    """Whether a text begins with 0 and a digit, as postcodes do: it would lose the 0 as a number."""
    return f"({text} >= '00' and {text} < '0:')"  # a colon follows 9; much faster than a pattern
