"""Checks of several columns as conditions on rows, from the operations that they apply to columns.

A check such as `~(frame["bedrooms"] > frame["rooms"])` is called once with stand-ins for the columns, which
record comparisons, arithmetic and logic. A check that does anything else has no condition.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, cast

import numpy as np
import pandera.pandas as pa
from numpy.typing import NDArray

from mlops_assets.compat.pandera import check_arguments, check_function
from mlops_assets.ml.contracts.columns import Column

_Value = Callable[[Sequence[Any]], Any]
_EXACT = 2**53


@dataclass(frozen=True)
class RowCondition:
    """A condition on several columns."""

    _evaluate: _Value

    def holds(self, values: Sequence[Any]) -> bool:
        """Whether the typed values of a row satisfy it; missing ones are None."""
        try:
            return self._evaluate(values) is True
        except ArithmeticError:  # NumPy returns an infinity or NaN
            return False

    def hold(self, columns: Sequence[NDArray], count: int) -> NDArray[np.bool_]:
        """Which rows satisfy it; missing doubles are NaN.

        NumPy computes as pandas does. With an integer that is not exact as a double, no row satisfies it.
        """
        try:
            with np.errstate(all="ignore"):
                return np.broadcast_to(np.asarray(self._evaluate(columns), dtype=bool), (count,))
        except ArithmeticError:
            return np.zeros(count, dtype=bool)


class _UnsupportedOperation(BaseException):
    """A check does more than operations on columns; a `BaseException`, which no check hides by accident."""


def row_condition(check: pa.Check, columns: Sequence[Column]) -> RowCondition | None:
    """A condition that is never true for a row that fails a check of the table; None if there is none.

    Parameters
    ----------
    columns
        The columns of a row, in the order of its values.
    """
    if check.element_wise or check.groupby is not None:
        return None
    frame = _Frame({column.name: (place, column) for place, column in enumerate(columns)})
    try:
        result = check_function(check)(frame, **check_arguments(check))
    except (_UnsupportedOperation, Exception):
        return None
    return RowCondition(result.value) if isinstance(result, _Logical) else None


@dataclass(frozen=True, eq=False)
class _Frame:
    _columns: Mapping[str, tuple[int, Column]]

    def __getitem__(self, name: object) -> "_Comparable":
        if not isinstance(name, str) or name not in self._columns:
            raise _UnsupportedOperation
        place, column = self._columns[name]
        if column.sql_type == "DOUBLE":
            return _Number(lambda values: nan if values[place] is None else values[place])
        if column.sql_type == "BIGINT" and not column.nullable:
            return _Comparable(lambda values: _exact(values[place]))
        raise _UnsupportedOperation  # the type of other columns depends on missing values

    def __getattr__(self, name: str) -> "_Comparable":
        return self[name]


def _exact(value: Any) -> Any:
    """An integer, or an array of them, that NumPy compares exactly, with doubles too."""
    if np.any(np.abs(value) > _EXACT) if isinstance(value, np.ndarray) else abs(value) > _EXACT:
        raise ArithmeticError
    return value


def _unsupported(*_: object) -> Any:
    raise _UnsupportedOperation


@dataclass(frozen=True, eq=False)
class _Expression:
    """A column, or what was computed from columns."""

    value: _Value

    __array_ufunc__ = None
    __bool__ = __len__ = __iter__ = __hash__ = _unsupported

    def __getattr__(self, name: str) -> Any:
        raise _UnsupportedOperation


def _binary(apply: Callable[[Any, Any], Any], kind: str, *, reflected: bool = False) -> Any:
    def method(left: _Expression, right: object) -> _Expression:
        needed, made = (_Comparable, _Logical) if kind == "logical" else (_Number, _Number)
        if isinstance(right, needed):
            other = right.value
        elif type(right) in (int, float) and abs(cast(float, right)) <= _EXACT:
            number = float(cast(float, right))

            def other(_: Sequence[Any]) -> Any:
                return number
        else:
            raise _UnsupportedOperation
        first, second = (other, left.value) if reflected else (left.value, other)
        return made(lambda values: apply(first(values), second(values)))

    return method


class _Comparable(_Expression):
    """A number that is compared, as integers are; their arithmetic differs between NumPy and Python."""

    __lt__ = _binary(operator.lt, "logical")
    __le__ = _binary(operator.le, "logical")
    __gt__ = _binary(operator.gt, "logical")
    __ge__ = _binary(operator.ge, "logical")
    __eq__ = _binary(operator.eq, "logical")
    __ne__ = _binary(operator.ne, "logical")
    __hash__ = _unsupported

    def isna(self) -> "_Logical":
        value = self.value
        return _Logical(lambda values: (found := value(values)) != found)

    def notna(self) -> "_Logical":
        value = self.value
        return _Logical(lambda values: (found := value(values)) == found)


class _Number(_Comparable):
    """A double."""

    __add__ = _binary(operator.add, "number")
    __radd__ = _binary(operator.add, "number", reflected=True)
    __sub__ = _binary(operator.sub, "number")
    __rsub__ = _binary(operator.sub, "number", reflected=True)
    __mul__ = _binary(operator.mul, "number")
    __rmul__ = _binary(operator.mul, "number", reflected=True)
    __truediv__ = _binary(operator.truediv, "number")
    __rtruediv__ = _binary(operator.truediv, "number", reflected=True)


class _Logical(_Expression):
    def __and__(self, other: object) -> "_Logical":
        return self._with(other, operator.and_)

    def __or__(self, other: object) -> "_Logical":
        return self._with(other, operator.or_)

    def __xor__(self, other: object) -> "_Logical":
        return self._with(other, operator.xor)

    def __invert__(self) -> "_Logical":
        value = self.value
        return _Logical(lambda values: value(values) ^ True)

    def _with(self, other: object, apply: Callable[[bool, bool], bool]) -> "_Logical":
        if not isinstance(other, _Logical):
            raise _UnsupportedOperation
        left, right = self.value, other.value
        return _Logical(lambda values: apply(left(values), right(values)))
