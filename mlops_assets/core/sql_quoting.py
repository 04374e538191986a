"""Quoting of names and literals in generated SQL."""

from collections.abc import Iterable

NUMBERS = frozenset(
    {
        *("tinyint", "smallint", "integer", "bigint", "hugeint", "float", "double", "decimal"),
        *("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"),
    }
)
"""DuckDB's names of numeric types."""


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted_list(names: Iterable[str]) -> str:
    """Return names as a list of SQL identifiers."""
    return ", ".join(quoted(name) for name in names)


def literal(value: object) -> str:
    """Return a value's text as an SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"
