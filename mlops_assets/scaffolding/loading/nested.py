"""Columns of objects and lists, as JSON in text, and the SQL that reads their parts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.columns import SqlType

_SAMPLE_ROWS = 1_000
_TYPED_ROWS = 20_000
_LISTED = 3
_MOST_KEYS = 50
"""Of objects with more keys, which are rather data than names, no part is read."""
_KINDS: dict[str, SqlType] = {
    "UBIGINT": "BIGINT",
    "BIGINT": "BIGINT",
    "DOUBLE": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "VARCHAR": "VARCHAR",
}


@dataclass(frozen=True)
class PartSql:
    """A part of the values of a column, in SQL.

    Attributes
    ----------
    of
        The column.
    name
        Name of the part.
    why
        What the column is, in words.
    """

    of: str
    name: str
    sql: str
    sql_type: SqlType
    why: str


@dataclass(frozen=True)
class NestedColumn:
    """A column whose values are all JSON objects or lists; a list has no keys."""

    name: str
    keys: tuple[str, ...] = ()

    @property
    def hint(self) -> str:
        """What the column is, with the SQL that reads a part."""
        if not self.keys:
            return (
                f"{self.name} has JSON lists; read a part in features.sql, such as "
                f"json_array_length({quoted(self.name)})"
            )
        listed = ", ".join(self.keys[:_LISTED]) + (", …" if len(self.keys) > _LISTED else "")
        return (
            f"{self.name} has JSON objects with {listed}; read a part in features.sql, such as "
            f"{_text_sql(self.name, self.keys[0])}"
        )


def nested_columns(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]
) -> Iterator[NestedColumn]:
    """The columns of text whose values are JSON objects or lists."""
    kinds = dict(zip(columns, map(str, connection.sql(f"from {table}").types), strict=False))
    for name in columns:
        if kinds[name] != "VARCHAR":
            continue
        text = f"nullif(trim({quoted(name)}), '')"
        json = f"case when regexp_matches({text}, '^[{{\\[]') and json_valid({text}) then {text}::json end"
        query = (
            f"select count({text}), count({json}), any_value(json_type({json})), "
            f"any_value(json_keys({json})) from (from {table} limit {_SAMPLE_ROWS})"
        )
        [(filled, nested, kind, keys)] = connection.execute(query).fetchall()
        if filled and nested == filled:
            yield NestedColumn(name, tuple(keys or ()) if kind == "OBJECT" else ())


def nested_parts(
    connection: duckdb.DuckDBPyConnection, table: str, column: NestedColumn
) -> Iterator[PartSql]:
    """The length of a list; of objects each part that is a number, text, truth value or list in all rows."""
    name = quoted(column.name)
    if not column.keys:
        yield PartSql(column.name, "length", f"json_array_length({name})", "BIGINT", "has JSON lists")
        return
    if len(column.keys) > _MOST_KEYS:
        return
    keys = [key for key in column.keys if '"' not in key]
    kinds = ", ".join(f"list(distinct json_type({name}, {_path(key)}))" for key in keys)
    valid = f"from {table} where json_valid({name}) limit {_TYPED_ROWS}"
    [found] = connection.execute(f"select {kinds or 'null'} from ({valid})").fetchall()
    for key, listed in zip(keys, found, strict=False):
        seen = {kind for kind in listed or () if kind != "NULL"}
        if seen == {"ARRAY"}:
            sql = f"json_array_length({name}, {_path(key)})"
            yield PartSql(column.name, f"{key}_length", sql, "BIGINT", "has JSON objects")
            continue
        types = {_KINDS.get(kind) for kind in seen}
        kind = "DOUBLE" if types == {"BIGINT", "DOUBLE"} else next(iter(types)) if len(types) == 1 else None
        if kind:
            text = _text_sql(column.name, key)
            sql = text if kind == "VARCHAR" else f"try_cast({text} as {kind.lower()})"
            yield PartSql(column.name, key, sql, kind, "has JSON objects")


def _text_sql(name: str, key: str) -> str:
    return f"json_extract_string({quoted(name)}, {_path(key)})"


def _path(key: str) -> str:
    return literal(f'$."{key}"')
