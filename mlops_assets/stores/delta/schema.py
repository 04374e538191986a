"""The Delta schema of a table, as the union of the schemas of its partitions.

The files of each partition keep their own columns and types, and DuckDB unites those that are read together.
The union is stored for other programs, and for the columns of an empty relation.
"""

import re
from collections.abc import Iterable, Iterator

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema, TableFeatures
from deltalake.schema import Field, PrimitiveType
from duckdb.sqltypes import DuckDBPyType

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import PARTITION
from mlops_assets.stores.delta.common_types import (
    has_small_integers,
    needs_small_integers,
    united_type,
    widens,
)
from mlops_assets.stores.delta.writing.staging import Staged

_FEATURES_OF_TYPES = [
    ("timestampNtz", "timestamp_(ntz|nanos)", TableFeatures.TimestampWithoutTimezone),
    ("timestampNanos", "timestamp_nanos", TableFeatures.TimestampNanos),  # type: ignore[attr-defined]
]

_PARTITION_FIELD = Field(PARTITION, PrimitiveType("string"), nullable=True)


class ConflictingTypesError(StoreError):
    """Columns of a partition have no common type with other partitions.

    Attributes
    ----------
    columns
        The names of the columns, as in the partition.
    """

    def __init__(self, message: str, *, columns: Iterable[str], hint: str) -> None:
        super().__init__(message, hint=hint)
        self.columns = frozenset(columns)


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
    ConflictingTypesError
        If the types of a column have no common type, such as a date and a number, or a list and a text.
    """
    if _as_mapping(staged.schema) == _as_mapping(before):
        return before
    rows, others = staged.rows, list(other_files)
    # Column names in SQL are not case-sensitive.
    united = {name.lower(): (name, kind) for name, kind in zip(rows.columns, rows.types, strict=True)}
    conflicts: dict[str, str] = {}
    for name, kind in _columns_of(connection, others):
        known, so_far = united.setdefault(name.lower(), (name, kind))
        both = united_type(connection, so_far, kind)
        unite = widens(so_far, both) and widens(kind, both)
        if unite and (needs_small_integers(so_far, both) or needs_small_integers(kind, both)):
            unite = has_small_integers([*staged.files, *others], known)
        if unite:
            united[name.lower()] = (known, both)
        else:
            conflicts.setdefault(
                known,
                f"column {known!r} is {so_far} in partition {staged.partition} and {kind} in "
                "other partitions",
            )
    if conflicts:
        raise ConflictingTypesError(
            f"table {table}: {'; '.join(conflicts.values())}, which have no common type",
            columns=conflicts,
            hint="cast it to one type in all partitions. To change the type, remove the table's folder "
            "from the warehouse and materialize it again.",
        )
    empty = connection.sql("select " + ", ".join(f"null::{kind}" for _, kind in united.values())).limit(0)
    kinds = empty.to_arrow_table().schema.types
    fields = [_field(name, kind, table) for (name, _), kind in zip(united.values(), kinds, strict=True)]
    return Schema([*fields, _PARTITION_FIELD])


def creatable(schema: Schema) -> Schema:
    """A schema that a table can be created with, before the first commit replaces it; maps are text.

    delta-rs does not enable the feature of a timestamp inside of a map, and then refuses its own table.
    """
    text = PrimitiveType("string")
    return Schema(
        [Field(field.name, text) if '"map"' in field.to_json() else field for field in schema.fields]
    )


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
