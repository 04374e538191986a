"""What the prediction log of a service costs: a request, the thread that writes, and the collector.

    python -m benchmarks.prediction_log [--columns 40] [--requests 20000]

A stand-in takes the place of the model, whose predictions cost nothing here.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import numpy as np
import pyarrow as pa

from mlops_assets.ml.contracts.batch_check import contract_of_types
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.serving.config import ServedProject, ServingConfig
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.log.collector import LogCollector
from mlops_assets.serving.log.prediction_log import PredictionLog
from mlops_assets.stores.prediction_log.spool import Spool

LOG = {"enabled": True, "sample": 1.0, "sensitive": "drop", "retention_days": 90}
LIMITS = {"max_memory_mb": 256, "max_spool_mb": 4_096}


def stand_in(columns: int) -> ServedModel:
    """A version with numeric columns."""
    declared = [Column(f"feature_{number}", "DOUBLE") for number in range(columns)]
    spec = SimpleNamespace(output_types=lambda: {"prediction": int, "probability": float})
    contracts = SimpleNamespace(contract=contract_of_types(declared, subject="shop"))
    return cast(
        "ServedModel", SimpleNamespace(version=1, model=SimpleNamespace(spec=spec), contracts=contracts)
    )


def timed(call: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of wall time and of CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def configured(folder: Path, **limits: int) -> ServingConfig:
    """A service of one project that logs everything."""
    settings = {"log": {**LOG, **LIMITS, **limits}}
    project = ServedProject("shop", "", None, settings=settings, logged_entity=("customer",))
    return ServingConfig((project,), str(folder / "warehouse"), "", None, str(folder))


def measure(columns: int, requests: int) -> None:
    """Print the costs of single-row requests and of Arrow batches."""
    model, random = stand_in(columns), np.random.default_rng(0)
    names = [f"feature_{number}" for number in range(columns)]
    rows = [
        {"customer": f"c{number}", **dict(zip(names, random.random(columns).tolist(), strict=True))}
        for number in range(1_000)
    ]
    output = [{"prediction": 1, "probability": 0.25}]
    with TemporaryDirectory() as name:
        config = configured(Path(name))
        log, collector = PredictionLog(config, Path(name)), LogCollector(config, Path(name))

        def add_all() -> None:
            for number in range(requests):
                row = rows[number % 1_000]
                log.add("shop", model, request_id=f"{number:024x}", rows=[row], outputs=output)

        wall, _ = timed(add_all)
        print(f"add, one row of {columns} columns: {1e6 * wall / requests:.2f} us")
        _, cpu = timed(log.flush)
        print(f"thread: {1e6 * cpu / requests:.1f} us of CPU a row")
        wall, _ = timed(collector.collect)
        print(f"collector: {requests / wall:,.0f} rows/s, first commit included")
        batch = pa.RecordBatch.from_pylist(rows)
        answers = pa.Table.from_pylist(output * len(rows))
        for number in range(requests // 1_000):
            log.add("shop", model, request_id=str(number), rows=batch, outputs=answers)
        wall, _ = timed(log.flush)
        print(f"thread, Arrow batches of 1,000 rows: {requests / wall:,.0f} rows/s")
        wall, _ = timed(collector.collect)
        print(f"collector: {requests / wall:,.0f} rows/s")


def measure_slow_disk(columns: int, seconds: float) -> None:
    """Print what becomes of requests while each write to the disk takes half a second."""
    model, write = stand_in(columns), Spool.write
    row = {f"feature_{number}": 0.5 for number in range(columns)}
    output = [{"prediction": 1, "probability": 0.25}]

    def slow(self: Spool, writer: str, number: int, rows: pa.Table) -> Path:
        time.sleep(0.5)
        return write(self, writer, number, rows)

    with TemporaryDirectory() as name, patch.object(Spool, "write", slow):
        log = PredictionLog(configured(Path(name), max_memory_mb=8), Path(name))
        log.start()
        slowest, added, end = 0.0, 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            log.add("shop", model, request_id=str(added), rows=[row], outputs=output)
            slowest, added = max(slowest, time.perf_counter() - start), added + 1
            if added % 20 == 0:
                time.sleep(0.001)
        log.close()
        found = log.counts()["shop"]
        print(
            f"slow disk, 8 MiB of memory: {added:,} added in {seconds:g} s, {found.logged:,} logged, "
            f"{found.dropped:,} dropped and counted; slowest add {1e3 * slowest:.2f} ms"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--columns", type=int, default=40)
    parser.add_argument("--requests", type=int, default=20_000)
    chosen = parser.parse_args()
    measure(chosen.columns, chosen.requests)
    measure_slow_disk(chosen.columns, 10)


if __name__ == "__main__":
    main()
