"""Which functions of DuckDB the SQL of a project may call, and the messages about others."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb

from mlops_assets.ml.features.sql.function_classes import (
    FunctionClass,
    function_class,
    table_function_class,
)

_ON_LISTS = {"list_aggregate", "list_aggr", "aggregate", "array_aggregate", "array_aggr"}
"""Functions that call the aggregate that an argument names."""
_SINGLE_ARGUMENT = {"age"}
"""Functions that compare with the current date if they have one argument."""
_CLOCK = ("current_date", "current_time", "current_timestamp", "localtime", "localtimestamp")
_SESSION = ("current_catalog", "current_role", "current_schema", "current_user", "session_user")
KEYWORDS = {
    **dict.fromkeys(_CLOCK, FunctionClass.CLOCK),
    **dict.fromkeys(_SESSION, FunctionClass.SETTINGS),
}
"""Names that DuckDB reads as functions where no column has them. So is `user`, but it is the constant
`duckdb`, and a common name of columns."""

_FROM_ROWS = "use $as_of in an event project; otherwise compute from the rows alone"
_DECLARE = "declare the data as a table in defs.yaml"
_REASONS = {
    FunctionClass.CLOCK: ("it reads the clock and is not deterministic", _FROM_ROWS),
    FunctionClass.RANDOM: ("its result differs between runs, it is not deterministic", _FROM_ROWS),
    FunctionClass.SETTINGS: (
        "it reads settings or the session and is not deterministic",
        "write the value in the query, or add it to the rows",
    ),
    FunctionClass.CATALOG: ("it reads data outside the tables of the project, in the catalog", _DECLARE),
    FunctionClass.FILES: ("it reads data outside the tables of the project, in files", _DECLARE),
    FunctionClass.SQL: ("it reads SQL from a text", "write the query itself"),
    FunctionClass.EFFECT: ("it changes a state or waits, and is not deterministic", "remove the call"),
    FunctionClass.INTERNAL: ("it is internal to DuckDB", "use a documented function of DuckDB"),
}


@dataclass(frozen=True)
class Violation:
    """A problem as a clause for messages, a hint, and the place in the text in bytes."""

    problem: str
    hint: str
    location: int | None = None


@dataclass(frozen=True)
class _Catalog:
    """Names of functions that expressions call, and of functions in FROM."""

    expressions: frozenset[str]
    tables: frozenset[str]


def call_violation(
    name: str, arguments: Sequence[Any], place: int | None, *, is_method: bool = False
) -> Violation | None:
    """Why an expression may not call a function; None if it may.

    Parameters
    ----------
    name
        In lower case.
    arguments
        Nodes of the parse tree.
    is_method
        Whether the function is written behind a column or schema, as in `x.age()`. The column is none of
        `arguments`.
    """
    kind = function_class(name)
    if name in _SINGLE_ARGUMENT and len(arguments) < 2:
        kind = FunctionClass.CLOCK
    if kind in (FunctionClass.PURE, FunctionClass.ORDERED):
        return _named_aggregate_violation(name, arguments, place, is_method=is_method)
    if kind is not None:
        return rejected(name, kind, place)
    if (in_from := table_function_class(name)) is not None:
        return rejected(name, in_from, place)
    return _unclassified(name, _catalog().expressions, place)


def table_call_violation(name: str, place: int | None) -> Violation | None:
    """Why a query may not call a function in FROM; None if it may."""
    kind = table_function_class(name)
    if kind == FunctionClass.PURE:
        return None
    return rejected(name, kind, place) if kind else _unclassified(name, _catalog().tables, place)


def rejected(name: str, kind: FunctionClass, place: int | None) -> Violation:
    """The violation of a call of a function of another class than `pure` and `ordered`."""
    reason, hint = _REASONS[kind]
    return Violation(f"{name} is not allowed: {reason} (class {kind})", hint, place)


def is_order_dependent(name: str) -> bool:
    """Whether an aggregate or a window function needs an order."""
    return function_class(name) == FunctionClass.ORDERED


def _named_aggregate_violation(
    name: str, arguments: Sequence[Any], place: int | None, *, is_method: bool
) -> Violation | None:
    """Why a function over lists may not call the aggregate that it names."""
    if name not in _ON_LISTS:
        return None
    named = [_text(argument) for argument in (arguments[:2] if is_method else arguments[1:2])]
    found = [text.lower() for text in named if text is not None]
    if not found:
        return Violation(
            f"{name} calls an aggregate that is not written as a text", "write its name, such as 'sum'", place
        )
    for aggregate in found:
        if problem := call_violation(aggregate, [None], place):
            return problem
    return None


def _text(argument: Mapping[str, Any]) -> str | None:
    """The value of an argument that is a constant text."""
    constant = argument["expression"].get("literal") or {}
    return str(constant["text"]) if constant.get("kind") == "STRING" else None


def _unclassified(name: str, known: frozenset[str], place: int | None) -> Violation:
    if name in known:
        return Violation(
            f"{name} has no class: DuckDB {duckdb.__version__} is newer than the list of allowed functions",
            "use another function, or ask for its addition to sql_function_classes.py",
            place,
        )
    allowed = [one for one in known if function_class(one) in (FunctionClass.PURE, FunctionClass.ORDERED)]
    similar = difflib.get_close_matches(name, allowed, n=2)
    hint = f"did you mean {' or '.join(similar)}?" if similar else "use a function of DuckDB"
    return Violation(f"there is no function {name}", hint, place)


@cache
def _catalog() -> _Catalog:
    """The functions of the installed DuckDB."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select lower(function_name), function_type from duckdb_functions()"
        ).fetchall()
    in_from = ("table", "table_macro")
    return _Catalog(
        frozenset(name for name, kind in rows if kind not in (*in_from, "pragma")),
        frozenset(name for name, kind in rows if kind in in_from),
    )
