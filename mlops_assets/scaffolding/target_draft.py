"""The target of a draft as an SQL expression over the columns of a row."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import duckdb

from mlops_assets.core.sql_quoting import quoted
from mlops_assets.ml.contracts.columns import SqlType
from mlops_assets.ml.features.sql.rules import syntax_nodes
from mlops_assets.ml.features.target_expression import TargetExpression
from mlops_assets.scaffolding.column_profile import MAX_VALUES, ColumnProfile
from mlops_assets.scaffolding.draft import Draft
from mlops_assets.scaffolding.table_draft import TableDraft

if TYPE_CHECKING:
    import pandas as pd

TARGET = "target"
"""Default name of the result of an expression."""
_TYPES: dict[str, SqlType] = {"boolean": "BOOLEAN", "varchar": "VARCHAR"}


def is_expression(target: str, columns: Sequence[str]) -> bool:
    """Whether a target is an expression over columns, and not the name of one, correct or misspelled."""
    try:
        nodes = list(syntax_nodes(f"select (\n{target}\n) from rows"))
    except ValueError:
        return False
    known = {name.lower() for name in columns}
    paths = [[str(part).lower() for part in node.get("column_names") or ()] for node in nodes]
    return target not in columns and any(known & set(path) for path in paths)


def profile_expression(base: TableDraft, sample: "pd.DataFrame", sql: str, name: str) -> ColumnProfile:
    """The values of an expression in sampled rows, as if it were a column.

    Parameters
    ----------
    sample
        Typed rows.
    name
        Name of the result.

    Raises
    ------
    ProjectError
        When the expression can't be computed, or reads other rows.
    """
    expression = drafted_expression(base, sql)
    with duckdb.connect() as connection:
        rows = connection.from_df(sample).project(_cast(base))
        kind = expression.type_of(rows)
        try:
            found = rows.set_alias(base.table).project(f"({sql}\n) as v").filter("v is not null")
            [(filled, distinct, least, greatest)] = found.aggregate(
                "count(v), count(distinct v), min(v)::varchar, max(v)::varchar"
            ).fetchall()
            values = {}
            if 0 < distinct <= MAX_VALUES:
                values = dict(found.aggregate("v::varchar as v, count(*) as n").order("v").fetchall())
        except duckdb.Error as error:
            raise expression.error_for(error) from error
    return ColumnProfile(
        name,
        _TYPES.get(kind, "BIGINT" if expression.is_integer(kind) else "DOUBLE"),
        len(sample),
        len(sample) - filled,
        distinct,
        least or "",
        greatest or "",
        values,
    )


def target_values(draft: Draft, sample: "pd.DataFrame") -> "pd.Series":
    """The target of sampled rows."""
    if not draft.expression:
        return sample[draft.target.name]
    with duckdb.connect() as connection:
        return (
            connection.from_df(sample)
            .project(_cast(draft))
            .set_alias(draft.table)
            .project(f"({draft.expression}\n) as v")
            .df()["v"]
        )


def _cast(base: TableDraft) -> str:
    """The columns of the sample with the types of the table: integers with gaps are floats in pandas."""
    return ", ".join(f"{quoted(c.name)}::{c.sql_type} as {quoted(c.name)}" for c in base.columns)


def drafted_expression(base: TableDraft, sql: str) -> TargetExpression:
    """The expression of a draft."""
    return TargetExpression(sql, base.table, f"{base.project}: --target")
