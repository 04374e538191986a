"""Online features: seconds to write the features of many entities, and microseconds to read those of one.

Run: .venv/bin/python benchmarks/online_features.py --entities 100000 1000000 [--redis ADDRESS]
Without --redis, a `redis-server` in PATH is started on a free port; without one, SQLite alone is measured.
The rows are read from a table of the warehouse, as the asset `features_online` does.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mlops_assets.core.periods import Periods
from mlops_assets.stores.online.base import OnlineStore
from mlops_assets.stores.online.encoding import encoded_batches
from mlops_assets.stores.online.features import OnlineFeatures
from mlops_assets.stores.online.newest_features import NewestFeatures
from mlops_assets.stores.warehouse.warehouse import Warehouse

_TABLE = ("bench", "features")
_PERIODS = Periods("monthly", "2025-01")
_READS = 5_000
_SETTINGS: dict[str, Any] = {
    "url_env": "BENCH_REDIS_URL",
    "key_prefix": "bench",
    "ttl_hours": 1e6,
    "stale": "refuse",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entities", type=int, nargs="+", default=[100_000])
    parser.add_argument("--features", type=int, default=30)
    parser.add_argument("--redis", help="address of a server; its keys bench:* are replaced")
    arguments = parser.parse_args()
    print("| store | entities | write s | size MB | read p50 µs | p99 µs | unknown p50 µs | 1,000 rows ms |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with redis_address(arguments.redis) as address, tempfile.TemporaryDirectory() as folder:
        os.environ[_SETTINGS["url_env"]] = address or ""
        for entities in arguments.entities:
            newest = table(Path(folder) / str(entities), entities, arguments.features)
            for name in ("sqlite", "redis") if address else ("sqlite",):
                settings = {**_SETTINGS, "store": name}
                features = OnlineFeatures({"bench": settings}, Path(folder) / "online")
                seconds, size = write(newest, features.store("bench"), entities)
                p50, p99, unknown, many = read(features, entities)
                print(
                    f"| {name} | {entities:,} | {seconds:.1f} | {size / 1e6:.0f} | {p50:.0f} | {p99:.0f} | "
                    f"{unknown:.0f} | {many / 1000:.1f} |",
                    flush=True,
                )


def table(root: Path, entities: int, features: int) -> NewestFeatures:
    """Two months of features of random values; a tenth of the entities is in the older month alone."""
    warehouse = Warehouse(root)
    numbers = ", ".join(f"random() - 0.5 as f{place:02}" for place in range(features - 2))
    for month, first in (("2025-01", 0), ("2025-02", entities // 10)):
        with warehouse.connect() as connection:
            rows = connection.sql(
                f"select 'C' || lpad(i::varchar, 9, '0') as customer, i as row_id, {numbers}, "
                "case when i % 7 = 0 then null else i % 100 end as orders, "
                f"['web', 'app', 'store'][i % 3 + 1] as channel from range({first}, {entities}) as r(i)"
            )
            warehouse.write(_TABLE, rows, partition=month)
    return NewestFeatures.of(warehouse, "bench", ["customer"], _PERIODS, succeeded={"2025-01", "2025-02"})


def write(newest: NewestFeatures, store: OnlineStore, entities: int) -> tuple[float, int]:
    """Seconds and bytes of a write, from the table to the store."""
    started = time.perf_counter()
    with newest.warehouse.connect() as connection:
        count = len(newest.relation(connection))
        assert count == entities, count
        snapshot = newest.snapshot(count, now=datetime.now(UTC))
        size = store.write(snapshot, encoded_batches(newest.batches(connection), 1))
    return time.perf_counter() - started, size


def read(features: OnlineFeatures, entities: int) -> tuple[float, float, float, float]:
    """Microseconds of a request: median, 99th percentile, median of unknown entities, of 1,000 entities."""
    chosen = np.random.default_rng(0).integers(0, entities, _READS)
    known: list[Mapping[str, object]] = [{"customer": f"C{number:09}"} for number in chosen.tolist()]
    times = [timed(features, [entity]) for entity in known]
    unknown = [timed(features, [{"customer": f"X{place}"}]) for place in range(_READS // 5)]
    many = [timed(features, known[:1000]) for _ in range(5)]
    return (
        statistics.median(times),
        float(np.percentile(times, 99)),
        statistics.median(unknown),
        statistics.median(many),
    )


def timed(features: OnlineFeatures, entities: Sequence[Mapping[str, object]]) -> float:
    started = time.perf_counter()
    features.get("bench", entities)
    return (time.perf_counter() - started) * 1e6


@contextmanager
def redis_address(given: str | None) -> Iterator[str | None]:
    """The given server, else one that is started; None without the program."""
    program = shutil.which("redis-server")
    if given or program is None:
        yield given
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
