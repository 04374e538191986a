"""Quoting for SQL that is put together from names and paths."""

from collections.abc import Iterable

NUMBERS = frozenset(
    {
        *("tinyint", "smallint", "integer", "bigint", "hugeint", "float", "double", "decimal"),
        *("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"),
    }
)
"""What DuckDB calls the types of numbers."""


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted_list(names: Iterable[str]) -> str:
    """Names as a list of SQL identifiers."""
    return ", ".join(quoted(name) for name in names)


def literal(value: object) -> str:
    """A value's text as an SQL string."""
    return "'" + str(value).replace("'", "''") + "'"
