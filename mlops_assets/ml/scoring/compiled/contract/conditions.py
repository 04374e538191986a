"""Checks of one column as conditions on typed values."""

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandera.pandas as pa

from mlops_assets.compat.pandera import check_arguments
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.contracts.screening.check_sql import built_in_name, check_sql

_EXACT = 2**53
_Holds = Callable[[Any], Any]


@dataclass(frozen=True)
class Condition:
    """A condition on values that are not missing.

    Attributes
    ----------
    holds
        Whether a value satisfies it; of an array the same for each of its values, if it is elementwise.
    elementwise
        Whether NumPy has the same results for an array of the column.
    """

    holds: _Holds
    elementwise: bool = False


def condition_of(check: pa.Check, column: Column) -> Condition | None:
    """A condition that is never true for a value that fails the check; None if there is none.

    It receives typed values that are not missing. A missing value satisfies the check if the check ignores
    missing values, which it does by default; other checks have no condition.
    """
    name = built_in_name(check)
    build = _BUILDERS.get(name)
    if build is None or check.element_wise or check.groupby is not None or not check.ignore_na:
        return None
    if check_sql(check, column) is None:  # Python and NumPy may compare the constant differently
        return None
    arguments = check_arguments(check)
    if column.sql_type != "DOUBLE":
        return Condition(build(**arguments))
    # Doubles are compared with doubles: an integer that is not exact is left to single values.
    limits = {key: _as_double(value) for key, value in arguments.items()}
    elementwise = name in _COMPARISONS and None not in limits.values()
    return Condition(build(**(limits if elementwise else arguments)), elementwise)


def _as_double(constant: Any) -> Any:
    """A number as a double, and a boolean as it is; None for what is not exact as a double."""
    value = _plain(constant)
    if type(value) is bool or type(value) is float:
        return value
    return float(value) if type(value) is int and abs(value) <= _EXACT else None


def _comparison(compare: Callable[[Any, Any], Any]) -> Callable[..., _Holds]:
    def build(**arguments: Any) -> _Holds:
        (constant,) = arguments.values()
        limit = _plain(constant)
        if isinstance(limit, float):  # NumPy compares an integer with a fraction as doubles
            return lambda value: compare(_double(value), limit)
        return lambda value: compare(value, limit)

    return build


def _double(value: Any) -> Any:
    return float(value) if type(value) is int else value


def _in_range(
    *, min_value: Any, max_value: Any, include_min: bool = True, include_max: bool = True
) -> _Holds:
    above = _comparison(operator.ge if include_min else operator.gt)(value=min_value)
    below = _comparison(operator.le if include_max else operator.lt)(value=max_value)
    return lambda value: above(value) & below(value)


def _membership(argument: str, *, inside: bool) -> Callable[..., _Holds]:
    def build(**arguments: Iterable[Any]) -> _Holds:
        values = frozenset(map(_plain, arguments[argument]))
        return lambda value: (value in values) is inside

    return build


def _pattern(*, at_start: bool) -> Callable[..., _Holds]:
    def build(*, pattern: str | re.Pattern[str]) -> _Holds:
        compiled = re.compile(pattern)
        find = compiled.match if at_start else compiled.search
        return lambda value: find(value) is not None

    return build


def _length(*, min_value: Any = None, max_value: Any = None, exact_value: Any = None) -> _Holds:
    if exact_value is not None:
        return lambda value: len(value) == exact_value
    low, high = (0 if min_value is None else min_value), (np.inf if max_value is None else max_value)
    return lambda value: low <= len(value) <= high


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


_COMPARISONS: dict[str, Callable[..., _Holds]] = {
    "equal_to": _comparison(operator.eq),
    "not_equal_to": _comparison(operator.ne),
    "greater_than": _comparison(operator.gt),
    "greater_than_or_equal_to": _comparison(operator.ge),
    "less_than": _comparison(operator.lt),
    "less_than_or_equal_to": _comparison(operator.le),
    "in_range": _in_range,
}
_BUILDERS: dict[str, Callable[..., _Holds]] = {
    **_COMPARISONS,
    "isin": _membership("allowed_values", inside=True),
    "notin": _membership("forbidden_values", inside=False),
    "str_matches": _pattern(at_start=True),
    "str_contains": _pattern(at_start=False),
    "str_startswith": lambda string: lambda value: value.startswith(string),
    "str_endswith": lambda string: lambda value: value.endswith(string),
    "str_length": _length,
}
