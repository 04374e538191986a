"""Rows of features as bytes, from which every value is read back exactly.

A row is a MessagePack array: the place of its partition in the snapshot, then a value for each column.
Doubles have their 64 bits, also NaN and -0.0, which a column of SQLite would change. Dates are days and
timestamps microseconds since 1970, decimals are texts.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_assets.core.errors import DataError, StoreError
from mlops_assets.stores.online.base import Item, OnlineColumn, Snapshot

if TYPE_CHECKING:
    import pyarrow as pa

_INTEGERS = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64}
_AS_THEY_ARE = {*_INTEGERS, "BOOLEAN", "FLOAT", "DOUBLE", "VARCHAR"}
_DIGITS = re.compile(r"-?[0-9]{1,19}")
_DAY_ZERO, _EPOCH = date(1970, 1, 1), datetime(1970, 1, 1)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


class EntityError(ValueError):
    """A value that can't identify an entity; the message does not quote it."""


def require_storable(columns: Iterable[OnlineColumn], *, subject: str) -> None:
    """Check that the values of columns can be stored.

    Raises
    ------
    DataError
        For a column with another type, such as a list.
    """
    for column in columns:
        if not (column.type in _AS_THEY_ARE or column.type in _READERS or _is_decimal(column.type)):
            raise DataError(
                f"{subject}: column {column.name} has type {column.type}, which online features can't have",
                hint="cast it in features.sql to BIGINT, DOUBLE, VARCHAR, BOOLEAN, DATE or TIMESTAMP",
            )


def encode_batch(batch: "pa.RecordBatch", entity: int) -> list[Item]:
    """Encode rows.

    Parameters
    ----------
    batch
        The place of the partition, the columns of the entity, and the features.
    entity
        The number of columns of the entity.
    """
    columns = [_python_values(column) for column in batch.columns]
    keys = map(_encode, zip(*columns[1 : entity + 1], strict=True))
    rows = map(_encode, zip(columns[0], *columns[entity + 1 :], strict=True))
    return list(zip(keys, rows, strict=True))


def encode_entity(values: Mapping[str, object], columns: Sequence[OnlineColumn]) -> bytes:
    """Encode the key of an entity, whose values may be texts or of the columns' types.

    Raises
    ------
    EntityError
        When a value is missing or has another type.
    """
    try:
        return _encode([_entity_value(values.get(column.name), column) for column in columns])
    except UnicodeEncodeError:
        raise EntityError("a text is not valid Unicode") from None


class RowDecoder:
    """Reads the rows of a snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.names = tuple(column.name for column in snapshot.features)
        self._readers = _readers(snapshot.features, first=1)
        self._entity_readers = _readers(snapshot.entity)

    def row(self, encoded: bytes) -> tuple[tuple[str, datetime], list[Any]]:
        """The partition of a row with its timestamp, and the values of the features in their order.

        Raises
        ------
        StoreError
            When the bytes are damaged.
        """
        try:
            values = _decode(encoded)
            for place, read in self._readers:
                if values[place] is not None:
                    values[place] = read(values[place])
            partition = self.snapshot.partitions[values.pop(0)]
        except (msgspec.DecodeError, IndexError, TypeError, ValueError, OverflowError) as error:
            raise self._damaged() from error
        if len(values) != len(self.names):
            raise self._damaged()
        return partition, values

    def entity(self, key: bytes) -> list[Any]:
        """The values of an entity."""
        values = _decode(key)
        for place, read in self._entity_readers:
            values[place] = read(values[place])
        return values

    def _damaged(self) -> StoreError:
        return StoreError(
            f"{self.snapshot.project}: a row of the online features is damaged",
            hint=f"write them again: materialize {self.snapshot.project}/features_online",
        )


def _readers(columns: Sequence[OnlineColumn], first: int = 0) -> list[tuple[int, Callable[[Any], Any]]]:
    return [
        (place, Decimal if _is_decimal(column.type) else _READERS[column.type])
        for place, column in enumerate(columns, first)
        if column.type not in _AS_THEY_ARE
    ]


def _python_values(column: "pa.Array") -> Iterable[Any]:
    """The values of a column as integers, floats, texts and booleans, fast where no value is null."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    elif pa.types.is_date32(kind):
        column = column.cast(pa.int32())
    elif pa.types.is_decimal(kind):
        column = column.cast(pa.string())
    if column.null_count == 0 and (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        values: Iterable[Any] = column.to_numpy().tolist()
        return values
    found: list[Any] = column.to_pylist()
    return found


def _is_decimal(kind: str) -> bool:
    return kind.startswith("DECIMAL(")


def _read_date(days: int) -> date:
    return _DAY_ZERO + timedelta(days=days)


def _read_timestamp(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


_READERS: Mapping[str, Callable[[Any], Any]] = {"DATE": _read_date, "TIMESTAMP": _read_timestamp}


def _entity_value(value: object, column: OnlineColumn) -> Any:
    """The value of a key as it is stored."""
    if value is None:
        raise EntityError(f"{column.name} is missing")
    name, kind = column
    match kind:
        case "VARCHAR" if isinstance(value, str):
            return value
        case "BOOLEAN" if isinstance(value, bool):
            return value
        case "DATE":
            return (_date(value, name) - _DAY_ZERO).days
        case "TIMESTAMP":
            return (_timestamp(value, name) - _EPOCH) // timedelta(microseconds=1)
    if kind in _INTEGERS:
        return _integer(value, name, _INTEGERS[kind])
    if kind in ("FLOAT", "DOUBLE") and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if _is_decimal(kind) and isinstance(value, str | Decimal):
        return str(value)
    raise EntityError(f"{name} must be a {kind}, and is a {_json_type(value)}")


def _integer(value: object, name: str, bits: int) -> int:
    match value:
        case bool():
            number = None
        case int():
            number = value
        case float() if value.is_integer():
            number = int(value)
        case str() if _DIGITS.fullmatch(value):
            number = int(value)
        case _:
            number = None
    if number is None:
        raise EntityError(f"{name} must be an integer, and is a {_json_type(value)}")
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise EntityError(f"{name} is out of range of an integer of {bits} bits")
    return number


def _date(value: object, name: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise EntityError(f"{name} must be a date such as 2025-03-31") from None


def _timestamp(value: object, name: str) -> datetime:
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise EntityError(f"{name} must be a timestamp such as 2025-03-31T12:00:00") from None


def _json_type(value: object) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
    return type(value).__name__


def encoded_batches(batches: Iterable["pa.RecordBatch"], entity: int) -> Iterator[list[Item]]:
    """Encode batches one by one, see `encode_batch`."""
    return (encode_batch(batch, entity) for batch in batches)
