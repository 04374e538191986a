"""Parts of columns that are features instead of them: values in JSON, and numbers in text."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import duckdb

from mlops_assets.core.sql_quoting import count_where, literal, quoted
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.scaffolding.column_profile import ColumnProfile
from mlops_assets.scaffolding.loading.nested import NestedColumn, PartSql, nested_parts
from mlops_assets.scaffolding.values.allowed_types import has_leading_zero_sql
from mlops_assets.scaffolding.values.null_texts import NULL_TEXTS

_LEAST_NUMBERS = 0.5
_TRIED_ROWS = 1_000


@dataclass(frozen=True)
class Part:
    """A part of the values of a column.

    Attributes
    ----------
    of
        The column.
    sql
        The expression that reads it.
    why
        What the column is, in words.
    profile
        Its name, type and values, as of a column.
    """

    of: str
    sql: str
    why: str
    profile: ColumnProfile

    @property
    def name(self) -> str:
        return self.profile.name


def part_expressions(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[Column],
    nested: Sequence[NestedColumn],
    *,
    numbers: bool,
) -> dict[str, PartSql]:
    """The parts of columns by a name of their own.

    Parameters
    ----------
    table
        The rows, with texts as in the source.
    numbers
        Whether to read numbers beside texts for missing values, which the source can't declare.
    """
    found = [part for column in nested for part in nested_parts(connection, table, column)]
    if numbers:
        texts = [column.name for column in columns if column.sql_type == "VARCHAR"]
        found += _number_parts(connection, table, texts, {column.name for column in nested})
    named: dict[str, PartSql] = {}
    taken = {column.name.lower() for column in columns}
    for part in found:
        plain, number = f"{part.of}_{part.name}", 2
        name = plain
        while name.lower() in taken:
            name, number = f"{plain}_{number}", number + 1
        taken.add(name.lower())
        named[name] = part
    return named


def _number_parts(
    connection: duckdb.DuckDBPyConnection, table: str, texts: Sequence[str], nested: Collection[str]
) -> Iterator[PartSql]:
    """The numbers of columns of text whose other values all stand for missing values."""
    missing = ", ".join(map(literal, NULL_TEXTS))
    for name in texts:
        text, number = quoted(name), f"try_cast({quoted(name)} as double)"
        tried = f"(from {table} limit {_TRIED_ROWS})"
        first = f"select count({number}) >= {_LEAST_NUMBERS} * count({text}) from {tried}"
        if name in nested or not connection.execute(first).fetchall()[0][0]:
            continue
        query = (
            f"select count({text}), count({number}), {count_where(f'{text} in ({missing})')}, "
            f"bool_or({has_leading_zero_sql(text)} or not isfinite({number})) from {table}"
        )
        [(filled, numbers, others, codes)] = connection.execute(query).fetchall()
        if others and numbers + others == filled and numbers >= _LEAST_NUMBERS * filled and not codes:
            why = f"is text because of {others:,} of {filled:,} values, which stand for missing ones"
            yield PartSql(name, "number", number, "DOUBLE", why)
