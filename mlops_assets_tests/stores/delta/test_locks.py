"""Locks: the last of several runs computes from the newest input."""

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import BaseContext
from multiprocessing.synchronize import Event
from pathlib import Path

import duckdb
import pytest

from mlops_assets.stores.warehouse.warehouse import Warehouse

KEY = ("shop", "validated_orders")
Rows = Callable[..., duckdb.DuckDBPyRelation]


def add_one(root: Path, times: int) -> None:
    """Read the number in a partition and write the next one."""
    warehouse = Warehouse(root)
    with warehouse.connect() as connection:
        for _ in range(times):
            with warehouse.turn(KEY, "a"):
                [(number,)] = warehouse.relation(connection, KEY, partition="a").project("n").fetchall()
                warehouse.write(KEY, connection.sql(f"select {number} + 1 as n"), partition="a")


def hold(root: Path, held: Event) -> None:
    with Warehouse(root).turn(KEY, "a"):
        held.set()
        time.sleep(600)


def test_processes_that_lock_a_partition_for_reading_and_writing_lose_no_update(
    warehouse: Warehouse, rows: Rows, processes: BaseContext
):
    warehouse.write(KEY, rows("(0)", "n"), partition="a")
    with ProcessPoolExecutor(3, mp_context=processes, initializer=processes.Barrier(3).wait) as pool:
        for future in [pool.submit(add_one, warehouse.root, 4) for _ in range(3)]:
            future.result()
    assert warehouse.frame(KEY)["n"].tolist() == [12]


@pytest.mark.parametrize("partition", [None, "2024-01"])
def test_an_older_run_does_not_overwrite_the_result_of_newer_input(
    warehouse: Warehouse, rows: Rows, partition: str | None
):
    source, started = {"amount": 1}, threading.Event()

    def compute(wait: float) -> None:
        with warehouse.turn(KEY, partition), warehouse.connect() as connection:
            seen = source["amount"]
            started.set()
            time.sleep(wait)
            warehouse.write(KEY, connection.sql(f"select {seen} as amount"), partition=partition)

    older = threading.Thread(target=compute, args=[0.5])
    older.start()
    started.wait()
    source["amount"] = 2
    compute(0)
    older.join()
    assert warehouse.frame(KEY)["amount"].tolist() == [2]


def test_other_partitions_and_tables_are_not_blocked(warehouse: Warehouse, rows: Rows):
    with (
        warehouse.turn(KEY, "a"),
        warehouse.turn(KEY, "b"),
        warehouse.turn(KEY),
        warehouse.turn(("shop", "features"), "a"),
    ):
        warehouse.write(KEY, rows("(1)", "n"), partition="a")
    assert list(warehouse.partitions(KEY)) == ["a"]


def test_the_lock_does_not_depend_on_how_the_path_is_written(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(warehouse.root.parent)
    same = Warehouse(warehouse.root.name)
    with (
        warehouse.turn(KEY, "a"),
        pytest.raises(RuntimeError, match="already held"),
        same.turn(KEY, "a"),
    ):
        pass


def test_the_lock_of_a_killed_process_is_released(warehouse: Warehouse, processes: BaseContext):
    held = processes.Event()
    process = processes.Process(target=hold, args=[warehouse.root, held])
    process.start()
    assert held.wait(60)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    started = time.monotonic()
    with warehouse.turn(KEY, "a"):
        assert time.monotonic() - started < 5
