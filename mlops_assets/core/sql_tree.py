"""The parse tree of SQL queries, from DuckDB's own parser."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

Node = Mapping[str, Any]

_QUERIES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
"""Types of the nodes of queries that read; since DuckDB 2.0 a common table expression may also write."""


class Connection(Protocol):
    """What is used of a connection of DuckDB."""

    def execute(self, query: Any, parameters: Any = ..., /) -> Any: ...


def parse_query(connection: Connection, sql: str) -> dict[str, Any]:
    """Return the parse tree of a SELECT statement.

    Raises
    ------
    ValueError
        If DuckDB can't parse the statement, it is not a SELECT, or it is nested too deeply.
    """
    [[text]] = connection.execute("select json_serialize_sql($1)", [sql]).fetchall()
    try:
        tree: dict[str, Any] = json.loads(str(text))
    except RecursionError:
        raise ValueError("an expression is nested too deeply; compute a part of it in a subquery") from None
    if tree["error"]:
        raise ValueError(tree["error_message"])
    return tree


def tree_nodes(tree: Any) -> Iterator[Node]:
    """All mappings of a parse tree; those of a table function's call are its arguments only."""
    if isinstance(tree, Mapping):
        yield tree
        is_call = tree.get("type") == "TABLE_FUNCTION"
        children = tree["function"]["arguments"] if is_call else list(tree.values())
        yield from tree_nodes(children)
    elif isinstance(tree, list):
        for child in tree:
            yield from tree_nodes(child)


def writing_keyword(node: Node) -> str | None:
    """The keyword of a statement inside a query that writes, such as `COPY`; None for other nodes.

    DuckDB executes such a statement as a part of a SELECT: `with x as (insert into … returning *) from x`.
    """
    kind = str(node.get("type", ""))
    if not kind.endswith("_NODE") or kind in _QUERIES:
        return None
    return kind.removesuffix("_NODE").removesuffix("_QUERY")
