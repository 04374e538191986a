"""Detection of number format, missing values and column types from the texts of a table."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb

from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.columns import Column, SqlType
from mlops_assets.scaffolding.allowed_types import (
    NARROWEST_FIRST,
    NUMBERS,
    AllowedTypes,
    allowed_types,
    column_types,
    has_leading_zero_sql,
    is_lost_sql,
)
from mlops_assets.scaffolding.long_integers import long_integer_doubts, long_integers
from mlops_assets.scaffolding.plain_values import ValueRange, plain_ranges
from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect

NULL_TEXTS = (
    *("NA", "N/A", "n/a", "#N/A", "NULL", "Null", "null", "None", "none", "nil", "missing", "unknown"),
    *("-", "--", "?", ".", "..", " ", "  "),
    *("#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"),
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
_SAMPLE_ROWS = (1_000, 20_000)
"""A few rows rule most types out, some more nearly all of them."""
_IN_NUMBERS = "(?i)[-+0-9.,'eE\\s\u00a0\u202f]*|.*(nan|inf).*"
"""Characters of numbers in any format."""
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
    candidates = _candidates(connection, declared, names, spelled, allowed)
    likely = [found[0] for found in candidates.values() if found and spelled == _MARKS[0]]
    ranges = plain_ranges(connection, declared, likely)
    columns = {column.name: column for column in likely if column.name in ranges}
    left = {name: found for name, found in candidates.items() if name not in columns}
    columns |= _first_that_holds(connection, declared, left)
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
    columns |= _narrowest(connection, rows, again, spelled, allowed)
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


def without_nulls(table: str, texts: Iterable[str], nulls: Sequence[str]) -> str:
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
        found = _narrowest(connection, read, rest, marks, allowed) if rest else {}
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


def present_nulls(
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


def ambiguous_nulls(present: Mapping[str, Sequence[str]], nulls: Sequence[str]) -> list[str]:
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
    texts = _like_numbers(connection, f"(from {table} limit {_SAMPLE_ROWS[-1]})", texts)
    if not texts:
        return _MARKS[0], []
    numbers: dict[tuple[str, str], list[str]] = {}
    gain: dict[tuple[str, str], int] = {}
    for marks in _MARKS:
        found = _narrowest(connection, table, texts, marks, allowed, NUMBERS)
        numbers[marks] = [name for name in texts if found[name].sql_type in NUMBERS]
        first = f"(from {table} limit {_SAMPLE_ROWS[-1]})"
        kept = _narrowest(connection, first, plain, marks, allowed, NUMBERS) if numbers[marks] else {}
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


def _narrowest(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    names: Sequence[str],
    marks: tuple[str, str],
    allowed: AllowedTypes,
    kinds: Sequence[SqlType] = NARROWEST_FIRST,
) -> dict[str, Column]:
    """Each column with the first type that holds all of its values, in few scans.

    Samples rule types out; the first type that remains is verified for all rows.
    """
    candidates = _candidates(connection, table, names, marks, allowed, kinds)
    return _first_that_holds(connection, table, candidates)


def _first_that_holds(
    connection: duckdb.DuckDBPyConnection, table: str, left: Mapping[str, Sequence[Column]]
) -> dict[str, Column]:
    """Each column with the first of its candidates that holds the values of all rows; else text."""
    found: dict[str, Column] = {}
    while left:
        found |= {name: Column(name, "VARCHAR") for name, candidates in left.items() if not candidates}
        left = {name: candidates for name, candidates in left.items() if candidates}
        held = _hold(connection, table, [candidates[0] for candidates in left.values()])
        found |= {name: candidates[0] for name, candidates in left.items() if held[candidates[0]]}
        left = {name: candidates[1:] for name, candidates in left.items() if name not in found}
    return found


def _candidates(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    names: Sequence[str],
    marks: tuple[str, str],
    allowed: AllowedTypes,
    kinds: Sequence[SqlType] = NARROWEST_FIRST,
) -> dict[str, list[Column]]:
    """For each column the types that hold the values of samples; the first one is likely."""
    decimal, thousands = marks
    left = {
        name: [
            Column(name, kind, decimal=decimal, thousands=thousands)
            for kind in kinds
            if kind in allowed[name]
        ]
        for name in names
    }
    for rows in _SAMPLE_ROWS if names else ():
        sample = f"(from {table} limit {rows})"
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
                name: [each for each in candidates if held.get(each, True)]
                for name, candidates in left.items()
            }
    return left


def _hold(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Column], *, empty: bool = False
) -> dict[Column, bool]:
    """Whether each typed column holds all values, and there is at least one (with `empty`, or none)."""
    held: dict[Column, bool] = {}
    kinds = column_types(connection, table) if columns else {}
    for start in range(0, len(columns), _TESTS_A_QUERY):
        tested = columns[start : start + _TESTS_A_QUERY]
        counts = ", ".join(
            f"count(*) filter (not {column.is_null_sql()}), "
            f"count(*) filter (not {column.is_null_sql()} and ({is_lost_sql(column, kinds[column.name])}))"
            for column in tested
        )
        [found] = connection.execute(f"select {counts} from {table}").fetchall()
        pairs = zip(found[::2], found[1::2], strict=True)
        held |= {
            column: (filled > 0 or empty) and lost == 0
            for column, (filled, lost) in zip(tested, pairs, strict=True)
        }
    return held
