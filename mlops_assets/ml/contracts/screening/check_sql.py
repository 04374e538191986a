"""Built-in checks of pandera as SQL conditions.

A condition may be stricter than its check, never laxer. Where SQL and Python may differ about a value, an
order or a pattern, there is no condition.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from mlops_assets.compat.pandera import check_arguments, check_function, implementations
from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.columns import Column, SqlType

_EXACT = 2**53
"""Up to this limit every integer is exactly a double."""
_QUANTIFIER = r"(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})\??(?![*+?{])"
_ITEM = r"(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9_ .,:;/@%+*?()='\"])"
_ATOM = (
    r"(?:[A-Za-z0-9_ ,:;/@%='\"<>!&~-]|\\[-.\\+*?()\[\]{}^$|/]|\\d|\.|\)"
    rf"|\[(?:{_ITEM}|\\d)+-?\]|\[\^{_ITEM}+-?\])"
)
_SHARED_SYNTAX = re.compile(rf"(?:{_ATOM}(?:{_QUANTIFIER})?|\(\?:|\((?!\?)|[|^$])*")
"""Patterns with the same syntax in Python and RE2. RE2 may match less: its digits are ASCII, and its `$`
matches only the end of the text."""


def check_sql(check: pa.Check, column: Column) -> str | None:
    """A condition on a typed column that is never true for a value that fails the check, and never null.

    None when the check is not built into pandera, or compares values that SQL compares differently.
    """
    build = _CONDITIONS.get(built_in_name(check))
    if build is None or check.element_wise or check.groupby is not None:
        return None
    condition = build(quoted(column.name), column.sql_type, **check_arguments(check))
    if condition is None:
        return None
    missing = f"{quoted(column.name)} is null"
    return f"({missing} or {condition})" if check.ignore_na else f"(not {missing} and {condition})"


def built_in_name(check: pa.Check) -> str:
    """The name of a check that is built into pandera, such as `in_range`; empty for other checks."""
    found = (_BUILT_IN.get(id(each)) for each in implementations(check_function(check)))
    return next((name for name in found if name), "")


def _constant(value: object, sql_type: SqlType) -> str | None:
    """The constant of a comparison as SQL; None where Python and SQL would compare differently."""
    if isinstance(value, np.generic):
        value = value.item()
    match value:
        case bool():
            return None
        case int() | float() if type(value) in (int, float) and sql_type in ("BIGINT", "DOUBLE"):
            exact = isinstance(value, float) or sql_type == "BIGINT" or abs(value) <= _EXACT
            if not exact or not abs(value) < 2**63:  # NaN and infinity, too
                return None
            return f"'{value!r}'::{'double' if isinstance(value, float) else sql_type}"
        case str() if type(value) is str and sql_type == "VARCHAR" and "\0" not in value:
            return literal(value)
        case datetime() if sql_type == "TIMESTAMP":
            time = pd.Timestamp(value)
            exact = time.tz is None and not pd.isna(time) and time.nanosecond == 0
            return f"timestamp {literal(time)}" if exact else None
        case date() if sql_type == "DATE" and not isinstance(value, datetime):
            return f"date {literal(value)}"
    return None


def _comparison(operator: str) -> Callable[..., str | None]:
    def build(name: str, sql_type: SqlType, **arguments: object) -> str | None:
        (value,) = arguments.values()
        constant = _constant(value, sql_type)
        if constant is None:
            return None
        # NumPy compares an integer with a fraction as doubles.
        side = f"{name}::double" if isinstance(value, float | np.floating) else name
        return f"{side} {operator} {constant}"

    return build


def _in_range(
    name: str,
    sql_type: SqlType,
    *,
    min_value: object,
    max_value: object,
    include_min: bool = True,
    include_max: bool = True,
) -> str | None:
    low = _comparison(">=" if include_min else ">")(name, sql_type, value=min_value)
    high = _comparison("<=" if include_max else "<")(name, sql_type, value=max_value)
    return None if low is None or high is None else f"({low} and {high})"


def _membership(operator: str, argument: str) -> Callable[..., str | None]:
    def build(name: str, sql_type: SqlType, **arguments: Any) -> str | None:
        values = arguments[argument]
        if isinstance(values, str) or not isinstance(values, Iterable) or sql_type in ("TIMESTAMP", "DATE"):
            return None
        constants = [
            None if sql_type == "BIGINT" and isinstance(value, float) else _constant(value, sql_type)
            for value in values
        ]
        known = [constant for constant in constants if constant is not None]
        return f"{name} {operator} ({', '.join(known)})" if known and len(known) == len(constants) else None

    return build


def _matches(anchor: str) -> Callable[..., str | None]:
    def build(name: str, sql_type: SqlType, *, pattern: str | re.Pattern[str]) -> str | None:
        if isinstance(pattern, re.Pattern) and pattern.flags == re.UNICODE:
            pattern = pattern.pattern
        if sql_type != "VARCHAR" or type(pattern) is not str or not _SHARED_SYNTAX.fullmatch(pattern):
            return None
        repeats = [int(number or 1) for number in re.findall(r"\{(?:\d+,)?(\d*)\}", pattern)]
        if np.prod([max(number, 1) for number in repeats]) > 500:  # RE2 rejects more than a thousand
            return None
        try:
            re.compile(pattern)
        except re.error:
            return None
        return f"regexp_matches({name}, {literal(f'{anchor}(?:{pattern})')})"

    return build


def _affix(function: str) -> Callable[..., str | None]:
    def build(name: str, sql_type: SqlType, *, string: object) -> str | None:
        if sql_type != "VARCHAR" or type(string) is not str or "\0" in string:
            return None
        return f"{function}({name}, {literal(string)})"

    return build


def _length(
    name: str, sql_type: SqlType, *, min_value: Any = None, max_value: Any = None, exact_value: Any = None
) -> str | None:
    wanted = {"=": exact_value} if exact_value is not None else {">=": min_value, "<=": max_value}
    bounds = {operator: value for operator, value in wanted.items() if value is not None}
    if sql_type != "VARCHAR" or not bounds or not all(type(value) is int for value in bounds.values()):
        return None
    return "(" + " and ".join(f"length({name}) {sign} {value}" for sign, value in bounds.items()) + ")"


_CONDITIONS: dict[str, Callable[..., str | None]] = {
    "equal_to": _comparison("="),
    "not_equal_to": _comparison("<>"),
    "greater_than": _comparison(">"),
    "greater_than_or_equal_to": _comparison(">="),
    "less_than": _comparison("<"),
    "less_than_or_equal_to": _comparison("<="),
    "in_range": _in_range,
    "isin": _membership("in", "allowed_values"),
    "notin": _membership("not in", "forbidden_values"),
    "str_matches": _matches("^"),
    "str_contains": _matches(""),
    "str_startswith": _affix("starts_with"),
    "str_endswith": _affix("ends_with"),
    "str_length": _length,
}
_BUILT_IN = {
    id(each): name
    for name in _CONDITIONS
    if pa.Check.is_builtin_check(name)
    for each in implementations(pa.Check.get_builtin_check_fn(name))
}
"""Names by the identity of the functions: a custom check may have the same name."""
