"""The names that a place in a query can read beside tables: its common table expressions."""

from collections.abc import Iterator, Mapping
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from mlops_assets.core.sql_tree import Node

_FOLDED = str.maketrans(ascii_uppercase, ascii_lowercase)


def folded(name: str) -> str:
    """A name as DuckDB compares it: only ASCII letters lose their case."""
    return name.translate(_FOLDED)


def readable_names(tree: Any) -> Iterator[tuple[Node, frozenset[str]]]:
    """All nodes of a parse tree, each with the common table expressions that can be read there.

    An expression can be read by the query that declares it, and by those that follow in the same WITH. Only
    the recursive part of an expression can read the expression itself: elsewhere its name is one of a table
    or file. The names are those that `folded` returns. The call of a table function is no node, but its
    arguments are.
    """
    left: list[tuple[Any, frozenset[str]]] = [(tree, frozenset())]
    while left:
        node, names = left.pop()
        if isinstance(node, list):
            left += [(child, names) for child in reversed(node)]
        elif isinstance(node, Mapping):
            found = list(_children(node, names))
            yield node, found[-1][1] if found else names
            left += reversed(found)


def _children(node: Node, names: frozenset[str]) -> Iterator[tuple[Any, frozenset[str]]]:
    declared = node.get("cte_map")
    for entry in declared["map"] if isinstance(declared, Mapping) else ():
        yield entry["value"], names
        names |= {folded(str(entry["key"]))}
    for key, child in node.items():
        if key == "cte_map":
            continue
        if key == "right" and node.get("type") == "RECURSIVE_CTE_NODE":
            yield child, names | {folded(str(node["cte_name"]))}
        elif key == "function" and node.get("type") == "TABLE_FUNCTION":
            yield list(child.values()), names
        else:
            yield child, names
    yield None, names
