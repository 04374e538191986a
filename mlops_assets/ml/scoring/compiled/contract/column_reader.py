"""Columns of plain values as arrays of typed values: what `typed_rows` does for a row, for many at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.scoring.compiled.contract.conditions import Condition

_EXACT = 2**53


class _Absent:
    """The type of `ABSENT`."""


ABSENT = _Absent()
"""Stands for the value of a column that a row lacks."""
_MISSING = frozenset({type(None), _Absent})
Values: TypeAlias = Sequence[Any] | pa.Array
"""A column of plain values, or an Arrow array of numbers, booleans or texts, where NaN is missing, too."""


@dataclass(frozen=True)
class ColumnReader:
    """The typed values of one column.

    Attributes
    ----------
    column
        What is declared.
    read_value
        From a plain value to a typed one; None for what is unusual.
    conditions
        What typed values must satisfy.
    """

    column: Column
    read_value: Callable[[Any], Any]
    conditions: tuple[Condition, ...]

    def read(self, values: Values) -> tuple[NDArray, NDArray[np.bool_]]:
        """The typed values and whether each of them is known to be valid.

        Doubles are float64 with NaN for missing values; other types are objects with None for them.
        """
        if isinstance(values, pa.Array):
            if self.column.sql_type == "DOUBLE" and _is_number(values.type):
                found = values.to_numpy(zero_copy_only=False)
                is_exact = True if found.dtype.kind == "f" else np.abs(found) <= _EXACT
                found = found.astype(np.float64)
                missing = np.isnan(found)
                if values.null_count and pa.types.is_integer(values.type):
                    is_exact = missing | (np.abs(found) <= _EXACT)
                return self._checked(found, missing, is_exact & ~np.isinf(found))
            values = _without_nan(values.to_pylist())
        kinds = frozenset(map(type, values))
        missing = _places_of_missing(values) if kinds & _MISSING else np.zeros(len(values), dtype=bool)
        valid = np.ones(len(values), dtype=bool)
        if _Absent in kinds:
            absent = np.array([value is ABSENT for value in values])
            valid = ~absent if self.column.required else valid
            values = [None if value is ABSENT else value for value in values]
        if self.column.sql_type != "DOUBLE":
            return self._objects(values, missing, valid)
        return self._doubles(values, kinds - _MISSING, missing, valid)

    def comparable(self, values: NDArray) -> NDArray:
        """The values as checks of several columns compare them; integers that are missing are 0."""
        if self.column.sql_type != "BIGINT":
            return values
        return np.array([0 if value is None else value for value in values.tolist()], dtype=np.int64)

    def _doubles(
        self, values: Sequence[Any], kinds: frozenset[type], missing: NDArray, valid: NDArray
    ) -> tuple[NDArray, NDArray[np.bool_]]:
        if kinds <= {float, int}:
            try:
                found = np.array(values, dtype=np.float64)  # None is NaN
            except OverflowError:
                pass
            else:
                finite = np.isfinite(found) | missing
                exact = np.abs(found) <= _EXACT if int in kinds else True
                return self._checked(found, missing, valid & finite & (exact | missing))
        typed = [None if value is None else self.read_value(value) for value in values]
        found = np.array(typed, dtype=np.float64)
        return self._checked(found, missing, valid & (missing | ~np.isnan(found)))

    def _objects(
        self, values: Sequence[Any], missing: NDArray, valid: NDArray
    ) -> tuple[NDArray, NDArray[np.bool_]]:
        """Values of which many are equal, such as categories, are read once."""
        typed, known = [], dict[tuple[type, Any], Any]()
        for value in values:
            key = type(value), value
            if value is None or type(value) in (list, dict):
                found = None
            elif (found := known.get(key, ABSENT)) is ABSENT:
                found = known[key] = self._valid_value(value)
            typed.append(found)
        array = np.empty(len(typed), dtype=object)
        array[:] = typed
        is_valid = np.array([value is not None for value in typed], dtype=bool) | missing
        return array, valid & is_valid & self._allowed(missing)

    def _valid_value(self, value: Any) -> Any:
        """The typed value; None if it is unusual or violates a condition."""
        found = self.read_value(value)
        if found is None or not all(condition.holds(found) for condition in self.conditions):
            return None
        return found

    def _checked(self, found: NDArray, missing: NDArray, valid: NDArray) -> tuple[NDArray, NDArray[np.bool_]]:
        valid = valid & self._allowed(missing)
        for condition in self.conditions:
            if condition.elementwise:
                valid &= condition.holds(found) | missing
            else:
                holds = [bool(condition.holds(value)) for value in found.tolist()]
                valid &= np.array(holds, dtype=bool) | missing
        return found, valid

    def _allowed(self, missing: NDArray) -> NDArray:
        return np.ones(len(missing), dtype=bool) if self.column.nullable else ~missing


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_float32(kind) or pa.types.is_float64(kind))


def _without_nan(values: Sequence[Any]) -> Sequence[Any]:
    return [None if value != value else value for value in values]


def _places_of_missing(values: Sequence[Any]) -> NDArray[np.bool_]:
    return np.array([value is None or value is ABSENT for value in values], dtype=bool)
