"""Rows of an online store, compared with those of the table."""

import struct
from collections.abc import Sequence
from typing import Any

from mlops_assets.stores.online.base import OnlineStore
from mlops_assets.stores.online.encoding import RowDecoder, encode_entity


def different_rows(online: OnlineStore, rows: Sequence[tuple[Any, ...]]) -> list[list[str]]:
    """For each row that differs, the columns that do; `entity` if the store does not have it.

    Parameters
    ----------
    rows
        Partition, entity and features, as the table has them.
    """
    snapshot, _ = online.get([])
    names = [column.name for column in snapshot.entity]
    keys = [
        encode_entity(dict(zip(names, row[1 : len(names) + 1], strict=True)), snapshot.entity) for row in rows
    ]
    snapshot, found = online.get(keys)
    decoder = RowDecoder(snapshot)
    columns = ["partition", *decoder.names]
    differing = []
    for (partition, *row), encoded in zip(rows, found, strict=True):
        if encoded is None:
            differing.append(["entity"])
            continue
        (read_partition, _), read = decoder.row(encoded)
        expected = [partition, *row[len(names) :]]
        different = [
            column
            for column, first, second in zip(columns, expected, [read_partition, *read], strict=True)
            if _bits(first) != _bits(second)
        ]
        if different:
            differing.append(different)
    return differing


def _bits(value: Any) -> Any:
    """A value that is equal to another one only if all of its bits are: NaN is, and 0.0 is not -0.0."""
    return struct.pack(">d", value) if isinstance(value, float) else (type(value), value)
