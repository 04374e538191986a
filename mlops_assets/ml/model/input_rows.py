"""The input rows of a model: columns of any pandas type as Arrow columns, which the contract can cast."""

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from numbers import Real
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from mlops_assets.core.errors import ModelError
from mlops_assets.core.names import ROW_ID
from mlops_assets.core.sql_quoting import quoted_list
from mlops_assets.ml.contracts.cast_rules import broken_sql, rules_sql, typed_sql
from mlops_assets.ml.contracts.columns import Column, source_types
from mlops_assets.ml.wide_queries import plan_wide

_EXAMPLES = 5
_TYPED = "_typed_rows"
_NOT_CONVERTED = (pa.ArrowException, OverflowError, TypeError, ValueError)
"""Errors of Arrow for a column of Python objects of several types."""


class InputError(ModelError):
    """The input rows do not fit the columns of a model."""


def typed_rows(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[Column], rows: pd.DataFrame, *, subject: str
) -> duckdb.DuckDBPyRelation:
    """The columns of a model, cast as the contract casts those of a source, and the position as `row_id`.

    Parameters
    ----------
    columns
        The input columns of the model; other columns of the rows are ignored.
    rows
        Rows with columns of any type: NumPy, nullable, category, Arrow, or Python objects.
    subject
        The model, for messages.

    Raises
    ------
    InputError
        If a required column is missing, a text column has values that are not text, or a row violates the
        contract: a value of another type, or a missing or infinite value where none is allowed.
    """
    missing = [column.name for column in columns if column.required and column.name not in rows.columns]
    if missing:
        raise InputError(
            f"{subject}: missing input columns: {', '.join(missing)}",
            hint=f"pass these columns: {', '.join(column.name for column in columns)}",
        )
    known = [column for column in columns if column.name in rows.columns]
    arrays = {column.name: _arrow_column(column, rows[column.name], subject) for column in known}
    for column in known:
        array = arrays[column.name]
        if not column.required and array.null_count == len(array):
            del arrays[column.name]  # MLflow adds absent optional columns, all null
    arrays[ROW_ID] = pa.array(range(len(rows)), pa.int64())
    plan_wide(connection, len(arrays))
    source = connection.from_arrow(pa.table(arrays))
    types = source_types(source)
    source.project(f"{typed_sql(columns, types)}, {ROW_ID}").create(_TYPED)  # cast once, read twice
    typed = connection.table(_TYPED)
    broken = typed.filter(broken_sql(columns, types)).project(ROW_ID)
    if found := [row[0] for row in broken.order(ROW_ID).fetchall()]:
        raise _violations(columns, source, rows, found, subject)
    return typed.project(f"{quoted_list(column.name for column in columns)}, {ROW_ID}")


def _arrow_column(
    column: Column, values: "pd.Series | pd.DataFrame", subject: str
) -> "pa.Array | pa.ChunkedArray":
    """A column as Arrow: text as text, numbers as numbers, and numeric columns of mixed objects as text.

    Raises
    ------
    InputError
        If the values have a type that the contract can't cast, or are not text in a text column.
    """
    if isinstance(values, pd.DataFrame):
        raise InputError(
            f"{subject}: the rows have {values.shape[1]} columns named {column.name}",
            hint="rename or drop one of them",
        )
    try:
        found = _as_arrow(values)
    except _NOT_CONVERTED:
        found = None
    kind = found.type if found is not None else None
    if kind is not None and _is_text(kind):
        return found
    if found is not None and found.null_count == len(found):
        return pa.nulls(len(found), pa.string())
    if column.sql_type == "VARCHAR":
        raise _not_text(column, values, subject)
    if kind is None or (pa.types.is_date(kind) and any(isinstance(value, datetime) for value in values)):
        # Arrow would drop the time of day of a datetime behind a date.
        if column.format and (times := _as_times(values)) is not None:
            return times
        return pa.array([_text_of(column, value) for value in values], pa.string())
    if pa.types.is_float16(kind):  # DuckDB reads neither of these two
        return found.cast(pa.float32())
    if pa.types.is_decimal256(kind):
        return found.cast(pa.string())
    if not _is_castable(kind):
        raise InputError(
            f"{subject}: column {column.name} has values of type {kind}, which no contract can cast",
            hint="pass numbers, text, booleans, dates or timestamps",
        )
    return found


