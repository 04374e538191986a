"""`features.sql` as functions of a typed row, if it computes with doubles alone.

The subset: one SELECT over the table, of columns, `+ - * /`, `nullif`, `coalesce`, `case`, comparisons,
`and`, `or`, `not`, `is null`, `abs` and `sqrt`, whose results IEEE 754 defines for DuckDB and Python alike.
Whatever is not finite, and all other SQL, is left to DuckDB.
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from mlops_assets.core.names import ROW_ID
from mlops_assets.core.sql_tree import parse_query
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.model.tabular_model import sandbox
from mlops_assets.ml.scoring.compiled.not_compiled import NotCompiledError

_Value = Callable[[Sequence[Any]], Any]
Compute = Callable[[Sequence[Any]], list[Any] | None]
"""The features of a typed row in their order; None for a row that DuckDB must compute."""
_Kind = Literal["double", "constant", "text", "boolean", "null"]
_MOST_DIGITS = 15
"""Digits of a number in the query, up to which its double is the nearest one however it is read."""
_OTHER_CLAUSES = ("where_clause", "having", "sample", "qualify", "group_expressions", "modifiers")


class _Expression(NamedTuple):
    """A value of a row, None where it is null; a constant is a number in the query."""

    kind: _Kind
    value: _Value


def compile_query(sql: str, table: str, columns: Sequence[Column], features: Sequence[str]) -> Compute:
    """A query as functions of a typed row.

    Raises
    ------
    NotCompiledError
        When the query is not in the subset.
    """
    with sandbox() as connection:
        try:
            node = parse_query(connection, sql)["statements"][0]["node"]
        except ValueError as error:
            raise NotCompiledError("a query that is no SELECT") from error
    _require_plain(node, table)
    scope = {column.name.lower(): _column(place, column) for place, column in enumerate(columns)}
    found: dict[str, _Expression] = {}
    for item in node["select_list"]:
        name = item["alias"] or (item.get("column_names") or [""])[-1]
        if not name or name in found:
            raise NotCompiledError("a column without a name of its own")
        is_key = item.get("column_names") == [ROW_ID] and name == ROW_ID
        found[name] = _null() if is_key else _compiled(item, scope)
    if found.keys() != {ROW_ID, *features}:
        raise NotCompiledError("other columns than the features")
    if any(found[name].kind not in ("double", "constant", "text") for name in features):
        raise NotCompiledError("a feature of another type")
    values = tuple(found[name].value for name in features)

    def compute(row: Sequence[Any]) -> list[Any] | None:
        try:
            return [value(row) for value in values]
        except (ArithmeticError, ValueError):  # not finite
            return None

    return compute


def _require_plain(node: Mapping[str, Any], table: str) -> None:
    source = node.get("from_table") or {}
    is_table = source.get("type") == "BASE_TABLE" and source.get("table_name") == table
    clauses = any(node.get(clause) for clause in _OTHER_CLAUSES) or node.get("cte_map", {}).get("map")
    further = [source.get(part) for part in ("alias", "sample", "column_name_alias", "at_clause")]
    is_plain = node["type"] == "SELECT_NODE" and node["aggregate_handling"] == "STANDARD_HANDLING"
    if not is_plain or clauses or not is_table or any(further):
        raise NotCompiledError("a query with other clauses than SELECT and FROM")


def _column(place: int, column: Column) -> _Expression:
    kind: _Kind | None = {"DOUBLE": "double", "VARCHAR": "text"}.get(column.sql_type)  # type: ignore[assignment]
    if kind is None:
        return _Expression("null", operator.itemgetter(place))
    return _Expression(kind, operator.itemgetter(place))


def _null() -> _Expression:
    return _Expression("null", lambda _: None)


def _compiled(node: Mapping[str, Any], scope: Mapping[str, _Expression]) -> _Expression:
    def compiled(child: Mapping[str, Any]) -> _Expression:
        return _compiled(child, scope)

    match node["class"], node["type"]:
        case "COLUMN_REF", _ if len(node["column_names"]) == 1:
            found = scope.get(node["column_names"][0].lower())
            if found is None or found.kind == "null":
                raise NotCompiledError("a column of another type, or of no table")
            return found
        case "CONSTANT", _:
            return _constant(node["literal"])
        case "FUNCTION", _ if not any(node[part] for part in ("filter", "distinct", "schema", "catalog")):
            arguments = [compiled(argument["expression"]) for argument in node["arguments"]]
            return _function(node["function_name"], arguments)
        case "COMPARISON", kind if kind in _COMPARISONS:
            return _comparison(_COMPARISONS[kind], compiled(node["left"]), compiled(node["right"]))
        case "CONJUNCTION", kind:
            return _conjunction([compiled(child) for child in node["children"]], kind == "CONJUNCTION_OR")
        case "OPERATOR", kind:
            return _operator(kind, [compiled(child) for child in node["children"]])
        case "CASE", _:
            checks = [
                (compiled(each["when_expr"]), compiled(each["then_expr"])) for each in node["case_checks"]
            ]
            return _case(checks, compiled(node["else_expr"]))
    raise NotCompiledError(f"{node['type']} in features.sql")


def _constant(literal: Mapping[str, Any]) -> _Expression:
    text = literal.get("text")
    if literal["kind"] == "NULL_LITERAL":
        return _null()
    if literal["kind"] == "STRING":
        return _Expression("text", lambda _: text)
    if literal["kind"] not in ("INTEGER", "NUMERIC") or sum(map(str.isdigit, str(text))) > _MOST_DIGITS:
        raise NotCompiledError("a constant of another type")
    number = float(str(text))
    if math.isinf(number):
        raise NotCompiledError("an infinite constant")
    return _Expression("constant", lambda _: number)


def _require(expressions: Sequence[_Expression], *kinds: _Kind) -> None:
    if any(each.kind not in kinds for each in expressions):
        raise NotCompiledError("an expression of another type")


def _require_double(expressions: Sequence[_Expression]) -> None:
    """Numbers of which one is a double, so that DuckDB computes with doubles."""
    _require(expressions, "double", "constant")
    if not any(each.kind == "double" for each in expressions):
        raise NotCompiledError("decimal arithmetic")


def _function(name: str, arguments: Sequence[_Expression]) -> _Expression:
    if name == "nullif" and len(arguments) == 2:
        _require_double(arguments[:1])
        _require(arguments, "double", "constant")
        (_, value), (_, other) = arguments
        return _Expression("double", lambda row: None if (found := value(row)) == other(row) else found)
    apply = (_BINARY if len(arguments) == 2 else _UNARY).get(name)
    if apply is None or len(arguments) > 2:
        raise NotCompiledError(f"the function {name}")
    _require_double(arguments)
    return _Expression("double", _arithmetic(apply, [each.value for each in arguments]))


def _arithmetic(apply: Callable[..., float], values: Sequence[_Value]) -> _Value:
    if len(values) == 1:
        (only,) = values
        return lambda row: None if (value := only(row)) is None else _finite(apply(value))
    first, second = values

    def compute(row: Sequence[Any]) -> float | None:
        left, right = first(row), second(row)
        return None if left is None or right is None else _finite(apply(left, right))

    return compute


def _finite(number: float) -> float:
    if number - number != 0:
        raise FloatingPointError
    return number


def _comparison(apply: Callable[[Any, Any], bool], left: _Expression, right: _Expression) -> _Expression:
    if "text" in (left.kind, right.kind):
        _require((left, right), "text")
        if apply not in (operator.eq, operator.ne):
            raise NotCompiledError("an order of texts")
    else:
        _require_double((left, right))
    first, second = left.value, right.value

    def compare(row: Sequence[Any]) -> bool | None:
        one, other = first(row), second(row)
        return None if one is None or other is None else apply(one, other)

    return _Expression("boolean", compare)


def _conjunction(children: Sequence[_Expression], decides: bool) -> _Expression:
    """`and`, or `or`, by the value that decides; null otherwise if one is null."""
    _require(children, "boolean")

    def combine(row: Sequence[Any]) -> bool | None:
        values = [child.value(row) for child in children]
        return decides if decides in values else None if None in values else not decides

    return _Expression("boolean", combine)


def _operator(kind: str, children: Sequence[_Expression]) -> _Expression:
    first = children[0].value
    match kind:
        case "OPERATOR_COALESCE":
            _require_double(children)
            values = [child.value for child in children]
            return _Expression("double", lambda row: _first(value(row) for value in values))
        case "OPERATOR_NOT":
            _require(children, "boolean")
            return _Expression("boolean", lambda row: None if (one := first(row)) is None else not one)
        case "OPERATOR_IS_NULL":
            return _Expression("boolean", lambda row: first(row) is None)
        case "OPERATOR_IS_NOT_NULL":
            return _Expression("boolean", lambda row: first(row) is not None)
    raise NotCompiledError(f"{kind} in features.sql")


def _first(values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _case(checks: Sequence[tuple[_Expression, _Expression]], otherwise: _Expression) -> _Expression:
    _require([when for when, _ in checks], "boolean")
    results = [*(then for _, then in checks), otherwise]
    _require(results, "double", "constant", "null")
    if all(each.kind == "null" for each in results):
        raise NotCompiledError("a column without values")

    def choose(row: Sequence[Any]) -> Any:
        for when, then in checks:
            if when.value(row) is True:
                return then.value(row)
        return otherwise.value(row)

    kind: _Kind = "double" if any(each.kind == "double" for each in results) else "constant"
    return _Expression(kind, choose)


_BINARY: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_UNARY: dict[str, Callable[[float], float]] = {"-": operator.neg, "abs": abs, "sqrt": math.sqrt}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "COMPARE_EQUAL": operator.eq,
    "COMPARE_NOTEQUAL": operator.ne,
    "COMPARE_LESSTHAN": operator.lt,
    "COMPARE_GREATERTHAN": operator.gt,
    "COMPARE_LESSTHANOREQUALTO": operator.le,
    "COMPARE_GREATERTHANOREQUALTO": operator.ge,
}
