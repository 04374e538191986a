"""What of a pandera schema a contract can hold."""

import pandera.pandas as pa

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.contracts.columns import SqlType

_SQL_TYPES: tuple[tuple[tuple[str, ...], SqlType], ...] = (
    (("int", "uint"), "BIGINT"),
    (("float", "double"), "DOUBLE"),
    (("bool",), "BOOLEAN"),
    (("datetime",), "TIMESTAMP"),
    (("date",), "DATE"),
    (("str", "object", "category"), "VARCHAR"),
)


def sql_type(column: pa.Column, subject: str) -> SqlType:
    """What a column of a schema is in a table.

    Raises
    ------
    ProjectError
        When a table can't hold it.
    """
    kind = str(column.dtype).lower()
    for prefixes, held_as in _SQL_TYPES:
        if kind.startswith(prefixes):
            return held_as
    raise ProjectError(
        f"{subject}: column {column.name} has the type {column.dtype}, which a table can't hold",
        hint="declare float, int, bool, str or datetime",
    )


def column_checks(schema: pa.DataFrameSchema) -> pa.DataFrameSchema:
    """The columns' value checks alone: types, nulls and uniqueness are decided in SQL."""
    return pa.DataFrameSchema(
        {
            name: pa.Column(checks=column.checks, nullable=True, required=True)
            for name, column in schema.columns.items()
        }
    )


def refuse_unsupported(schema: pa.DataFrameSchema, subject: str) -> None:
    """Raise for what changes rows, or can't be said of a table.

    Raises
    ------
    ProjectError
        When the schema declares such a thing.
    """
    faults = {
        "a parser": bool(schema.parsers) or any(column.parsers for column in schema.columns.values()),
        "a regex column": any(column.regex for column in schema.columns.values()),
        "a default": any(column.default is not None for column in schema.columns.values()),
        "an index": schema.index is not None,
    }
    for fault, found in faults.items():
        if found:
            raise ProjectError(
                f"{subject}: schema.py declares {fault}, which a contract can't hold",
                hint="a contract judges rows and changes none; compute in features.sql",
            )
