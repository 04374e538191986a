"""The part of a pandera schema that a contract supports."""

import pandas as pd
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
    """The SQL type of a column of a schema.

    Raises
    ------
    ProjectError
        When no type of a table corresponds to it.
    """
    kind = str(column.dtype).lower()
    for prefixes, sql in _SQL_TYPES:
        if kind.startswith(prefixes):
            return sql
    raise ProjectError(
        f"{subject}: column {column.name} has the unsupported type {column.dtype}",
        hint="declare float, int, bool, str or datetime",
    )


def column_checks(schema: pa.DataFrameSchema) -> pa.DataFrameSchema:
    """The value checks of the columns; types, nulls and uniqueness are evaluated in SQL."""
    return pa.DataFrameSchema(
        {
            name: pa.Column(checks=column.checks, nullable=True, required=True)
            for name, column in schema.columns.items()
        }
    )


def reject_unsupported(schema: pa.DataFrameSchema, subject: str) -> None:
    """Reject the features of a schema that change rows or have no equivalent in a table.

    Raises
    ------
    ProjectError
        When the schema declares a parser, a regex column, a default or an index.
    """
    unsupported = {
        "a parser": bool(schema.parsers) or any(column.parsers for column in schema.columns.values()),
        "a regex column": any(column.regex for column in schema.columns.values()),
        "a default": any(column.default is not None for column in schema.columns.values()),
        "an index": schema.index is not None,
    }
    for feature, found in unsupported.items():
        if found:
            raise ProjectError(
                f"{subject}: schema.py declares {feature}, which a contract does not support",
                hint="remove it; a contract never changes rows, so compute values in features.sql",
            )


def runs_on(check: pa.Check, frame: pd.DataFrame) -> bool:
    """Whether a check of several columns reads only the columns of an empty frame."""
    try:
        check(frame)
    except (KeyError, AttributeError):  # as `frame["name"]` and `frame.name` raise
        return False
    return True
