"""Texts that stand for missing values."""

from collections.abc import Iterable, Mapping, Sequence

import duckdb

from mlops_assets.core.sql_quoting import literal, quoted

NULL_TEXTS = (
    *("NA", "N/A", "n/a", "#N/A", "NULL", "Null", "null", "None", "none", "nil", "missing", "unknown"),
    *("-", "--", "?", ".", "..", " ", "  "),
    *("#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"),
)
"""Texts that often stand for a missing value; they are taken for one only in a column of numbers or times."""
_LEAST_VALUE_SHARE = 0.5
"""Minimum share of values in a column whose other fields are taken for missing values."""


def without_nulls(table: str, texts: Iterable[str], nulls: Sequence[str]) -> str:
    """A subquery of a table in which the texts for missing values are null."""
    missing = ", ".join(map(literal, nulls))
    replaced = [
        f"case when {quoted(name)} not in ({missing}) then {quoted(name)} end as {quoted(name)}"
        for name in texts
    ]
    return f"(select * replace ({', '.join(replaced)}) from {table})" if nulls and replaced else table


def present_nulls(
    connection: duckdb.DuckDBPyConnection, table: str, texts: Sequence[str]
) -> dict[str, list[str]]:
    """The texts of `NULL_TEXTS` that occur in each column of text."""
    if not texts:
        return {}
    listed = ", ".join(map(literal, NULL_TEXTS))
    lists = ", ".join(
        f"list(distinct {quoted(name)}) filter ({quoted(name)} in ({listed}))" for name in texts
    )
    [found] = connection.execute(f"select {lists} from {table}").fetchall()
    return {name: sorted(values or []) for name, values in zip(texts, found, strict=True)}


def mostly_values(connection: duckdb.DuckDBPyConnection, table: str, name: str, nulls: Sequence[str]) -> bool:
    missing = ", ".join(map(literal, nulls))
    is_value = f"({quoted(name)} not in ({missing}))::integer"  # null for a missing value
    [(share,)] = connection.execute(f"select avg({is_value}) from {table}").fetchall()
    return (share or 0) >= _LEAST_VALUE_SHARE


def ambiguous_nulls(present: Mapping[str, Sequence[str]], nulls: Sequence[str]) -> list[str]:
    """A doubt about each text for missing values that also occurs in a column of text."""
    found = {text: [name for name, texts in present.items() if text in texts] for text in nulls}
    return [
        f"{text!r} is read as missing in {', '.join(names)}, too; check that it is not a value there"
        for text, names in found.items()
        if names
    ]
