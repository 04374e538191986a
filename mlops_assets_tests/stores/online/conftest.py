"""Fixtures of online stores: one of each kind, and a snapshot with every type of column."""

import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from mlops_assets.stores.online.base import OnlineColumn, OnlineStore, Snapshot
from mlops_assets.stores.online.encoding import encode_batch
from mlops_assets.stores.online.redis import RedisOnlineStore
from mlops_assets.stores.online.sqlite import SqliteOnlineStore

TYPES = {
    "BIGINT": (pa.int64(), [2**63 - 1, -(2**63), None, 0]),
    "INTEGER": (pa.int32(), [2**31 - 1, -1, None, 0]),
    "DOUBLE": (pa.float64(), [math.nan, -0.0, None, 5e-324]),
    "FLOAT": (pa.float32(), [math.inf, -math.inf, None, 3.4028234663852886e38]),
    "VARCHAR": (pa.string(), ["", "a\x00b\U0001f600", None, "ä\n"]),
    "BOOLEAN": (pa.bool_(), [True, False, None, True]),
    "TIMESTAMP": (
        pa.timestamp("us"),
        [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999), None, datetime(1969, 12, 31, 23)],
    ),
    "DATE": (pa.date32(), [date(1, 1, 1), date(9999, 12, 31), None, date(1970, 1, 1)]),
    "DECIMAL(10,2)": (
        pa.decimal128(10, 2),
        [Decimal("12345678.90"), Decimal("-0.01"), None, Decimal("0.00")],
    ),
}
"""For each type its Arrow type and the values of four entities."""
ENTITIES = ["C1", "c1", "Ä", "007"]


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> OnlineStore:
    if request.param == "sqlite":
        return SqliteOnlineStore("shop", tmp_path / "online" / "shop.db")
    server = request.getfixturevalue("redis_server")
    return RedisOnlineStore("shop", server.url(), "the Redis server in $REDIS_URL", tmp_path.name)


@pytest.fixture
def write(store: OnlineStore) -> Callable[..., Snapshot]:
    """Replace the content of the store by rows with one number each."""

    def write_numbers(numbers: dict[str, float], as_of: datetime = datetime(2025, 2, 1)) -> Snapshot:
        names = list(numbers)
        snapshot = Snapshot(
            "shop",
            (OnlineColumn("customer", "VARCHAR"),),
            (OnlineColumn("number", "DOUBLE"),),
            (("2025-01", as_of),),
            len(names),
            f"content {sum(numbers.values())}",
            "2025-02-01T00:00:00+00:00",
        )
        batch = pa.record_batch(
            [pa.array([0] * len(names)), pa.array(names), pa.array(list(numbers.values()))],
            names=["place", "customer", "number"],
        )
        store.write(snapshot, [encode_batch(batch, 1)])
        return snapshot

    return write_numbers
