"""Rows of plain values as typed values, without SQL: the rows that certainly satisfy the contract."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.time_sql import UTC_ZONE
from mlops_assets.ml.scoring.compiled.contract.column_reader import ABSENT, ColumnReader, Values
from mlops_assets.ml.scoring.compiled.contract.conditions import Condition, condition_of
from mlops_assets.ml.scoring.compiled.contract.traced_checks import RowCondition, row_condition
from mlops_assets.ml.scoring.compiled.not_compiled import NotCompiledError

_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_EXACT = 2**53
_INT64 = 2**63
_Read = Callable[[Any], Any]
"""From a plain value to a typed one; None for what is unusual, which the reference reads."""


@dataclass(frozen=True)
class TypedRows:
    """The contract step for rows of plain values.

    Attributes
    ----------
    columns
        The columns of a row, in the order of the typed values.
    """

    columns: tuple[Column, ...]
    _readers: tuple[tuple[str, bool, bool, _Read, tuple[Callable[[Any], Any], ...]], ...]
    _many: tuple[ColumnReader, ...]
    _rows: tuple[RowCondition, ...]

    @classmethod
    def of(cls, contract: Contract, features: Contract | None = None) -> "TypedRows":
        """Compile the contracts of the input rows of a model.

        Raises
        ------
        NotCompiledError
            When a column or a check has no equivalent on plain values.
        """
        declared = {column.name: column for column in features.columns} if features else {}
        readers, many = [], []
        for column in contract.columns:
            further = declared.get(column.name, column)
            if further.sql_type != column.sql_type:
                raise NotCompiledError(f"the contract of features has another type for {column.name}")
            conditions = [*_conditions(contract, column)]
            if features and column.name in declared:
                conditions += _conditions(features, further)
            nullable = column.nullable and further.nullable
            read = _reader(column)
            single = tuple(each.holds for each in conditions)
            readers.append((column.name, nullable, column.required, read, single))
            many.append(ColumnReader(replace(column, nullable=nullable), read, tuple(conditions)))
        rows = []
        for one in (contract, features):
            for check in one.checks[1] if one else ():
                if (condition := row_condition(check, contract.columns)) is None:
                    raise NotCompiledError(f"the check {check.name or check.error} is not compiled")
                rows.append(condition)
        return cls(contract.columns, tuple(readers), tuple(many), tuple(rows))

    def read(self, row: Mapping[str, Any]) -> list[Any] | None:
        """The typed values of a row that satisfies the contract; None for a row that the reference must read.

        Values are None, `bool`, `int`, `float`, `str`, or a `datetime` in UTC without a zone.
        """
        values = []
        for name, nullable, required, read, conditions in self._readers:
            value = row.get(name)
            if value is None:
                if not nullable or (required and name not in row):
                    return None
            else:
                value = read(value)
                if value is None:
                    return None
                for condition in conditions:
                    if not condition(value):
                        return None
            values.append(value)
        return values if all(condition.holds(values) for condition in self._rows) else None

    def read_columns(
        self, columns: Mapping[str, Values], count: int
    ) -> tuple[list[NDArray], NDArray[np.bool_]]:
        """The typed values of many rows by column, and which rows satisfy the contract.

        The other rows must be read by the reference; their values have no meaning.

        Parameters
        ----------
        columns
            Plain values by column, with `ABSENT` where a row lacks one.
        """
        satisfied, found = np.ones(count, dtype=bool), []
        for reader in self._many:
            values, valid = reader.read(columns.get(reader.column.name, [ABSENT] * count))
            satisfied &= valid
            found.append(values)
        if self._rows:
            comparable = [reader.comparable(values) for reader, values in zip(self._many, found, strict=True)]
            for condition in self._rows:
                satisfied &= condition.hold(comparable, count)
        return found, satisfied


def _conditions(contract: Contract, column: Column) -> Sequence[Condition]:
    conditions = []
    for check in contract.checks[0][column.name]:
        if (condition := condition_of(check, column)) is None:
            name = check.name or check.error
            raise NotCompiledError(f"the check {name} of column {column.name} is not compiled")
        conditions.append(condition)
    return conditions


def _reader(column: Column) -> _Read:
    if column.sql_type in ("TIMESTAMP", "DATE") and (column.time_zone != UTC_ZONE or column.format):
        raise NotCompiledError(f"the times of column {column.name} have a format or a zone")
    return _READERS[column.sql_type]


def _double(value: Any) -> float | None:
    if type(value) is float:
        return value if value - value == 0 else None  # neither NaN nor infinite
    if type(value) is int and -_EXACT <= value <= _EXACT:
        return float(value)
    return None


def _integer(value: Any) -> int | None:
    if type(value) is int:
        return value if -_INT64 <= value < _INT64 else None
    if type(value) is float and -_EXACT < value < _EXACT and value.is_integer():
        return int(value)
    return None


def _boolean(value: Any) -> bool | None:
    return value if type(value) is bool else None


def _text(value: Any) -> str | None:
    if type(value) is not str or not value.isascii() or "\0" in value:
        return value if type(value) is str and _is_unicode(value) else None
    return value


def _is_unicode(text: str) -> bool:
    try:
        return "\0" not in text and bool(text.encode())
    except UnicodeEncodeError:
        return False


def _timestamp(value: Any) -> datetime | None:
    if type(value) is not str or not _ISO.fullmatch(value):
        return None
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is not None:
            found = found.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return found


def _date(value: Any) -> datetime | None:
    found = _timestamp(value)
    if found is None or found.hour or found.minute or found.second or found.microsecond:
        return None
    return found


_READERS: dict[str, _Read] = {
    "DOUBLE": _double,
    "BIGINT": _integer,
    "BOOLEAN": _boolean,
    "VARCHAR": _text,
    "TIMESTAMP": _timestamp,
    "DATE": _date,
}
