"""The common type of a column that has different types in several files or partitions."""

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import duckdb
import pyarrow.parquet as pq
from duckdb.sqltypes import DuckDBPyType

_DIGITS = {
    "boolean": 1,
    "tinyint": 3,
    "utinyint": 3,
    "smallint": 5,
    "usmallint": 5,
    "integer": 10,
    "uinteger": 10,
    "bigint": 19,
    "ubigint": 20,
    "hugeint": 39,
    "uhugeint": 39,
}
_EXACT_DIGITS = {"float": 6, "double": 15}
"""Every decimal number with this many digits is exact in these types."""
EXACT_IN_DOUBLE = 2**53
"""Integers up to this one are exact as DOUBLE."""
_TEMPORAL = {"date", "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone"}
_NUMBERS = {*_DIGITS, *_EXACT_DIGITS, "decimal"}
_NESTED = {"list", "array", "struct", "map", "union", "variant"}


def common_type(connection: duckdb.DuckDBPyConnection, kinds: Iterable[DuckDBPyType]) -> DuckDBPyType | None:
    """The type that holds every value of some scalar types unchanged; None if only text does.

    Integers beyond `EXACT_IN_DOUBLE` can change: see `needs_small_integers`.
    """
    distinct = {str(kind): kind for kind in kinds}
    both = connection.sql(" union all ".join(f"select null::{kind}" for kind in distinct)).types[0]
    unchanged = both.id in ("boolean", "varchar") or "BOOLEAN" not in distinct  # true is not 1
    return both if unchanged and all(widens(kind, both) for kind in distinct.values()) else None


def needs_small_integers(kind: DuckDBPyType, united: DuckDBPyType) -> bool:
    """Whether a type is unchanged in another one only within `EXACT_IN_DOUBLE`."""
    return united.id == "double" and _DIGITS.get(kind.id, 0) > _EXACT_DIGITS["double"]


def has_small_integers(files: Iterable[str | Path], column: str) -> bool:
    """Whether all integers of a column are within `EXACT_IN_DOUBLE`, by the statistics in the files."""
    for file in files:
        footer = pq.read_metadata(file)
        for group in map(footer.row_group, range(footer.num_row_groups)):
            for chunk in map(group.column, range(group.num_columns)):
                if chunk.path_in_schema.lower() != column.lower() or chunk.physical_type in (
                    "DOUBLE",
                    "FLOAT",
                ):
                    continue
                found = chunk.statistics
                if found is None or not (found.has_min_max or found.num_values == 0):
                    return False
                if found.has_min_max and not -EXACT_IN_DOUBLE <= found.min <= found.max <= EXACT_IN_DOUBLE:
                    return False
    return True


def _precision(kind: DuckDBPyType) -> int:
    """The number of digits of a type of numbers other than floating point."""
    return cast(int, dict(kind.children)["precision"]) if kind.id == "decimal" else _DIGITS[kind.id]


def united_type(
    connection: duckdb.DuckDBPyConnection, one: DuckDBPyType, other: DuckDBPyType
) -> DuckDBPyType:
    """The type that DuckDB gives a column with these types in two files."""
    return connection.sql(f"select null::{one} union all select null::{other}").types[0]


def widens(kind: DuckDBPyType, united: DuckDBPyType) -> bool:
    """Whether every value of a type can be read as the united type."""
    if str(kind) in (str(united), '"NULL"'):
        return True
    if kind.id in _NESTED or united.id in _NESTED:
        return kind.id == united.id and kind.id in ("list", "struct", "map") and _parts_widen(kind, united)
    if united.id == "varchar":
        return kind.id != "blob"
    if kind.id in _TEMPORAL or united.id in _TEMPORAL:
        return kind.id in _TEMPORAL and united.id in _TEMPORAL
    return kind.id in _NUMBERS and united.id in _NUMBERS and _fits(kind, united)


def _parts_widen(kind: DuckDBPyType, united: DuckDBPyType) -> bool:
    wider = dict(united.children)
    return all(
        isinstance(part, DuckDBPyType) and widens(part, cast(DuckDBPyType, wider[name]))
        for name, part in kind.children
    )


def _fits(kind: DuckDBPyType, united: DuckDBPyType) -> bool:
    """Whether all digits of a number fit, except those of large integers in DOUBLE."""
    if kind.id in _EXACT_DIGITS or needs_small_integers(kind, united):
        return True
    if united.id in _EXACT_DIGITS:
        return _precision(kind) <= _EXACT_DIGITS[united.id]
    if united.id != "decimal":
        return True
    scale = cast(int, dict(kind.children)["scale"]) if kind.id == "decimal" else 0
    limit = cast(int, dict(united.children)["scale"])
    return scale <= limit and _precision(kind) - scale <= _precision(united) - limit
