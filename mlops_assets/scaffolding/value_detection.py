"""Detection of number format, missing values and column types from the texts of a table."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.columns import Column, SqlType
from mlops_assets.scaffolding.allowed_types import (
    NARROWEST_FIRST,
    NUMBERS,
    AllowedTypes,
    allowed_types,
    column_types,
)
from mlops_assets.scaffolding.long_integers import long_integer_doubts, long_integers
from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect

NULL_TEXTS = (
    *("NA", "N/A", "n/a", "#N/A", "NULL", "Null", "null", "None", "none", "nil", "missing", "unknown"),
    *("-", "--", "?", ".", "..", " ", "  "),
)
"""Texts that often stand for a missing value; they are taken for one only in a column of numbers or times."""
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
_SAMPLE_ROWS = 20_000
_TESTS_A_QUERY = 100
"""DuckDB plans a query with thousands of aggregates much slower than several smaller ones."""
_LEAST_VALUE_SHARE = 0.5
"""Minimum share of values in a column whose other fields are taken for missing values."""


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
    """

    columns: tuple[Column, ...]
    dialect: Dialect
    doubts: tuple[str, ...]
    rows: str


def detect_values(
    connection: duckdb.DuckDBPyConnection, table: str, names: Sequence[str], dialect: Dialect | None
) -> DetectedValues:
    """Detect number format, missing values and types.

    Parameters
    ----------
    table
        A table of the connection with the rows, where CSV fields are text.
    dialect
        What is known about the number format and the missing values; None if the rows are not from CSV files,
        where neither can be declared.
    """
    sample = f"(from {table} limit {_SAMPLE_ROWS})"
    texts = _text_columns(connection, table, names)
    declared = _cleaned(table, texts, dialect.nulls if dialect else ())
    allowed = allowed_types(connection, declared, names)
    columns = dict(_narrowest(connection, table, sample, names, _MARKS[0], allowed))
    if dialect is None:
        long = long_integers(connection, table, columns)
        found = tuple((columns | long).values())
        return DetectedValues(found, DEFAULT_DIALECT, long_integer_doubts(long), table)
    rest = [name for name in texts if columns[name].sql_type == "VARCHAR"]
    present = {} if dialect.nulls else _present_nulls(connection, table, rest)
    nulls = dialect.nulls or tuple(_null_texts(connection, table, sample, present, allowed))
    rows, first = _cleaned(table, texts, nulls), _cleaned(sample, texts, nulls)
    marks, doubts = (dialect.decimal, dialect.thousands), list[str]()
    if not dialect.has_number_marks:
        plain = [name for name in texts if columns[name].sql_type == "DOUBLE"]
        marks, doubts = _marks(connection, rows, first, rest, plain, allowed)
    again = rest if marks == _MARKS[0] and not dialect.nulls else names
    columns |= _narrowest(connection, rows, first, again, marks, allowed)
    doubts += _ambiguous_nulls(
        {name: found for name, found in present.items() if columns[name].sql_type == "VARCHAR"}, nulls
    )
    long = long_integers(connection, rows, columns)
    columns |= long
    doubts += long_integer_doubts(long)
    read = replace(dialect, nulls=nulls, decimal=marks[0], thousands=marks[1])
    return DetectedValues(tuple(columns[name] for name in names), read, tuple(doubts), rows)


def _cleaned(table: str, texts: Iterable[str], nulls: Sequence[str]) -> str:
    """A subquery of a table in which the texts for missing values are null."""
    missing = ", ".join(map(literal, nulls))
    replaced = [
        f"case when {quoted(name)} not in ({missing}) then {quoted(name)} end as {quoted(name)}"
        for name in texts
    ]
    return f"(select * replace ({', '.join(replaced)}) from {table})" if nulls and replaced else table


def _text_columns(connection: duckdb.DuckDBPyConnection, table: str, names: Sequence[str]) -> list[str]:
    kinds = column_types(connection, table)
    return [name for name in names if kinds[name] == "VARCHAR"]


def _null_texts(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    sample: str,
    present: Mapping[str, Sequence[str]],
    allowed: AllowedTypes,
) -> Iterator[str]:
    """The texts without which a column of text is a column of numbers or times."""
    suspects = [name for name, texts in present.items() if texts]
    every = tuple(dict.fromkeys(text for found in present.values() for text in found))
    read, first = _cleaned(table, suspects, every), _cleaned(sample, suspects, every)
    typed: dict[str, Column] = {}
    for marks in _MARKS:
        rest = [name for name in suspects if name not in typed]
        found = _narrowest(connection, read, first, rest, marks, allowed) if rest else {}
        typed |= {
            name: column for name, column in found.items() if column.sql_type not in ("VARCHAR", "BOOLEAN")
        }
    used = {
        text
        for name in typed
        if _mostly_values(connection, table, name, present[name])
        for text in present[name]
    }
    yield from (text for text in NULL_TEXTS if text in used)


