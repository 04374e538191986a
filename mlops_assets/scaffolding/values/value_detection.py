"""Detection of number format, missing values and column types from the texts of a table."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb

from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.scaffolding.values.allowed_types import (
    NUMBERS,
    AllowedTypes,
    allowed_types,
    column_types,
    has_leading_zero_sql,
)
from mlops_assets.scaffolding.values.long_integers import long_integer_doubts, long_integers
from mlops_assets.scaffolding.values.narrowest_type import (
    SAMPLE_ROWS,
    candidate_types,
    first_that_holds,
    narrowest,
)
from mlops_assets.scaffolding.values.null_texts import (
    NULL_TEXTS,
    ambiguous_nulls,
    mostly_values,
    present_nulls,
    without_nulls,
)
from mlops_assets.scaffolding.values.plain_values import ValueRange, plain_ranges
from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect

_MARKS = (
    (".", ""),
    (".", ","),
    (",", ""),
    (",", "."),
    (".", "'"),
    (",", " "),
    (",", "\u00a0"),
    (",", "\u202f"),
)
"""Decimal mark and thousands separator, in the order of preference."""
_IN_NUMBERS = "(?i)[-+0-9.,'eE\\s\u00a0\u202f]*|.*(nan|inf).*"
"""Characters of numbers in any format."""


@dataclass(frozen=True)
class DetectedValues:
    """How the texts of a table are read.

    Attributes
    ----------
    columns
        Each column with the narrowest type that holds all of its values.
    dialect
        The dialect with the number format and the missing values.
    doubts
        What the values do not decide, for the user.
    rows
        A subquery of the table in which missing values are null.
    plain
        The ranges of columns of text that are wholly in the usual spelling of their type, by name.
    """

    columns: tuple[Column, ...]
    dialect: Dialect
    doubts: tuple[str, ...]
    rows: str
    plain: Mapping[str, ValueRange] = field(default_factory=dict)

    def retyped(self, columns: Sequence[Column]) -> "DetectedValues":
        """The same with other types or formats of some columns."""
        changed = [column.name for column in columns if column not in self.columns]
        return replace(self, columns=tuple(columns), plain=_without(self.plain, changed))


def detect_values(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    names: Sequence[str],
    dialect: Dialect | None,
    *,
    marks: bool = True,
) -> DetectedValues:
    """Detect number format, missing values and types.

    Parameters
    ----------
    table
        A table of the connection with the rows, where CSV fields are text.
    dialect
        What is known about the number format and the missing values; None if the rows are not from CSV files,
        where neither can be declared.
    marks
        Whether numbers are texts, whose format is detected.
    """
    texts = _text_columns(connection, table, names)
    declared = without_nulls(table, texts, dialect.nulls if dialect else ())
    allowed = allowed_types(connection, declared, names)
    spelled = (dialect.decimal, dialect.thousands) if dialect else _MARKS[0]
    candidates = candidate_types(connection, declared, names, spelled, allowed)
    likely = [found[0] for found in candidates.values() if found and spelled == _MARKS[0]]
    ranges = plain_ranges(connection, declared, likely)
    columns = {column.name: column for column in likely if column.name in ranges}
    left = {name: found for name, found in candidates.items() if name not in columns}
    columns |= first_that_holds(connection, declared, left)
    if dialect is None:
        long = long_integers(connection, table, columns, ranges)
        found = tuple((columns | long)[name] for name in names)
        return DetectedValues(
            found, DEFAULT_DIALECT, long_integer_doubts(long), table, _without(ranges, long)
        )
    detects_marks = marks and not dialect.has_number_marks
    rest = [name for name in texts if columns[name].sql_type == "VARCHAR"]
    present = {} if dialect.nulls else present_nulls(connection, table, rest)
    nulls = dialect.nulls or tuple(_null_texts(connection, table, present, allowed))
    rows = declared if dialect.nulls else without_nulls(table, rest, nulls)
    doubts = list[str]()
    if detects_marks:
        decimals = [name for name in texts if columns[name].sql_type == "DOUBLE"]
        spelled, doubts = _marks(connection, rows, rest, decimals, allowed)
    again = [name for name in rest if present.get(name)]
    if spelled != _MARKS[0] and not dialect.has_number_marks:
        again = [name for name in names if columns[name].sql_type != "BIGINT"]
    columns |= narrowest(connection, rows, again, spelled, allowed)
    ranges = _without(ranges, again)
    doubts += ambiguous_nulls(
        {name: found for name, found in present.items() if columns[name].sql_type == "VARCHAR"}, nulls
    )
    long = long_integers(connection, rows, columns, ranges)
    columns |= long
    doubts += long_integer_doubts(long)
    decimal, thousands = spelled
    read = replace(dialect, nulls=nulls, decimal=decimal, thousands=thousands)
    typed = tuple(replace(columns[name], decimal=decimal, thousands=thousands) for name in names)
    return DetectedValues(typed, read, tuple(doubts), rows, _without(ranges, long))


def _without(ranges: Mapping[str, ValueRange], names: Collection[str]) -> dict[str, ValueRange]:
    return {name: seen for name, seen in ranges.items() if name not in names}


def _text_columns(connection: duckdb.DuckDBPyConnection, table: str, names: Sequence[str]) -> list[str]:
    kinds = column_types(connection, table)
    return [name for name in names if kinds[name] == "VARCHAR"]


def _null_texts(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    present: Mapping[str, Sequence[str]],
    allowed: AllowedTypes,
) -> Iterator[str]:
    """The texts without which a column of text is a column of numbers or times."""
    suspects = [name for name, texts in present.items() if texts]
    every = tuple(dict.fromkeys(text for found in present.values() for text in found))
    read = without_nulls(table, suspects, every)
    typed: dict[str, Column] = {}
    for marks in _MARKS:
        rest = [name for name in suspects if name not in typed]
        found = narrowest(connection, read, rest, marks, allowed) if rest else {}
        typed |= {
            name: column for name, column in found.items() if column.sql_type not in ("VARCHAR", "BOOLEAN")
        }
    used = {
        text
        for name in typed
        if mostly_values(connection, table, name, present[name])
        for text in present[name]
    }
    yield from (text for text in NULL_TEXTS if text in used)


def _marks(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    texts: Sequence[str],
    plain: Sequence[str],
    allowed: AllowedTypes,
) -> tuple[tuple[str, str], list[str]]:
    """The number format under which most columns are numbers, and a doubt if another one fits, too.

    Parameters
    ----------
    texts, plain
        The columns that are no numbers in SQL before missing values are removed, and those that are decimal
        numbers.
    """
    texts = _like_numbers(connection, f"(from {table} limit {SAMPLE_ROWS[-1]})", texts)
    if not texts:
        return _MARKS[0], []
    numbers: dict[tuple[str, str], list[str]] = {}
    gain: dict[tuple[str, str], int] = {}
    for marks in _MARKS:
        found = narrowest(connection, table, texts, marks, allowed, NUMBERS)
        numbers[marks] = [name for name in texts if found[name].sql_type in NUMBERS]
        first = f"(from {table} limit {SAMPLE_ROWS[-1]})"
        kept = narrowest(connection, first, plain, marks, allowed, NUMBERS) if numbers[marks] else {}
        gain[marks] = len(numbers[marks]) - sum(column.sql_type not in NUMBERS for column in kept.values())
        if gain[_MARKS[0]] == len(texts):  # no other format is better
            return _MARKS[0], []
    best = next(marks for marks in _MARKS if gain[marks] == max(gain.values()))
    unsure = [
        name
        for name in numbers[best]
        if best != _MARKS[0]
        and any(
            best[0] != other[0] and name in numbers[other] and gain[other] == gain[best] for other in _MARKS
        )
    ]
    doubts = (
        [f"numbers such as 1,234 in {', '.join(unsure)} fit two formats; check csv.decimal"] if unsure else []
    )
    return best, doubts


def _like_numbers(connection: duckdb.DuckDBPyConnection, table: str, texts: Sequence[str]) -> list[str]:
    """The columns of text that may be numbers in some format."""
    if not texts:
        return []
    tests = ", ".join(
        f"bool_and(regexp_full_match({quoted(name)}, {literal(_IN_NUMBERS)}) "
        f"and not {has_leading_zero_sql(quoted(name))})"
        for name in texts
    )
    [found] = connection.execute(f"select {tests} from {table}").fetchall()
    return [name for name, like in zip(texts, found, strict=True) if like is not False]
