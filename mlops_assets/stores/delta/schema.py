"""The Delta schema of a table, as the union of the schemas of its partitions.

The files of each partition keep their own columns and types, and DuckDB unites those that are read together.
The union is stored for other programs, and for the columns of an empty relation.
"""

import re
from collections.abc import Iterable, Iterator
from typing import cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema, TableFeatures
from deltalake.schema import Field, PrimitiveType
from duckdb.sqltypes import DuckDBPyType

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import PARTITION
from mlops_assets.stores.delta.staging import Staged

_TEMPORAL = {"date", "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone"}
_NESTED_OF_TYPES = {"list", "struct", "map"}
_NESTED = {*_NESTED_OF_TYPES, "array", "union"}
_OTHER_SCALARS = {"varchar", "blob", "uuid", "bit", "time", "time with time zone", "interval"}
_FEATURES_OF_TYPES = [
    ("timestampNtz", "timestamp_(ntz|nanos)", TableFeatures.TimestampWithoutTimezone),
    ("timestampNanos", "timestamp_nanos", TableFeatures.TimestampNanos),  # type: ignore[attr-defined]
]

_PARTITION_FIELD = Field(PARTITION, PrimitiveType("string"), nullable=True)


def rows_schema(rows: duckdb.DuckDBPyRelation, *, table: str, partitioned: bool) -> Schema:
    """The Delta schema of rows, with the partition column for a partitioned table."""
    columns = rows.limit(0).to_arrow_table().schema
    fields = [_field(column.name, column.type, table) for column in columns]
    return Schema([*fields, _PARTITION_FIELD] if partitioned else fields)


def table_schema(
    connection: duckdb.DuckDBPyConnection,
    before: Schema,
    staged: Staged,
    other_files: Iterable[str],
    *,
    table: str,
) -> Schema:
    """The schema of a partitioned table after the commit of a staged partition.

    If the rows have the columns and types of the table, no file is opened. Otherwise the schemas of the other
    partitions are read from the footers of their files: a column that is in no file is dropped.

    Raises
    ------
    StoreError
        If the types of a column have no common type, such as a date and a number, or a list and a text.
    """
    if _as_mapping(staged.schema) == _as_mapping(before):
        return before
    rows = staged.rows
    # Column names in SQL are not case-sensitive.
    united = {name.lower(): (name, kind) for name, kind in zip(rows.columns, rows.types, strict=True)}
    for name, kind in _columns_of(connection, other_files):
        known, so_far = united.setdefault(name.lower(), (name, kind))
        both = _union(connection, so_far, kind)
        if not (_widens(so_far, both) and _widens(kind, both)):
            raise StoreError(
                f"table {table}: column {known!r} is {so_far} in partition {staged.partition} and {kind} in "
                "other partitions, which have no common type",
                hint="cast it to one type in all partitions. To change the type, remove the table's folder "
                "from the warehouse and materialize it again.",
            )
        united[name.lower()] = (known, both)
    empty = connection.sql("select " + ", ".join(f"null::{kind}" for _, kind in united.values())).limit(0)
    kinds = empty.to_arrow_table().schema.types
    fields = [_field(name, kind, table) for (name, _), kind in zip(united.values(), kinds, strict=True)]
    return Schema([*fields, _PARTITION_FIELD])


def missing_features(delta: DeltaTable, schema: Schema) -> list[TableFeatures]:
    """The table features that a schema requires and the protocol of the table lacks.

    delta-rs enables them when it creates a table. A later commit can write columns of these types without
    them, and the table can no longer be opened.
    """
    kinds, allowed = schema.to_json(), delta.protocol().writer_features or []
    return [
        feature
        for name, spelling, feature in _FEATURES_OF_TYPES
        if name not in allowed and re.search(f'"{spelling}', kinds)
    ]


def _field(name: str, kind: pa.DataType, table: str) -> Field:
    if pa.types.is_timestamp(kind) and kind.tz:
        kind = pa.timestamp(kind.unit, "UTC")  # the type has no zone in Delta, which only accepts UTC
    try:
        return Schema.from_arrow(pa.schema([pa.field(name, kind)])).fields[0]
    except Exception as error:  # deltalake raises a bare Exception
        raise StoreError(
            f"table {table}: column {name!r} has the type {kind}, which Delta does not support",
            hint="cast it, for example a time of day or a duration to a number or a text",
        ) from error


def _as_mapping(schema: Schema) -> dict[str, str]:
    return {field.name: str(field.type) for field in schema.fields}


def _columns_of(
    connection: duckdb.DuckDBPyConnection, files: Iterable[str]
) -> Iterator[tuple[str, DuckDBPyType]]:
    """The distinct pairs of column and type in the files."""
    # Most files have the same schema, and DuckDB reads footers slower than Arrow: one file of each is enough.
    samples = {pq.read_schema(file).remove_metadata(): file for file in files}
    relations = [connection.read_parquet(file) for file in samples.values()]
    found = {
        (name, str(kind)): kind
        for relation in relations
        for name, kind in zip(relation.columns, relation.types, strict=True)
        if name != PARTITION  # from the path
    }
    for (name, _), kind in sorted(found.items(), key=str):
        yield name, kind


def _union(connection: duckdb.DuckDBPyConnection, one: DuckDBPyType, other: DuckDBPyType) -> DuckDBPyType:
    """The type that DuckDB gives a column with these types in two files."""
    return connection.sql(f"select null::{one} union all select null::{other}").types[0]


def _widens(kind: DuckDBPyType, united: DuckDBPyType) -> bool:
    """Whether every value of a type can be read as the united type."""
    if str(kind) in (str(united), '"NULL"'):
        return True
    if kind.id in _NESTED or united.id in _NESTED:
        return kind.id == united.id and kind.id in _NESTED_OF_TYPES and _parts_widen(kind, united)
    if united.id == "varchar":
        return kind.id != "blob"
    if kind.id in _TEMPORAL or united.id in _TEMPORAL:
        return kind.id in _TEMPORAL and united.id in _TEMPORAL
    return kind.id not in _OTHER_SCALARS and united.id not in _OTHER_SCALARS


def _parts_widen(kind: DuckDBPyType, united: DuckDBPyType) -> bool:
    wider = dict(united.children)
    return all(
        isinstance(part, DuckDBPyType) and _widens(part, cast(DuckDBPyType, wider[name]))
        for name, part in kind.children
    )
