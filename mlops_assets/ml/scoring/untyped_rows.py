"""Columns of untyped values, as of JSON, as Arrow columns; no row depends on the other rows of a request.

As in a file of JSON lines, a number in a column of text or of times is its text.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from mlops_assets.ml.contracts.columns import PANDAS_TYPES, Column, SqlType

_EXACT = 2**53
"""Below this limit, every integer is exactly a double."""
_INT64 = range(-(2**63), 2**63)


class UntypedColumns(NamedTuple):
    """The columns of rows.

    Attributes
    ----------
    columns
        The columns of the contract that were sent, each with one type.
    rejected
        Rules that values violate which no Arrow column can hold, by the position of the row.
    """

    columns: dict[str, pa.Array]
    rejected: dict[int, list[str]]


def columns_of_rows(columns: Sequence[Column], rows: Sequence[Mapping[str, object]]) -> UntypedColumns:
    """The columns of rows; a field that a row lacks is null, and one that is not declared is ignored."""
    sent: set[str] = set().union(*rows) if rows else set()
    known = [column for column in columns if column.name in sent]
    return typed_columns(known, {column.name: [row.get(column.name) for row in rows] for column in known})


def typed_columns(columns: Sequence[Column], values: Mapping[str, Sequence[object]]) -> UntypedColumns:
    """The columns of the contract among those that were sent.

    Parameters
    ----------
    values
        The values of each column: None, booleans, numbers and texts. Arrays and objects violate the type.
    """
    found, rejected = {}, dict[int, list[str]]()
    for column in columns:
        if column.name not in values:
            continue
        native, as_native, arrow = _NATIVE[column.sql_type]
        given = [None if value is None or value != value else value for value in values[column.name]]  # noqa: PLR0124
        kinds = set(map(type, given))
        if not kinds <= _SCALARS or (float in kinds and column.sql_type not in ("DOUBLE", "BOOLEAN")):
            for position in [place for place, value in enumerate(given) if not _is_scalar(column, value)]:
                given[position] = None
                rule = f"{column.name}: dtype({PANDAS_TYPES[column.sql_type]})"
                rejected.setdefault(position, []).append(rule)
        typed = [as_native(value) if type(value) in native else value for value in given]
        if any(value is _NO for value in typed) or str in map(type, typed) or arrow is None:
            texts = [None if value is None else _text(column, value) for value in given]
            found[column.name] = pa.array(texts, pa.string())
        else:
            found[column.name] = pa.array(typed, arrow)
    return UntypedColumns(found, rejected)


_NO = object()
"""A value that the type of the column does not have; its text violates the contract."""


def _as_integer(value: object) -> object:
    if type(value) is float:
        return int(value) if value.is_integer() else _NO
    assert isinstance(value, int)
    return int(value) if value in _INT64 else _NO


def _as_double(value: object) -> object:
    assert isinstance(value, int | float)
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)


def _as_boolean(value: object) -> object:
    return bool(value) if value in (0, 1) else _NO


def _never(value: object) -> object:
    return value


_NUMBERS = frozenset({bool, int, float})
_SCALARS = _NUMBERS | {str, type(None)}
_NATIVE: dict[SqlType, tuple[frozenset[type], Callable[[object], object], pa.DataType | None]] = {
    "BIGINT": (_NUMBERS, _as_integer, pa.int64()),
    "DOUBLE": (_NUMBERS, _as_double, pa.float64()),
    "BOOLEAN": (_NUMBERS, _as_boolean, pa.bool_()),
    "TIMESTAMP": (frozenset(), _never, None),
    "DATE": (frozenset(), _never, None),
    "VARCHAR": (frozenset(), _never, None),
}
"""The values that are not texts, their conversion, and the type of the column."""


def _is_scalar(column: Column, value: object) -> bool:
    """Whether a value has an exact text; a number beyond 2^53 may have lost digits when it was parsed."""
    if type(value) is float and column.sql_type not in ("DOUBLE", "BOOLEAN"):
        return abs(value) < _EXACT
    return type(value) in _SCALARS


def _text(column: Column, value: object) -> str:
    """A value as text of its column."""
    if type(value) is str:
        return value
    if type(value) is bool:
        if column.sql_type in ("BIGINT", "DOUBLE"):
            return column.as_written(int(value))
        return "true" if value else "false"
    return column.as_written(repr(value)) if column.sql_type in ("BIGINT", "DOUBLE") else repr(value)
