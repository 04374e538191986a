"""Logged requests as Arrow tables: their rows, what was answered, and who answered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, Protocol, TypeAlias

import pyarrow as pa

from mlops_assets.core.digests import keyed_digest
from mlops_assets.core.names import SOURCE_ROW
from mlops_assets.ml.contracts.columns import Column, SqlType
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.time_sql import UTC_ZONE
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.scoring.plain_rows import written_texts
from mlops_assets.serving.log.key_digests import KeyDigests
from mlops_assets.stores.prediction_log import columns as log


class SentRows(Protocol):
    """Rows of a request that become records when they are asked for."""

    @property
    def count(self) -> int: ...

    def records(self) -> Sequence[Mapping[str, Any]]: ...


class GivenAnswers(Protocol):
    """Answers that become records when they are asked for."""

    @property
    def by_position(self) -> Sequence[Mapping[str, Any] | None]: ...


Rows: TypeAlias = Sequence[Mapping[str, Any]] | pa.RecordBatch | pa.Table | SentRows
"""Rows of a request, as the service has them."""
Answers: TypeAlias = Sequence[Mapping[str, Any] | None] | pa.RecordBatch | pa.Table | GivenAnswers
"""The answers to rows: None for a row that was rejected; a table has the positions of its rows in `_row`."""

_ARROW: dict[SqlType, pa.DataType] = {
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
    "DATE": pa.date32(),
    "VARCHAR": pa.string(),
}
_DESCRIBING: dict[str, pa.DataType] = {
    log.REQUEST_ID: pa.string(),
    log.ROW: pa.int64(),
    log.REQUESTED_AT: pa.timestamp("us", "UTC"),
    log.VERSION: pa.int64(),
    log.ROLE: pa.string(),
    log.ROUTE: pa.string(),
    log.FEATURES_AS_OF: pa.timestamp("us", "UTC"),
    log.LATENCY_MS: pa.float64(),
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
    outputs: Answers


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
    typed
        Those of them that the contract casts before.
    written
        Numbers and times that are logged as texts, because only the contract can read them.
    """

    inputs: Mapping[str, pa.DataType]
    outputs: Mapping[str, pa.DataType]
    names: Mapping[str, str]
    hashed: frozenset[str]
    typed: KeyDigests
    written: Mapping[str, Column]

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
        inputs |= {column.name: _logged_type(column) for column in contract.columns}
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
        hashed = hidden & kept.keys()
        typed = KeyDigests([column for column in contract.columns if column.name in hashed])
        visible = (column for column in contract.columns if column.name not in hidden)
        written = {
            column.name: column
            for column in visible
            if column.sql_type != "VARCHAR" and _logged_type(column) == pa.string()
        }
        return cls(kept, outputs, names, hashed, typed, written)

    def table(self, version: int, entries: Sequence[Entry], key: bytes) -> pa.Table:
        """The rows of entries.

        Parameters
        ----------
        key
            The secret key of digests; not used without hashed columns.
        """
        answered = [_Answered.of(entry) for entry in entries]
        records, tables = list[_Answered](), list[_Answered]()
        for one in answered:
            (records if one.has_records else tables).append(one)
        parts = [*([records] if records else []), *([one] for one in tables)]
        return pa.concat_tables([self._table(version, several, key) for several in parts])

    def _table(self, version: int, answered: "Sequence[_Answered]", key: bytes) -> pa.Table:
        """The rows of several requests of records, or of one with a table."""
        columns = _describing(version, answered)
        rows, outputs = (_together([getattr(one, name) for one in answered]) for name in ("rows", "outputs"))
        digests = self.typed.of(rows, key)
        for name, kind in self.inputs.items():
            values = digests[name] if name in digests else self._values(rows, name, key)
            columns[self.names[name]] = _array(values, kind)
        for name, kind in self.outputs.items():
            columns[name] = _array(_values(outputs, name), kind)
        return pa.table(columns)

    def _values(self, rows: Any, name: str, key: bytes) -> "list[Any] | pa.Array":
        """The values of an input as they are logged."""
        values = _values(rows, name)
        if name not in self.hashed and name not in self.written:
            return values
        found = values if isinstance(values, list) else values.to_pylist()
        if name in self.written:
            return written_texts(found, self.written[name])
        return [None if value is None else keyed_digest(key, str(value)) for value in found]


