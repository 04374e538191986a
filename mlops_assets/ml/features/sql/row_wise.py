"""Whether a query computes each row from one row of its table alone, by the plan that DuckDB makes of it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb

from mlops_assets.core.sql_quoting import quoted

_SCAN = "SEQ_SCAN"
_ROW_BY_ROW = {_SCAN, "PROJECTION", "FILTER", "CTE", "CTE_SCAN"}
"""Operators whose rows depend on one row of their input each."""


def is_row_wise(sql: str, table: str, columns: Mapping[str, str]) -> bool:
    """Whether a query over one table returns for some of its rows what it returns for them among all.

    The plan shows what a text hides: a macro that aggregates, or a window in a subquery. It is made without
    the optimizer, which may replace an aggregate by a constant.

    Parameters
    ----------
    sql
        A query that calls deterministic functions only.
    columns
        The DuckDB type of each column of the table.
    """
    declared = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
    with duckdb.connect(config={"enable_external_access": "false", "threads": 1}) as connection:
        connection.execute("pragma disable_optimizer")
        connection.execute(f"create table {quoted(table)} ({declared})")
        try:
            [[_, plan]] = connection.execute(f"explain (format json) {sql}").fetchall()
        except duckdb.Error:  # computing it reports the error
            return False
    operators = list(_operators(json.loads(plan)))
    return set(operators) <= _ROW_BY_ROW and operators.count(_SCAN) == 1


def _operators(nodes: list[dict[str, Any]]) -> Iterator[str]:
    for node in nodes:
        yield str(node["name"]).strip()
        yield from _operators(node.get("children", []))
