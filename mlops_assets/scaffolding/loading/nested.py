"""Columns of objects and lists, as JSON in text."""

from collections.abc import Iterator, Sequence

import duckdb

from mlops_assets.core.sql_quoting import literal, quoted

_SAMPLE_ROWS = 1_000
_LISTED = 3


def nested_doubts(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]) -> Iterator[str]:
    """A doubt about each column whose values are JSON objects or lists, with the SQL that reads a part."""
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
        if not filled or nested < filled:
            continue
        if kind == "OBJECT" and keys:
            listed = ", ".join(keys[:_LISTED]) + (", …" if len(keys) > _LISTED else "")
            path = literal(f'$."{keys[0]}"')
            yield (
                f"{name} has JSON objects with {listed}; read a part in features.sql, such as "
                f"json_extract_string({quoted(name)}, {path})"
            )
        else:
            yield (
                f"{name} has JSON lists; read a part in features.sql, such as "
                f"json_array_length({quoted(name)})"
            )
