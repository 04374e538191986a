"""The online features of an entity: counted, and removed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from mlops_assets.core.sql_quoting import UTC_SESSION
from mlops_assets.stores.forgetting.table_rows import Condition
from mlops_assets.stores.online.base import OnlineStore
from mlops_assets.stores.online.encoding import RowDecoder

_KEY = "_key"


@dataclass(frozen=True)
class FoundOnline:
    """What an online store holds of an entity.

    Attributes
    ----------
    store
        The store for messages.
    entities
        The number of rows.
    searched
        Whether the store has the columns of the entity.
    """

    store: str
    entities: int
    searched: bool


@dataclass(frozen=True)
class OnlineRows:
    """The rows of an entity in an online store.

    Parameters
    ----------
    condition
        The SQL condition of its rows.
    """

    store: OnlineStore
    condition: Condition

    def find(self) -> FoundOnline:
        """Count the rows.

        Raises
        ------
        StoreError
            When the store can't be read.
        """
        keys = self._keys()
        return FoundOnline(self.store.display_name, len(keys or ()), keys is not None)

    def remove(self) -> int:
        """Remove the rows, and return how many there were.

        Raises
        ------
        StoreError
            When the store can't be written.
        """
        return self.store.remove(self._keys() or [])

    def _keys(self) -> list[bytes] | None:
        """The keys of the rows; None if the store lacks the columns of the entity."""
        snapshot = self.store.snapshot()
        if snapshot is None:
            return []
        columns = [column.name for column in (*snapshot.entity, *snapshot.features)]
        condition = self.condition(columns)
        if condition is None:
            return None
        decoder, found = RowDecoder(snapshot), list[bytes]()
        with duckdb.connect() as connection:
            connection.execute(UTC_SESSION)  # as connections of the warehouse
            for batch in self.store.items():
                rows = connection.from_arrow(_table(columns, decoder, batch))
                found += [key for (key,) in rows.filter(condition).project(_KEY).fetchall()]
        return found


def _table(columns: list[str], decoder: RowDecoder, batch: Any) -> pa.Table:
    """Rows with their keys; a column without values is a text."""
    rows = list(_rows(decoder, batch))
    arrays = [pa.array(values) for values in zip(*rows, strict=True)]
    typed = [one.cast(pa.string()) if pa.types.is_null(one.type) else one for one in arrays]
    return pa.table(typed, names=[*columns, _KEY])


def _rows(decoder: RowDecoder, batch: Any) -> Iterator[tuple[Any, ...]]:
    for key, encoded in batch:
        _, values = decoder.row(encoded)
        yield (*decoder.entity(key), *values, key)
