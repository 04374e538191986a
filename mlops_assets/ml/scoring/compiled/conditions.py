"""Checks of one column as conditions on a single typed value."""

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandera.pandas as pa

from mlops_assets.compat.pandera import check_arguments
from mlops_assets.ml.contracts.check_sql import built_in_name, check_sql
from mlops_assets.ml.contracts.columns import Column

Condition = Callable[[Any], bool]


def condition_of(check: pa.Check, column: Column) -> Condition | None:
    """A condition that is never true for a value that fails the check; None if there is none.

    It receives typed values that are not missing. A missing value satisfies the check if the check ignores
    missing values, which it does by default; other checks have no condition.
    """
    build = _BUILDERS.get(built_in_name(check))
    if build is None or check.element_wise or check.groupby is not None or not check.ignore_na:
        return None
    if check_sql(check, column) is None:  # Python and NumPy may compare the constant differently
        return None
    return build(**check_arguments(check))


def _comparison(compare: Callable[[Any, Any], bool]) -> Callable[..., Condition]:
    def build(**arguments: Any) -> Condition:
        (constant,) = arguments.values()
        limit = _plain(constant)
        if isinstance(limit, float):  # NumPy compares an integer with a fraction as doubles
            return lambda value: compare(float(value), limit)
        return lambda value: compare(value, limit)

    return build


def _in_range(
    *, min_value: Any, max_value: Any, include_min: bool = True, include_max: bool = True
) -> Condition:
    above = _comparison(operator.ge if include_min else operator.gt)(value=min_value)
    below = _comparison(operator.le if include_max else operator.lt)(value=max_value)
    return lambda value: above(value) and below(value)


def _membership(argument: str, *, inside: bool) -> Callable[..., Condition]:
    def build(**arguments: Iterable[Any]) -> Condition:
        values = frozenset(map(_plain, arguments[argument]))
        return lambda value: (value in values) is inside

    return build


def _pattern(*, at_start: bool) -> Callable[..., Condition]:
    def build(*, pattern: str | re.Pattern[str]) -> Condition:
        compiled = re.compile(pattern)
        find = compiled.match if at_start else compiled.search
        return lambda value: find(value) is not None

    return build


def _length(*, min_value: Any = None, max_value: Any = None, exact_value: Any = None) -> Condition:
    if exact_value is not None:
        return lambda value: len(value) == exact_value
    low, high = (0 if min_value is None else min_value), (np.inf if max_value is None else max_value)
    return lambda value: low <= len(value) <= high


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


_BUILDERS: dict[str, Callable[..., Condition]] = {
    "equal_to": _comparison(operator.eq),
    "not_equal_to": _comparison(operator.ne),
    "greater_than": _comparison(operator.gt),
    "greater_than_or_equal_to": _comparison(operator.ge),
    "less_than": _comparison(operator.lt),
    "less_than_or_equal_to": _comparison(operator.le),
    "in_range": _in_range,
    "isin": _membership("allowed_values", inside=True),
    "notin": _membership("forbidden_values", inside=False),
    "str_matches": _pattern(at_start=True),
    "str_contains": _pattern(at_start=False),
    "str_startswith": lambda string: lambda value: value.startswith(string),
    "str_endswith": lambda string: lambda value: value.endswith(string),
    "str_length": _length,
}
