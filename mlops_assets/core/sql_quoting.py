"""Names, literals and the session of generated SQL."""

import os
from collections.abc import Iterable
from glob import escape

NUMBERS = frozenset(
    {
        *("tinyint", "smallint", "integer", "bigint", "hugeint", "float", "double", "decimal"),
        *("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"),
    }
)
"""DuckDB's names of numeric types."""
UTC_SESSION = "set TimeZone = 'UTC'"
"""Statement for each connection to DuckDB that reads times; without it, the machine's time zone decides."""


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted_list(names: Iterable[str]) -> str:
    """Return names as a list of SQL identifiers."""
    return ", ".join(quoted(name) for name in names)


def literal(value: object) -> str:
    """Return a value's text as an SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def path_literal(path: str | os.PathLike[str]) -> str:
    """Return the path of one file as an SQL string literal; DuckDB reads `*`, `?` and `[` as a pattern."""
    return literal(escape(os.fspath(path)))


def count_where(condition: str) -> str:
    """Return an aggregate for the number of rows for which a condition holds.

    In DuckDB 2.0, `count_if` of no rows is null, and the memory of aggregates with `FILTER` grows with the
    square of their number.
    """
    return f"count(case when {condition} then 1 end)"