@dataclass(frozen=True, eq=False)
class _Answered:
    """A request with the rows that were answered: both as records, or as tables."""

    entry: Entry
    positions: Sequence[int]
    rows: "list[Mapping[str, Any]] | pa.RecordBatch | pa.Table"
    outputs: "list[Mapping[str, Any]] | pa.RecordBatch | pa.Table"

    @property
    def has_records(self) -> bool:
        return isinstance(self.rows, list) and isinstance(self.outputs, list)

    @classmethod
    def of(cls, entry: Entry) -> "_Answered":
        outputs = entry.outputs
        if isinstance(outputs, pa.RecordBatch | pa.Table):
            positions = (
                outputs.column(SOURCE_ROW).to_pylist()
                if SOURCE_ROW in outputs.schema.names
                else range(outputs.num_rows)
            )
            return cls(entry, positions, _chosen(entry.rows, positions), outputs)
        given = outputs if isinstance(outputs, Sequence) else outputs.by_position
        found = {place: row for place, row in enumerate(given) if row is not None}
        return cls(entry, list(found), _chosen(entry.rows, list(found)), list(found.values()))


def _chosen(rows: Rows, positions: Sequence[int]) -> "list[Mapping[str, Any]] | pa.RecordBatch | pa.Table":
    if isinstance(rows, pa.RecordBatch | pa.Table):
        return rows if len(positions) == rows.num_rows else rows.take(pa.array(positions, pa.int64()))
    records = rows if isinstance(rows, Sequence) else rows.records()
    return list(records) if len(positions) == len(records) else [records[place] for place in positions]


def _together(parts: Sequence[Any]) -> Any:
    """The records of several requests, or the table of one."""
    return parts[0] if len(parts) == 1 else [row for part in parts for row in part]


def _logged_type(column: Column) -> pa.DataType:
    """The type of the column; values whose text only the contract can read are logged as they were sent."""
    is_plain = not column.has_format and not column.has_marks and column.time_zone == UTC_ZONE
    return _ARROW[column.sql_type] if is_plain else pa.string()


def _describing(version: int, answered: Sequence[_Answered]) -> dict[str, pa.Array]:
    def spread(value: Callable[[Entry], Any]) -> list[Any]:
        return [found for one in answered for found in [value(one.entry)] * len(one.positions)]

    values = {
        log.REQUEST_ID: spread(lambda entry: entry.request_id),
        log.ROW: [row for one in answered for row in one.positions],
        log.REQUESTED_AT: spread(lambda entry: int(entry.at * 1e6)),
        log.VERSION: spread(lambda _: version),
        log.ROLE: spread(lambda entry: entry.role),
        log.ROUTE: spread(lambda entry: entry.route),
        log.FEATURES_AS_OF: spread(lambda entry: None if entry.as_of is None else int(entry.as_of * 1e6)),
        log.LATENCY_MS: spread(lambda entry: entry.latency_ms),
    }
    return {name: pa.array(values[name], kind) for name, kind in _DESCRIBING.items()}


def _values(rows: "list[Mapping[str, Any]] | pa.RecordBatch | pa.Table", name: str) -> "list[Any] | pa.Array":
    if isinstance(rows, list):
        return [row.get(name) for row in rows]
    if name not in rows.schema.names:
        return [None] * rows.num_rows
    column = rows.column(name)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _array(values: "list[Any] | pa.Array", kind: pa.DataType) -> pa.Array:
    """Values of requests as an array; those of another type, such as times in JSON, are cast."""
    try:
        return pa.array(values, kind) if isinstance(values, list) else values.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        found = values if isinstance(values, list) else values.to_pylist()
        return pa.array([_cast(value, kind) for value in found], kind)


def _cast(value: Any, kind: pa.DataType) -> Any:
    """A value that is valid, but written as another type, such as a number or a time in a text."""
    if value is None:
        return None
    if pa.types.is_string(kind):
        return value if isinstance(value, str) else str(value)
    if isinstance(value, str) and pa.types.is_temporal(kind):
        return _time(value, kind)
    try:
        return pa.scalar(value.strip() if isinstance(value, str) else value).cast(kind).as_py()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return None


def _time(text: str, kind: pa.DataType) -> date | None:
    """A date or time in UTC."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    found = found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    return found.date() if pa.types.is_date(kind) else found
