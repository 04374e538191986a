"""Rows of a request: records, columns of values, or an Arrow batch."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import pyarrow as pa


class RequestRows(Protocol):
    """The rows of a request.

    Attributes
    ----------
    count
        Number of rows.
    """

    @property
    def count(self) -> int: ...

    @property
    def fields(self) -> frozenset[str]:
        """The names of the fields that any row has."""

    def records(self) -> Sequence[Mapping[str, Any]]:
        """The rows as records."""

    def value(self, row: int, field: str) -> object:
        """The value of a field as it was sent; None without one."""


class Records:
    """Rows of a JSON array of objects."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows, self.count = rows, len(rows)

    @cached_property
    def fields(self) -> frozenset[str]:
        return frozenset().union(*self._rows)

    def records(self) -> Sequence[Mapping[str, Any]]:
        return self._rows

    def value(self, row: int, field: str) -> object:
        return self._rows[row].get(field)


class Columns:
    """Rows of columns of values, as of JSON or CSV; all have the same length."""

    def __init__(self, values: Mapping[str, Sequence[Any]], count: int) -> None:
        self._values, self.count = values, count

    @cached_property
    def fields(self) -> frozenset[str]:
        return frozenset(self._values)

    def records(self) -> Sequence[Mapping[str, Any]]:
        if not self._values:
            return [{}] * self.count
        return [dict(zip(self._values, row, strict=True)) for row in zip(*self._values.values(), strict=True)]

    def value(self, row: int, field: str) -> object:
        return self._values[field][row] if field in self._values else None


class ArrowRows:
    """Rows of an Arrow batch, whose types the contract casts."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.batch, self.count = batch, batch.num_rows

    @cached_property
    def fields(self) -> frozenset[str]:
        return frozenset(self.batch.schema.names)

    def records(self) -> Sequence[Mapping[str, Any]]:
        rows: list[dict[str, Any]] = self.batch.to_pylist()
        return rows

    def value(self, row: int, field: str) -> object:
        return self.batch.column(field)[row].as_py() if field in self.fields else None
