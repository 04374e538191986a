"""The types that the values of a column may get without a loss."""

from collections.abc import Collection, Mapping, Sequence

import duckdb

from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.columns import SqlType

NARROWEST_FIRST: tuple[SqlType, ...] = ("BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP")
"""The first type that holds all values is chosen; else text."""
NUMBERS: tuple[SqlType, ...] = ("BIGINT", "DOUBLE")
AllowedTypes = Mapping[str, Collection[SqlType]]
_LEADING_ZERO = "^0[0-9]"
"""As in postcodes, which would lose it as numbers."""
_LABEL = "(?i)^ *(yes|no|y|n) *$"
"""Labels that a boolean would replace by true and false, in predictions, too."""


def column_types(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """The SQL type of each column of a table or subquery."""
    relation = connection.sql(f"from {table}")
    return dict(zip(relation.columns, map(str, relation.types), strict=True))


def allowed_types(connection: duckdb.DuckDBPyConnection, table: str, names: Sequence[str]) -> AllowedTypes:
    """The types that a column may get without losing a leading zero or a label, in one scan."""
    given = column_types(connection, table)
    texts = [name for name in names if given[name] == "VARCHAR"]
    patterns = [(name, pattern) for name in texts for pattern in (_LEADING_ZERO, _LABEL)]
    flags = ", ".join(
        f"bool_or(regexp_matches({quoted(name)}, {literal(pattern)}))" for name, pattern in patterns
    )
    [found] = connection.execute(f"select {flags} from {table}").fetchall() if texts else [()]
    matches = {pair for pair, flag in zip(patterns, found, strict=True) if flag}
    return {
        name: {
            kind
            for kind in NARROWEST_FIRST
            if ((name, _LEADING_ZERO) not in matches or kind not in NUMBERS)
            and ((name, _LABEL) not in matches or kind != "BOOLEAN")
            and (given[name] != "BOOLEAN" or kind == "BOOLEAN")  # true is a number in SQL, too
        }
        for name in names
    }
