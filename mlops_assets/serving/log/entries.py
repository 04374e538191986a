"""Logged requests as Arrow tables: their rows, what was answered, and who answered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa

from mlops_assets.core.digests import keyed_digest
from mlops_assets.core.names import SOURCE_ROW
from mlops_assets.ml.contracts.columns import SqlType
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.stores.prediction_log import columns as log

Rows = Sequence[Mapping[str, Any]] | pa.RecordBatch | pa.Table
"""Rows of a request or answer, as the service has them."""

_ARROW: dict[SqlType, pa.DataType] = {
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
    "DATE": pa.date32(),
    "VARCHAR": pa.string(),
}
_PYTHON: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
}


class Entry(NamedTuple):
    """A request that was answered.

    Attributes
    ----------
    at
        When it was answered, in seconds since 1970.
    rows
        Its rows, with those that were rejected.
    outputs
        The answers; with the column `_row` the positions of their rows, else all rows in their order.
    as_of
        When the online features were computed, in seconds since 1970; None for rows that were sent whole.
    """

    request_id: str
    at: float
    role: str
    route: str
    latency_ms: float | None
    as_of: float | None
    rows: Rows
    outputs: Rows


@dataclass(frozen=True)
class LoggedColumns:
    """The columns of the rows of one version.

    Attributes
    ----------
    inputs, outputs
        Types by name.
    names
        The names of the inputs in the log.
    hashed
        Inputs whose values are replaced by keyed digests.
    """

    inputs: Mapping[str, pa.DataType]
    outputs: Mapping[str, pa.DataType]
    names: Mapping[str, str]
    hashed: frozenset[str]

    @classmethod
    def of(
        cls,
        contract: Contract,
        spec: ModelSpec,
        entity: Sequence[str],
        sensitive: frozenset[str],
        *,
        hashes: bool,
    ) -> "LoggedColumns":
        """The columns that a version reads and returns, with those of the entity.

        Parameters
        ----------
        hashes
            Log digests of the sensitive columns; otherwise they are left out.
        """
        inputs = dict.fromkeys(entity, pa.string())
        inputs |= {column.name: _ARROW[column.sql_type] for column in contract.columns}
        hidden = frozenset(name for name in inputs if name in sensitive) | {
            column.name for column in contract.columns if column.sensitive
        }
        kept = {
            name: pa.string() if name in hidden else kind
            for name, kind in inputs.items()
            if hashes or name not in hidden
        }
        outputs = {name: _PYTHON[kind] for name, kind in spec.output_types().items()}
        names = log.input_names(list(kept), list(outputs))
        return cls(kept, outputs, names, hidden & kept.keys())

    def table(self, version: int, entries: Sequence[Entry], key: bytes) -> pa.Table:
        """The rows of entries.

        Parameters
        ----------
        key
            The secret key of digests; not used without hashed columns.
        """
        positions = [_positions(entry) for entry in entries]
        columns = _describing(version, entries, positions)
        for name, kind in self.inputs.items():
            convert = partial(_digests, key=key) if name in self.hashed else partial(_typed, kind=kind)
            parts = [
                _column(entry.rows, name, convert, chosen)
                for entry, chosen in zip(entries, positions, strict=True)
            ]
            columns[self.names[name]] = _joined(parts, kind)
        for name, kind in self.outputs.items():
            convert = partial(_typed, kind=kind)
            columns[name] = _joined([_column(entry.outputs, name, convert) for entry in entries], kind)
        return pa.table(columns)


_Part = list[Any] | pa.ChunkedArray | pa.Array


def _describing(
    version: int, entries: Sequence[Entry], positions: Sequence[Sequence[int]]
) -> dict[str, pa.Array]:
    each = list(zip(entries, positions, strict=True))

    def spread(value: Callable[[Entry], Any]) -> list[Any]:
        return [found for entry, rows in each for found in [value(entry)] * len(rows)]

    values = {
        log.REQUEST_ID: spread(lambda entry: entry.request_id),
        log.ROW: [row for rows in positions for row in rows],
        log.REQUESTED_AT: spread(lambda entry: int(entry.at * 1e6)),
        log.VERSION: spread(lambda _: version),
        log.ROLE: spread(lambda entry: entry.role),
        log.ROUTE: spread(lambda entry: entry.route),
        log.FEATURES_AS_OF: spread(lambda entry: None if entry.as_of is None else int(entry.as_of * 1e6)),
        log.LATENCY_MS: spread(lambda entry: entry.latency_ms),
    }
    return {name: pa.array(values[name], kind) for name, kind in log.DESCRIBING.items()}


def _positions(entry: Entry) -> Sequence[int]:
    """The positions in a request of the rows that were answered."""
    outputs = entry.outputs
    if isinstance(outputs, pa.RecordBatch | pa.Table):
        if SOURCE_ROW in outputs.schema.names:
            found: list[int] = outputs.column(SOURCE_ROW).to_pylist()
            return found
        return range(outputs.num_rows)
    if outputs and SOURCE_ROW in outputs[0]:
        return [row[SOURCE_ROW] for row in outputs]
    return range(len(outputs))


def _column(
    rows: Rows, name: str, convert: "Callable[[list[Any] | pa.Array], _Part]", chosen: Sequence[int] | None = None
) -> _Part:
    """A column of rows, of those in some positions; nulls if it is missing."""
    if isinstance(rows, pa.RecordBatch | pa.Table):
        count = rows.num_rows if chosen is None else len(chosen)
        if name not in rows.schema.names:
            return [None] * count
        column = rows.column(name)
        if chosen is not None and count != rows.num_rows:
            column = column.take(pa.array(chosen, pa.int64()))
        return convert(column)
    picked = rows if chosen is None or len(chosen) == len(rows) else [rows[place] for place in chosen]
    return convert([row.get(name) for row in picked])


def _joined(parts: Sequence[_Part], kind: pa.DataType) -> pa.ChunkedArray:
    chunks: list[pa.Array] = []
    values: list[Any] = []
    for part in parts:
        if isinstance(part, list):
            values += part
            continue
        if values:
            chunks.append(_array(values, kind))
            values = []
        chunks += part.chunks if isinstance(part, pa.ChunkedArray) else [part]
    if values:
        chunks.append(_array(values, kind))
    return pa.chunked_array(chunks, kind)


def _typed(values: "list[Any] | pa.Array", *, kind: pa.DataType) -> _Part:
    """Values as they are sent; those of Arrow are cast here, as they have a type of their own."""
    if isinstance(values, list):
        return values
    try:
        return values.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return values.to_pylist()


def _digests(values: "list[Any] | pa.Array", *, key: bytes) -> _Part:
    found = values if isinstance(values, list) else values.to_pylist()
    return [None if value is None else keyed_digest(key, str(value)) for value in found]


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Values of requests as an array; the rare ones of another type are cast one by one."""
    try:
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([_cast(value, kind) for value in values], kind)


def _cast(value: Any, kind: pa.DataType) -> Any:
    """A value as the contract reads it, such as a number in a text; null if it has no such value."""
    if value is None:
        return None
    try:
        return pa.scalar(value).cast(kind).as_py()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return str(value) if pa.types.is_string(kind) else None
