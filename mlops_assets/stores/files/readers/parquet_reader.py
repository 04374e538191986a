"""Parquet files as columns of scalars, without the changes that DuckDB makes to some names and types."""

from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_assets.core.errors import TABLE_UNCHANGED, DataError
from mlops_assets.core.sql_quoting import path_literal, quoted
from mlops_assets.stores.delta.writing.stored_types import guarded_cast, scalar_columns
from mlops_assets.stores.files.readers.read_errors import read_error

if TYPE_CHECKING:
    from mlops_assets.stores.files.source_file import SourceFile

_NANOSECONDS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_DECIMAL_DIGITS = 38


def parquet_scan(file: "SourceFile") -> str:
    """The SQL of the rows of a file, with DuckDB's types."""
    return f"read_parquet({path_literal(file.path)}, hive_partitioning = false)"


def parquet_schema(file: "SourceFile", *, subject: str) -> pa.Schema:
    """The columns as written: DuckDB renames `ID` beside `id` to `ID_1`, and has no durations.

    Raises
    ------
    DataError
        If DuckDB can't read the values of a column exactly.
    """
    try:
        schema = pq.read_schema(file.path)
    except pa.ArrowException as error:
        raise read_error(file, subject, error) from error
    for column in schema:
        if _has_long_decimals(column.type):
            raise DataError(
                f"{subject}: {file.path}: column {column.name} has the type {column.type}; decimals "
                f"have at most {_DECIMAL_DIGITS} digits",
                hint=f"write it as a text, or with fewer digits. {TABLE_UNCHANGED}",
            )
    return schema


def parquet_values(
    rows: duckdb.DuckDBPyRelation, schema: pa.Schema, *, subject: str, offsets_as_text: bool = False
) -> duckdb.DuckDBPyRelation:
    """The rows of a file as scalars, see `scalar_columns`; a duration is its number of nanoseconds.

    Parameters
    ----------
    offsets_as_text
        Whether zoned times are texts in UTC with the offset `+00:00`; by default timestamps in UTC.
    """
    values = []
    for name, kind in zip(schema.names, schema.types, strict=True):
        value = quoted(name)
        if pa.types.is_duration(kind) and kind.unit != "ns":
            nanoseconds = f"({value}::hugeint * {_NANOSECONDS[kind.unit]})"
            value = f"{guarded_cast(nanoseconds, 'bigint', name)} as {value}"
        values.append(value)
    scalars = scalar_columns(rows.project(", ".join(values)), subject=subject)
    if not offsets_as_text:
        return scalars
    zoned = [pa.types.is_timestamp(kind) and kind.tz is not None for kind in schema.types]
    texts = [
        f"{quoted(name)}::varchar || '+00:00' as {quoted(name)}" if has_zone else quoted(name)
        for name, has_zone in zip(schema.names, zoned, strict=True)
    ]
    return scalars.project(", ".join(texts))


def _has_long_decimals(kind: pa.DataType) -> bool:
    if pa.types.is_decimal(kind):
        return bool(kind.precision > _DECIMAL_DIGITS)
    return any(_has_long_decimals(kind.field(number).type) for number in range(kind.num_fields))
