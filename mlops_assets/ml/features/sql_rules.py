"""Rules for a project's SQL, on its parse tree: it reads its own tables and is deterministic."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import duckdb

from mlops_assets.core.sql_tree import Node, parse_query, tree_nodes, writing_keyword
from mlops_assets.ml.features.sql_functions import (
    ORDER_DEPENDENT,
    ORDER_DEPENDENT_WINDOWS,
    TIME_KEYWORDS,
    catalog,
    reads_arguments_only,
)

_NO_LOCATION = 2**64 - 1
_ON_LISTS = {"list_aggregate", "list_aggr", "aggregate", "array_aggregate", "array_aggr"}
"""Functions that call the aggregate that an argument names."""
_FROM_ROWS = "use $as_of in an event project; otherwise compute from the rows alone"
_DECLARE = "declare the data as a table in defs.yaml"


@dataclass(frozen=True)
class Violation:
    """A problem as a clause for messages, a hint, and the place in the text in bytes."""

    problem: str
    hint: str
    location: int | None = None


@lru_cache(maxsize=256)
def find_violation(sql: str, tables: frozenset[str] | None) -> Violation | None:
    """The first violation of a SELECT statement; None if there is none.

    Parameters
    ----------
    tables
        Names of the tables that the statement may read; None to check only that it names no file.

    Raises
    ------
    ValueError
        When DuckDB can't parse the statement, or it is not a SELECT.
    """
    own = None if tables is None else {name.lower() for name in tables}
    with duckdb.connect() as connection:
        tree = parse_query(connection, sql)
    readable = {str(entry["key"]).lower() for node in tree_nodes(tree) for entry in _common_tables(node)}
    for node in tree_nodes(tree):
        if found := _violation(node, readable, own):
            return found
    return None


def syntax_nodes(sql: str) -> Iterator[Node]:
    """All nodes of the parse tree of a SELECT statement.

    Raises
    ------
    ValueError
        When DuckDB can't parse the statement.
    """
    with duckdb.connect() as connection:
        yield from tree_nodes(parse_query(connection, sql))


def _violation(node: Node, readable: Collection[str], own: Collection[str] | None) -> Violation | None:
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
            return _table_function_violation(node)
        case "SHOW_REF":
            return Violation("describe, summarize and show are not allowed", "select columns of a table")
        case "JOIN" if node.get("ref_type") == "POSITIONAL":
            return Violation("a positional join depends on the order of the rows", "join by columns")
    return _modifier_violation(node)


def _function_violation(node: Node) -> Violation | None:
    name, arguments = str(node["function_name"]).lower(), node["arguments"]
    place = _place(node)
    if not catalog().is_known(name):
        if name in catalog().tables:
            return _outside(name, place)
        similar = catalog().similar(name)
        hint = f"did you mean {' or '.join(similar)}?" if similar else "use a function of DuckDB"
        return Violation(f"there is no function {name}", hint, place)
    if not _is_consistent(name, len(arguments)) or _names_other_aggregate(name, arguments):
        return Violation(f"{name} is not deterministic and is not allowed", _FROM_ROWS, place)
    if name in ORDER_DEPENDENT and not node["order_bys"]["orders"]:
        return Violation(*_depends_on_order(name), place)
    return None


def _window_violation(node: Node) -> Violation | None:
    name, place = str(node["function_name"]).lower(), _place(node)
    if catalog().is_known(name) and not _is_consistent(name, len(node["arguments"])):
        return Violation(f"{name} is not deterministic and is not allowed", _FROM_ROWS, place)
    if node["orders"] or node["arg_orders"]:
        return None
    counts_rows = any("ROWS" in str(node[bound]) for bound in ("start", "end"))
    if name in ORDER_DEPENDENT or name in ORDER_DEPENDENT_WINDOWS or counts_rows:
        return Violation(
            f"{name} depends on the order of the rows",
            "add an order to the window: over (… order by …), by columns without ties",
            place,
        )
    return None


def _keyword_violation(node: Node) -> Violation | None:
    names = [str(name).lower() for name in node["column_names"]]
    if len(names) == 1 and names[0] in TIME_KEYWORDS:
        hint = f"{_FROM_ROWS}. If it is a column, write it with its table: t.{names[0]}"
        return Violation(f"{names[0]} is not deterministic and is not allowed", hint, _place(node))
    return None


def _table_violation(node: Node, readable: Collection[str], own: Collection[str] | None) -> Violation | None:
    path, name = [str(part) for part in node["qualified_name"]["path"]], str(node["table_name"])
    plain = len(path) == 1 or path[:-1] == ["main"]
    if len(path) == 1 and name.lower() in readable:
        return None
    if plain and (name.lower() in own if own is not None else not set(name) & set("./\\*")):
        return None
    written = ".".join(path)
    if own is None or set(name) & set("./\\*"):
        return _outside(written, _place(node))
    known = f"its tables are {', '.join(sorted(own))}, as declared in defs.yaml" if own else _DECLARE
    return Violation(f"{written} is not a table of the project", known, _place(node))


def _table_function_violation(node: Node) -> Violation | None:
    name = str(node["function"]["function_name"]).lower()
    return None if reads_arguments_only(name) else _outside(name, _place(node))


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


def _outside(what: str, place: int | None) -> Violation:
    return Violation(f"{what} reads data outside the tables of the project", _DECLARE, place)


def _depends_on_order(name: str) -> tuple[str, str]:
    instead = "max(x), or " if name in ("any_value", "arbitrary", "first", "last") else ""
    return (
        f"{name} depends on the order of the rows",
        f"write {instead}{name}(x order by y), where y has no ties",
    )


def _names_other_aggregate(name: str, arguments: Collection[Any]) -> bool:
    """Whether a function over lists calls an aggregate that is not deterministic or not a literal."""
    if name not in _ON_LISTS:
        return False
    literals = [one["expression"].get("literal", {}) for one in arguments]
    named = [str(one["text"]).lower() for one in literals if one.get("kind") == "STRING"]
    return not (named and all(_is_consistent(one, 1) for one in named))


@cache
def _is_consistent(name: str, arguments: int) -> bool:
    """Whether a function depends on its arguments alone; a macro, if all that it calls does."""
    definitions = catalog().macros.get(name, ())
    if not definitions:
        return catalog().is_consistent(name, arguments)
    if name in catalog().inconsistent:
        return False
    with duckdb.connect() as connection:
        trees = [parse_query(connection, f"select {definition}") for definition in definitions]
    return all(
        _is_consistent(str(node["function_name"]).lower(), len(node["arguments"]))
        if node.get("class") == "FUNCTION"
        else node.get("type") not in ("BASE_TABLE", "TABLE_FUNCTION") and not _is_time_keyword(node)
        for tree in trees
        for node in tree_nodes(tree)
    )


def _is_time_keyword(node: Node) -> bool:
    return node.get("class") == "COLUMN_REF" and _keyword_violation(node) is not None


def _common_tables(node: Node) -> list[Any]:
    common = node.get("cte_map")
    return list(common["map"]) if isinstance(common, Mapping) else []


def _place(node: Node) -> int | None:
    place = node.get("query_location")
    return None if place is None or place == _NO_LOCATION else int(place)
