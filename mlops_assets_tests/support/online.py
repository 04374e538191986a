"""Online features of two customers in a state directory, and the configuration that names them."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from mlops_assets.serving.config import ServedProject, ServingConfig
from mlops_assets.stores.online.base import OnlineColumn, Snapshot
from mlops_assets.stores.online.encoding import encode_batch
from mlops_assets.stores.online.sqlite import SqliteOnlineStore

NOW = datetime.now(UTC).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
OLD, NEW = NOW - timedelta(days=40), NOW - timedelta(days=10)


def write_online(state: Path, *projects: str, **settings: Any) -> ServingConfig:
    """Write `orders` and `amount` of the customers 7, of an old partition, and 8."""
    for project in projects:
        snapshot = Snapshot(
            project,
            (OnlineColumn("customer", "BIGINT"),),
            (OnlineColumn("orders", "BIGINT"), OnlineColumn("amount", "DOUBLE")),
            (("old", OLD), ("new", NEW)),
            2,
            "content",
            "2025-02-01T00:00:00+00:00",
        )
        batch = pa.record_batch(
            [pa.array([0, 1]), pa.array([7, 8]), pa.array([1, 2]), pa.array([0.5, math.nan])],
            names=["place", "customer", "orders", "amount"],
        )
        file = state / "online" / f"{project}.db"
        SqliteOnlineStore(project, file).write(snapshot, [encode_batch(batch, 1)])
    online = {"store": "sqlite", "ttl_hours": None, "stale": "refuse", **settings}
    served = (ServedProject(name, "", None, ("customer",), settings={"online": online}) for name in projects)
    return ServingConfig(tuple(served), str(state / "warehouse"), "sqlite:///x", None, str(state))
