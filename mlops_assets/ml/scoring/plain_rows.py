"""Rows of plain values, as JSON has them, as an Arrow batch in which no value depends on another row.

Arrow infers one type from all values of a column: beside 2.5, the integer 1 would become 1.0, and its text
`1.0`. Here each value is converted on its own, to the type that its cast has anyway, or to its text.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mlops_assets.ml.contracts.columns import Column, SqlType

Row = Mapping[str, Any]
"""A row by column: None, booleans, integers, floats and texts."""

_EXACT = 2**53
_INT64 = 2**63
_LONGEST = 4_000
"""Maximum number of digits of an integer; Python refuses to write longer ones."""


def rows_batch(rows: Sequence[Row], columns: Sequence[Column], position: str) -> pa.RecordBatch:
    """Return rows as a batch of the columns of a contract; absent values are null.

    Parameters
    ----------
    rows
        Rows without values that `value_problems` finds.
    position
        Name of a further column with the position of each row, from 0.
    """
    arrays: list[pa.Array] = [_array([row.get(column.name) for row in rows], column) for column in columns]
    arrays.append(pa.array(np.arange(len(rows))))
    return pa.RecordBatch.from_arrays(arrays, names=[*(column.name for column in columns), position])


def written_texts(values: Iterable[Any], column: Column) -> list[str | None]:
    """Values as texts that the contract casts to the same values: numbers with the marks of the column."""
    convert, _ = _CONVERSIONS[column.sql_type]
    return [None if value is None or value != value else _text_in(convert(value), column) for value in values]


def value_problems(row: Row, columns: Iterable[Column]) -> list[str]:
    """The rules that a row violates because a value is absent, or is no plain value."""
    problems = []
    for column in columns:
        if column.name not in row:
            if column.required:
                problems.append(f"{column.name}: required")
        elif not _is_plain(value := row[column.name]) or _may_lack_digits(value, column):
            problems.append(column.type_rule)
    return problems


def _may_lack_digits(value: object, column: Column) -> bool:
    """Whether digits of a number were lost when JSON was parsed, in a column that keeps each of them.

    Parsers read integers of more than 64 bits as doubles.
    """
    return type(value) is float and abs(value) >= _EXACT and column.sql_type not in ("DOUBLE", "BOOLEAN")


def _is_plain(value: object) -> bool:
    if value is None or type(value) is bool or type(value) is float:
        return True
    if type(value) is int:
        return value.bit_length() < 3 * _LONGEST
    return type(value) is str and (value.isascii() or _is_unicode(value))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def _array(values: list[Any], column: Column) -> pa.Array:
    convert, kind = _CONVERSIONS[column.sql_type]
    converted = [None if value is None or value != value else convert(value) for value in values]
    if kind != pa.string() and any(type(value) is str for value in converted):
        return pa.array([_text_in(value, column) for value in converted], pa.string())
    return pa.array(converted, kind)


def _double(value: Any) -> Any:
    """Casts of booleans and integers to a double are exact, or round to the nearest."""
    if type(value) is str or type(value) is float:
        return value
    try:
        return float(value)
    except OverflowError:
        return str(value)


def _integer(value: Any) -> Any:
    if type(value) is float and abs(value) < _EXACT and value.is_integer():
        return int(value)
    if type(value) in (bool, int) and -_INT64 <= value < _INT64:
        return int(value)
    return _text(value)


def _boolean(value: Any) -> Any:
    if type(value) is not str and value in (0, 1):
        return bool(value)
    return _text(value)


def _text(value: Any) -> str:
    """The text of a value as DuckDB writes it."""
    if type(value) is bool:
        return "true" if value else "false"
    return str(value)


def _time(value: Any) -> str:
    """A number is the text of a declared format, such as 20240131, without the fraction `.0`."""
    return str(int(value)) if type(value) is float and value.is_integer() else _text(value)


def _text_in(value: Any, column: Column) -> str | None:
    """A value of a column with texts, as text that is cast to the same value."""
    if value is None or type(value) is str:
        return value
    return _text(value) if type(value) is bool else column.as_written(value)


_CONVERSIONS: dict[SqlType, tuple[Callable[[Any], Any], pa.DataType]] = {
    "DOUBLE": (_double, pa.float64()),
    "BIGINT": (_integer, pa.int64()),
    "BOOLEAN": (_boolean, pa.bool_()),
    "VARCHAR": (_text, pa.string()),
    "TIMESTAMP": (_time, pa.string()),
    "DATE": (_time, pa.string()),
}
