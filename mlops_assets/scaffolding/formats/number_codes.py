"""Columns of texts that numbers would change: phone numbers such as +49…, and codes such as 1E5."""

from collections.abc import Mapping, Sequence

import duckdb

from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.scaffolding.values.allowed_types import NUMBERS, column_types

_SAMPLE_ROWS = 20_000
_TESTS_A_QUERY = 100
_CODE = r"\s*\d+[eE]\d+\s*"
_FLOAT = r".*([.,]\d|[eE][-+]).*"
"""A fraction, or an exponent with a sign, as programs write it."""


def keep_codes_as_text(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Column]
) -> tuple[Column, ...]:
    """The columns, with those of codes as text.

    A column is one of codes if all of its values have a leading plus, or if one of them is digits around an
    E and no other value looks like a floating-point number.
    """
    kinds = column_types(connection, table)
    texts = [column for column in columns if column.sql_type in NUMBERS and kinds[column.name] == "VARCHAR"]
    signs = {column.name: f"bool_and(starts_with(ltrim({quoted(column.name)}), '+'))" for column in texts}
    suspects = _true(connection, f"(from {table} limit {_SAMPLE_ROWS})", signs)
    codes = _true(connection, table, {name: signs[name] for name in suspects})
    exponents = {
        column.name: f"bool_or(contains({quoted(column.name)}, 'e') or contains({quoted(column.name)}, 'E'))"
        for column in texts
        if column.sql_type == "DOUBLE"
    }
    patterns = {name: _codes_sql(name) for name in _true(connection, table, exponents)}
    codes |= _true(connection, table, patterns)
    return tuple(Column(column.name, "VARCHAR") if column.name in codes else column for column in columns)


def _codes_sql(name: str) -> str:
    code, number = (f"regexp_full_match({quoted(name)}, {literal(each)})" for each in (_CODE, _FLOAT))
    return f"bool_or({code}) and not bool_or({number})"


def _true(connection: duckdb.DuckDBPyConnection, table: str, tests: Mapping[str, str]) -> set[str]:
    """The columns whose aggregate is true."""
    found: set[str] = set()
    for start in range(0, len(tests), _TESTS_A_QUERY):
        names = list(tests)[start : start + _TESTS_A_QUERY]
        query = f"select {', '.join(tests[name] for name in names)} from {table}"
        [flags] = connection.execute(query).fetchall()
        found |= {name for name, flag in zip(names, flags, strict=True) if flag}
    return found
