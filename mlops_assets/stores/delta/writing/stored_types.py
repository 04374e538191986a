"""The types that a table stores, and the exact conversion of every other type of DuckDB to one of them.

Delta has neither unsigned integers nor times of day, and a Parquet file of DuckDB declares some types in a
way that other programs misread. All values are therefore converted before they are written.
"""

from collections.abc import Sequence

import duckdb
from duckdb.sqltypes import DuckDBPyType

from mlops_assets.core.errors import StoreError
from mlops_assets.core.sql_quoting import literal, quoted

_STORED = {
    *("boolean", "tinyint", "smallint", "integer", "bigint", "float", "double", "decimal"),
    *("varchar", "blob", "date", "timestamp"),
}
_WIDER = {"utinyint": "smallint", "usmallint": "integer", "uinteger": "bigint"}
OUT_OF_RANGE = "is out of range of a table's types"
"""Part of the message of DuckDB's error for a value that can't be stored."""
WIDE_INTEGERS = {"ubigint": "decimal(20, 0)", "hugeint": "decimal(38, 0)", "uhugeint": "decimal(38, 0)"}
"""Integers that may exceed BIGINT, and the decimals that hold them."""
_TEXT = {"enum", "uuid", "time", "time_ns", "time with time zone", "interval", "bit", "bignum", "null"}
_NESTED = {"list", "array", "struct", "map"}
_AS_JSON = {*_NESTED, "union", "variant"}


def stored_columns(rows: duckdb.DuckDBPyRelation, *, subject: str) -> duckdb.DuckDBPyRelation:
    """Rows with the types that a table stores; see `docs/types.md`.

    Values are unchanged, except that times lose digits beyond microseconds. A value without an exact
    equivalent ends the query with an error that names the column.

    Raises
    ------
    StoreError
        If a column has a type without an equivalent.
    """
    return _converted(rows, [_stored(quoted(name), kind, name, subject) for name, kind in _columns(rows)])


def scalar_columns(rows: duckdb.DuckDBPyRelation, *, subject: str) -> duckdb.DuckDBPyRelation:
    """Rows of a source, whose nested values become JSON text, and binary values text with escapes.

    Every type of the result has a text from which nothing is lost, so that partitions with different types
    can be united. Integers wider than BIGINT are left to `stored_columns`.
    """
    return _converted(rows, [_scalar(quoted(name), kind, name, subject) for name, kind in _columns(rows)])


def _columns(rows: duckdb.DuckDBPyRelation) -> list[tuple[str, DuckDBPyType]]:
    return list(zip(rows.columns, rows.types, strict=True))


def _converted(rows: duckdb.DuckDBPyRelation, values: Sequence[str]) -> duckdb.DuckDBPyRelation:
    names = [quoted(name) for name in rows.columns]
    if list(values) == names:
        return rows
    return rows.project(", ".join(f"{value} as {name}" for value, name in zip(values, names, strict=True)))


def _scalar(value: str, kind: DuckDBPyType, name: str, subject: str) -> str:
    if kind.id in _AS_JSON:
        stored = value if kind.id in ("union", "variant") else _stored(value, kind, name, subject)
        return f"to_json({stored})::varchar"
    if kind.id in ("blob", "geometry"):
        return f"{value}::varchar"
    return value if kind.id in {*WIDE_INTEGERS, "null"} else _stored(value, kind, name, subject)


def _stored(value: str, kind: DuckDBPyType, name: str, subject: str, depth: int = 0) -> str:
    """The SQL of a value in its stored type; the value itself if it has this type."""
    if kind.id in _STORED:
        return f"{value}::varchar" if str(kind) == "JSON" else value
    if kind.id in _NESTED:
        return _nested(value, kind, name, subject, depth + 1)
    if kind.id in _WIDER:
        return f"{value}::{_WIDER[kind.id]}"
    if kind.id in _TEXT:
        return f"{value}::varchar"
    match kind.id:
        case "ubigint":
            return f"{value}::{WIDE_INTEGERS[kind.id]}"
        case "hugeint" | "uhugeint":
            return guarded_cast(value, WIDE_INTEGERS[kind.id], name)
        case "timestamp_s" | "timestamp_ms":
            return guarded_cast(value, "timestamp", name)
        case "timestamp with time zone":
            return f"timezone('UTC', {value})"
        case "timestamp_ns" | "timestamptz_ns":
            # Down to microseconds before and after 1970: DuckDB's own cast rounds to the nearest one.
            nanos = f"epoch_ns({value})"
            micros = f"make_timestamp({nanos} // 1000 - ({nanos} % 1000 < 0)::integer)"
            return _guarded(value, micros, "timestamp", name)
        case "variant":
            return f"to_json({value})::varchar"
    raise StoreError(
        f"{subject}: column {name!r} has the type {kind}, which a table can't store",
        hint="cast it, for example to a text",
    )


def _nested(value: str, kind: DuckDBPyType, name: str, subject: str, depth: int) -> str:
    """The SQL of a nested value, with each of its parts in its stored type."""
    parts = [(part, child) for part, child in kind.children if isinstance(child, DuckDBPyType)]

    def inner(item: str, child: DuckDBPyType) -> str:
        return _stored(item, child, name, subject, depth)

    def each(items: str, child: DuckDBPyType) -> str:
        item = f"item_{depth}"
        changed = inner(item, child)
        return items if changed == item else f"list_transform({items}, lambda {item}: {changed})"

    if kind.id == "map":
        keys, values = f"map_keys({value})", f"map_values({value})"
        changed = [each(keys, parts[0][1]), each(values, parts[1][1])]
        return value if changed == [keys, values] else _unless_null(value, f"map({', '.join(changed)})")
    if kind.id == "struct":
        fields = [(part, f"struct_extract({value}, {literal(part)})", child) for part, child in parts]
        packed = [(part, field, inner(field, child)) for part, field, child in fields]
        if all(field == changed for _, field, changed in packed):
            return value
        listed = ", ".join(f"{quoted(part)} := {changed}" for part, _, changed in packed)
        return _unless_null(value, f"struct_pack({listed})")
    child = parts[0][1]
    return each(f"{value}::{child}[]" if kind.id == "array" else value, child)


def _unless_null(value: str, changed: str) -> str:
    return f"case when {value} is not null then {changed} end"


def guarded_cast(value: str, kind: str, name: str) -> str:
    """A cast that reports the column and the value that is out of range."""
    return _guarded(value, f"try_cast({value} as {kind})", kind, name)


def _guarded(value: str, converted: str, kind: str, name: str) -> str:
    """A converted value; an error if the conversion loses the value."""
    message = f"{literal(f'column {name}: the value ')} || {value}::varchar || {literal(' ' + OUT_OF_RANGE)}"
    return (
        f"case when {value} is not null and {converted} is null then error({message})::{kind} "
        f"else {converted} end"
    )


def text_sql(value: str, kind: DuckDBPyType) -> str:
    """The text of a scalar value, from which a cast restores the value."""
    # A FLOAT is written as the shortest text for 32 bits, which is another number in 64 bits.
    return f"{value}::double::varchar" if kind.id == "float" else f"{value}::varchar"
