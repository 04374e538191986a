"""Rules for a project's SQL, on its parse tree: it reads its own tables and is deterministic.

What is allowed is listed: classes of functions, kinds of expressions, names of tables. All else is rejected.
"""

import atexit
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, lru_cache

import duckdb

from mlops_assets.core.sql_tree import Node, parse_query, tree_nodes, writing_keyword
from mlops_assets.ml.features.sql.function_classes import FunctionClass
from mlops_assets.ml.features.sql.functions import (
    KEYWORDS,
    Violation,
    call_violation,
    is_order_dependent,
    rejected,
    table_call_violation,
)
from mlops_assets.ml.features.sql.scope import folded, readable_names

_NO_LOCATION = 2**64 - 1
_EXPRESSIONS = {
    *(
        "BETWEEN",
        "CASE",
        "CAST",
        "COLLATE",
        "COLUMN_REF",
        "COMPARISON",
        "CONJUNCTION",
        "CONSTANT",
        "FUNCTION",
    ),
    *("LAMBDA", "LAMBDA_REF", "OPERATOR", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "TYPE", "WINDOW"),
}
"""Classes of expressions; others are parameters and what a new DuckDB adds."""
_OTHERS = {
    *("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"),
    *("BASE_TABLE", "EMPTY", "EXPRESSION_LIST", "JOIN", "PIVOT", "SUBQUERY", "TABLE_FUNCTION"),
    *("LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ORDER_MODIFIER", "DISTINCT_MODIFIER"),
    *("ORDER_DEFAULT", "ASCENDING", "DESCENDING"),
}
"""Types of all other nodes: queries, what stands in FROM, and modifiers of a query."""
_JOINS = {"ASOF", "CROSS", "DEPENDENT", "NATURAL", "REGULAR"}
_DECLARE = "declare the data as a table in defs.yaml"


@lru_cache(maxsize=256)
def find_violation(sql: str, tables: frozenset[str]) -> Violation | None:
    """The first violation of a SELECT statement; None if there is none.

    Parameters
    ----------
    tables
        Names of the tables that the statement may read.

    Raises
    ------
    ValueError
        When DuckDB can't parse the statement, or it is not a SELECT.
    """
    for node, readable in readable_names(parse_query(_parser().cursor(), sql)):
        if found := _violation(node, readable, tables):
            return found
    return None


def syntax_nodes(sql: str) -> Iterator[Node]:
    """All nodes of the parse tree of a SELECT statement.

    Raises
    ------
    ValueError
        When DuckDB can't parse the statement.
    """
    yield from tree_nodes(parse_query(_parser().cursor(), sql))


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """A connection that only parses; opening one takes longer than parsing."""
    atexit.register(_parser.cache_clear)  # DuckDB warns of connections that are open when Python ends
    return duckdb.connect(config={"enable_external_access": "false", "threads": 1})


def _violation(node: Node, readable: frozenset[str], own: frozenset[str]) -> Violation | None:
    if keyword := writing_keyword(node):
        return Violation(f"{keyword} writes and is not allowed", "write SELECT statements only")
    if node.get("sample"):
        return Violation("a sample of rows is not deterministic and is not allowed", "filter by a column")
    match node.get("class") or node.get("type"):
        case "FUNCTION":
            return _function_violation(node)
        case "WINDOW":
            return _window_violation(node)
        case "COLUMN_REF":
            return _keyword_violation(node)
        case "BASE_TABLE":
            return _table_violation(node, readable, own)
        case "TABLE_FUNCTION":
            return table_call_violation(folded(str(node["function"]["function_name"])), _place(node))
        case "SHOW_REF":
            return Violation("describe, summarize and show are not allowed", "select columns of a table")
        case "JOIN" if node["ref_type"] == "POSITIONAL":
            return Violation("a positional join depends on the order of the rows", "join by columns")
    return _unknown_violation(node) or _modifier_violation(node)


def _function_violation(node: Node) -> Violation | None:
    name, place = folded(str(node["function_name"])), _place(node)
    is_method = len(node["qualified_name"]["path"]) > 1
    if found := call_violation(name, node["arguments"], place, is_method=is_method):
        return found
    if is_order_dependent(name) and not node["order_bys"]["orders"]:
        return Violation(*_depends_on_order(name), place)
    return None


def _window_violation(node: Node) -> Violation | None:
    name, place = folded(str(node["function_name"])), _place(node)
    if found := call_violation(name, node["arguments"], place):
        return found
    if node["orders"] or node["arg_orders"]:
        return None
    if is_order_dependent(name) or any("ROWS" in str(node[bound]) for bound in ("start", "end")):
        return Violation(
            f"{name} depends on the order of the rows",
            "add an order to the window: over (… order by …), by columns without ties",
            place,
        )
    return None


def _keyword_violation(node: Node) -> Violation | None:
    names = [folded(str(name)) for name in node["column_names"]]
    if len(names) > 1 or names[0] not in KEYWORDS:
        return None
    found = rejected(names[0], KEYWORDS[names[0]], _place(node))
    return replace(found, hint=f"{found.hint}. If it is a column, write it with its table: t.{names[0]}")


def _table_violation(node: Node, readable: frozenset[str], own: frozenset[str]) -> Violation | None:
    path, name = [str(part) for part in node["qualified_name"]["path"]], folded(str(node["table_name"]))
    if len(path) == 1 and name in readable:
        return None
    if path[:-1] in ([], ["main"]) and name in {folded(one) for one in own}:
        return None
    written = ".".join(path)
    if set(name) & set("./\\*"):
        return rejected(written, FunctionClass.FILES, _place(node))
    known = f"its tables are {', '.join(sorted(own))}, as declared in defs.yaml" if own else _DECLARE
    return Violation(f"{written} is not a table of the project", known, _place(node))


def _unknown_violation(node: Node) -> Violation | None:
    """A kind of node that no rule knows, such as one that a new version of DuckDB adds."""
    kind = node.get("class", node.get("type"))
    if not isinstance(kind, str) or kind in (_EXPRESSIONS if "class" in node else _OTHERS):
        if node.get("type") != "JOIN" or node["ref_type"] in _JOINS:
            return None
        kind = f"{node['ref_type']} JOIN"
    written = kind.removesuffix("_NODE").removesuffix("_REF").replace("_", " ").lower()
    return Violation(
        f"{written} is not allowed", "write it with joins, filters and expressions", _place(node)
    )


def _modifier_violation(node: Node) -> Violation | None:
    kinds = [modifier["type"] for modifier in node.get("modifiers") or ()]
    if "ORDER_MODIFIER" in kinds:
        return None
    chosen = [one for one in node.get("modifiers") or () if one.get("distinct_on_targets")]
    if chosen or any(kind.startswith("LIMIT") for kind in kinds):
        what = "distinct on" if chosen else "limit"
        return Violation(
            f"{what} without order by depends on the order of the rows",
            "add order by, by columns without ties",
        )
    return None


def _depends_on_order(name: str) -> tuple[str, str]:
    instead = "max(x), or " if name in ("any_value", "arbitrary", "first", "last") else ""
    return (
        f"{name} depends on the order of the rows",
        f"write {instead}{name}(x order by y), where y has no ties",
    )


def _place(node: Node) -> int | None:
    place = node.get("query_location")
    return None if place is None or place == _NO_LOCATION else int(place)