def _present_nulls(
    connection: duckdb.DuckDBPyConnection, table: str, texts: Sequence[str]
) -> dict[str, list[str]]:
    if not texts:
        return {}
    listed = ", ".join(map(literal, NULL_TEXTS))
    lists = ", ".join(
        f"list(distinct {quoted(name)}) filter ({quoted(name)} in ({listed}))" for name in texts
    )
    [found] = connection.execute(f"select {lists} from {table}").fetchall()
    return {name: sorted(values or []) for name, values in zip(texts, found, strict=True)}


def _mostly_values(
    connection: duckdb.DuckDBPyConnection, table: str, name: str, nulls: Sequence[str]
) -> bool:
    missing = ", ".join(map(literal, nulls))
    is_value = f"({quoted(name)} not in ({missing}))::integer"  # null for a missing value
    [(share,)] = connection.execute(f"select avg({is_value}) from {table}").fetchall()
    return (share or 0) >= _LEAST_VALUE_SHARE


def _ambiguous_nulls(present: Mapping[str, Sequence[str]], nulls: Sequence[str]) -> list[str]:
    """A doubt about each text for missing values that also occurs in a column of text."""
    found = {text: [name for name, texts in present.items() if text in texts] for text in nulls}
    return [
        f"{text!r} is read as missing in {', '.join(names)}, too; check that it is not a value there"
        for text, names in found.items()
        if names
    ]


def _marks(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    sample: str,
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
    if not texts:
        return _MARKS[0], []
    numbers: dict[tuple[str, str], list[str]] = {}
    gain: dict[tuple[str, str], int] = {}
    for marks in _MARKS:
        found = _narrowest(connection, table, sample, texts, marks, allowed, NUMBERS)
        numbers[marks] = [name for name in texts if found[name].sql_type in NUMBERS]
        kept = (
            _narrowest(connection, sample, sample, plain, marks, allowed, NUMBERS) if numbers[marks] else {}
        )
        gain[marks] = len(numbers[marks]) - sum(column.sql_type not in NUMBERS for column in kept.values())
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


def _narrowest(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    sample: str,
    names: Sequence[str],
    marks: tuple[str, str],
    allowed: AllowedTypes,
    kinds: Sequence[SqlType] = NARROWEST_FIRST,
) -> Mapping[str, Column]:
    """Each column with the first type that holds all of its values, in few scans.

    The sample rules types out; the first type that remains is verified for all rows.
    """
    decimal, thousands = marks

    def column(name: str, kind: SqlType) -> Column:
        return Column(name, kind, decimal=decimal, thousands=thousands)

    left = {name: [column(name, kind) for kind in kinds if kind in allowed[name]] for name in names}
    for numbers in (True, False):  # columns of numbers need no test of the other types
        tested = [
            candidate
            for candidates in left.values()
            if numbers or not any(each.sql_type in NUMBERS for each in candidates)
            for candidate in candidates
            if (candidate.sql_type in NUMBERS) == numbers
        ]
        held = _hold(connection, sample, tested, empty=True)
        left = {
            name: [each for each in candidates if held.get(each, True)] for name, candidates in left.items()
        }
    found: dict[str, Column] = {}
    while left:
        found |= {name: column(name, "VARCHAR") for name, candidates in left.items() if not candidates}
        left = {name: candidates for name, candidates in left.items() if candidates}
        held = _hold(connection, table, [candidates[0] for candidates in left.values()])
        found |= {name: candidates[0] for name, candidates in left.items() if held[candidates[0]]}
        left = {name: candidates[1:] for name, candidates in left.items() if name not in found}
    return found


def _hold(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Column], *, empty: bool = False
) -> dict[Column, bool]:
    """Whether each typed column holds all values, and there is at least one (with `empty`, or none)."""
    held: dict[Column, bool] = {}
    for start in range(0, len(columns), _TESTS_A_QUERY):
        tested = columns[start : start + _TESTS_A_QUERY]
        counts = ", ".join(
            f"count(*) filter (not {column.is_null_sql()}), "
            f"count(*) filter (not {column.is_null_sql()} and ({column.cast_sql()}) is null)"
            for column in tested
        )
        [found] = connection.execute(f"select {counts} from {table}").fetchall()
        pairs = zip(found[::2], found[1::2], strict=True)
        held |= {
            column: (filled > 0 or empty) and lost == 0
            for column, (filled, lost) in zip(tested, pairs, strict=True)
        }
    return held