def _as_arrow(values: pd.Series) -> "pa.Array | pa.ChunkedArray":
    """A column as Arrow, with NaN as null and categories as their values."""
    if isinstance(values.dtype, pd.SparseDtype):
        values = pd.Series(np.asarray(values), values.index)
    found = pa.Array.from_pandas(values)
    return found.cast(found.type.value_type) if pa.types.is_dictionary(found.type) else found


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_castable(kind: pa.DataType) -> bool:
    return (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_date(kind)
        or pa.types.is_timestamp(kind)
    )


def _as_times(values: pd.Series) -> "pa.Array | None":
    """Dates and datetimes without a zone as timestamps, which ignore a format of texts; None for others."""
    known = [None if pd.api.types.is_scalar(value) and pd.isna(value) else value for value in values]
    if not all(value is None or isinstance(value, date) for value in known):
        return None
    if any(isinstance(value, datetime) and value.tzinfo for value in known):
        return None
    times = [
        datetime.combine(value, time()) if value and not isinstance(value, datetime) else value
        for value in known
    ]
    return pa.array(times, pa.timestamp("us"))


def _text_of(column: Column, value: Any) -> str | None:
    """A value of a column of mixed objects as text, a number with the marks of the column."""
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    is_number = isinstance(value, Real | Decimal) and not isinstance(value, bool)
    return column.as_written(value) if is_number and (column.has_marks or column.unit) else str(value)


def _not_text(column: Column, values: pd.Series, subject: str) -> InputError:
    """The error for a text column with other values, whose text can't be known any more."""
    place, value = next(
        (place, value)
        for place, value in enumerate(values)
        if not isinstance(value, str) and not (pd.api.types.is_scalar(value) and pd.isna(value))
    )
    shown = f"a {type(value).__name__}" if column.sensitive else f"{value!r} ({type(value).__name__})"
    return InputError(
        f"{subject}: column {column.name} is text, and row {values.index[place]} has {shown}; "
        "as text, it may have been written differently, such as 007 or 7.0",
        hint="read the file with mlops_assets.rows.read_rows, or with pd.read_csv(…, dtype=str, "
        "keep_default_na=False, na_values=['']); or convert the column to the text of the source",
    )


def _violations(
    columns: Sequence[Column],
    source: duckdb.DuckDBPyRelation,
    rows: pd.DataFrame,
    broken: Sequence[int],
    subject: str,
) -> InputError:
    """The error for rows that violate the contract: the first of them, with their values and rules."""
    shown = broken[:_EXAMPLES]
    rules, quotable = rules_sql(columns, source.columns), [one.name for one in columns if not one.sensitive]
    of_rows = source.filter(f"{ROW_ID} in ({', '.join(map(str, shown))})").order(ROW_ID)
    described = [
        f"row {rows.index[place]}: "
        + ", ".join(_with_value(rule, rows.iloc[place], quotable) for rule in found)
        for place, found in of_rows.project(f"{ROW_ID}, {rules}").fetchall()
    ]
    more = [f"and {len(broken) - len(shown):,} more"] if len(broken) > len(shown) else []
    return InputError(
        f"{subject}: {len(broken):,} of {len(rows):,} rows violate the contract: "
        f"{'; '.join([*described, *more])}",
        hint="correct these rows, or leave them out",
    )


def _with_value(rule: str, row: pd.Series, quotable: Sequence[str]) -> str:
    """A rule such as `size: dtype(float64)`, with the value that violates it."""
    name = rule.partition(":")[0]
    value = row.get(name) if name in quotable else None
    if pd.isna(value):
        return rule
    return f"{rule}, found {value.item() if isinstance(value, np.generic) else value!r}"
