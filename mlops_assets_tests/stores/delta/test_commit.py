"""Commits: retries after conflicts with other writers, and checkpoints so that old tables open fast."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.delta import commit
from mlops_assets.stores.warehouse.warehouse import Warehouse

KEY = ("shop", "validated_orders")
Rows = Callable[..., duckdb.DuckDBPyRelation]


def interfere(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let a writer without the lock delete the partition just before the commit."""
    data_files, left = commit.data_files, [times]

    def and_another_writer(directory: Any, delta: DeltaTable, *arguments: Any) -> Any:
        found = data_files(directory, delta, *arguments)
        if left[0]:
            left[0] -= 1
            other = DeltaTable(str(directory))
            other.delete("_partition = 'a'")
            other.restore(delta.version())
        return found

    monkeypatch.setattr(commit, "data_files", and_another_writer)


def test_a_commit_after_a_conflict_is_retried_with_the_same_files(
    warehouse: Warehouse, rows: Rows, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, commit.__name__)
    warehouse.write(KEY, rows("(1, 'x')"), partition="a")
    interfere(monkeypatch, times=2)
    result = warehouse.write(KEY, rows("(2, 'y'), (3, 'z')"), partition="a")
    assert [record.getMessage()[:45] for record in caplog.records] == [
        "table shop.validated_orders: commit attempt 1",
        "table shop.validated_orders: commit attempt 2",
    ]
    assert warehouse.frame(KEY)["a"].tolist() == [2, 3]
    assert warehouse.version(KEY) == result.version


def test_a_commit_with_conflicts_at_every_attempt_is_an_error(
    warehouse: Warehouse, rows: Rows, monkeypatch: pytest.MonkeyPatch
):
    warehouse.write(KEY, rows("(1, 'x')"), partition="a")
    monkeypatch.setattr(commit, "_ATTEMPTS", 2)
    interfere(monkeypatch, times=2)
    with pytest.raises(StoreError, match=r"all 2 attempts to commit failed .*\n  hint: run again"):
        warehouse.write(KEY, rows("(2, 'y')"), partition="a")
    assert warehouse.frame(KEY, version=1)["a"].tolist() == [1]


def test_first_writers_of_one_partition_replace_each_other(
    warehouse: Warehouse, rows: Rows, monkeypatch: pytest.MonkeyPatch
):
    data_files = commit.data_files

    def slowly(*arguments: Any) -> Any:
        found = data_files(*arguments)
        time.sleep(0.2)  # long enough for the other writers to read the table, too, if they were not blocked
        return found

    warehouse.write(KEY, rows("(0, 'x')"), partition="other")
    monkeypatch.setattr(commit, "data_files", slowly)

    def write(number: int) -> None:
        with warehouse.connect() as connection:
            warehouse.write(KEY, connection.sql(f"select {number} as a, 'x' as b"), partition="a")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, [1, 2, 3]))
    assert len(warehouse.frame(KEY, partition="a")) == 1
    assert len(warehouse.versions(KEY)) == 4


def test_a_table_is_checkpointed_by_its_commits_and_keeps_all_versions(warehouse: Warehouse, rows: Rows):
    for number in range(1, 22):
        warehouse.write(KEY, rows(f"({number}, 'x')"), partition=str(number % 3))
    log = warehouse.root.joinpath(*KEY, "_delta_log")
    found = sorted(int(path.name[:20]) for path in log.glob("*.checkpoint.parquet"))
    assert found == [9, 19]
    assert len(list(log.glob("*.json"))) == warehouse.version(KEY) + 1
    assert list(warehouse.partitions(KEY)) == ["0", "1", "2"]
    assert warehouse.frame(KEY, version=1)["a"].tolist() == [1]
    assert warehouse.restore(KEY, 1, partition="1").changed


def test_the_next_commit_of_a_long_log_without_a_checkpoint_writes_one(
    warehouse: Warehouse, rows: Rows, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fail(_: DeltaTable) -> None:
        raise DeltaError("no space left")

    log = warehouse.root.joinpath(*KEY, "_delta_log")
    with monkeypatch.context() as patched:
        patched.setattr(DeltaTable, "create_checkpoint", fail)
        for number in range(12):
            written = warehouse.write(KEY, rows(f"({number}, 'x')"))
    assert (written.version, written.changed) == (12, True)
    assert "at version 12 was not written: no space left" in caplog.text
    assert not (log / "_last_checkpoint").exists()
    warehouse.write(KEY, rows("(12, 'x')"))
    assert (log / f"{13:020}.checkpoint.parquet").exists()
    (log / "_last_checkpoint").write_text("{}", "utf-8")
    warehouse.write(KEY, rows("(13, 'x')"))
    assert (log / f"{14:020}.checkpoint.parquet").exists()


def test_checkpoints_of_a_long_log_take_a_small_part_of_the_disk():
    """A checkpoint names all files: every ten commits, they would grow with the square of the commits."""
    found = [-1]
    for version in range(5_000):
        if commit.is_checkpoint_due(version, found[-1]):
            found.append(version)
    assert found[1:5] == [9, 19, 29, 39]
    assert len(found) < 100
    assert max(after - before for before, after in pairwise(found)) <= 250


def test_the_log_of_a_table_is_kept_at_any_age(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    delta = DeltaTable(str(warehouse.root.joinpath(*KEY)))
    assert delta.metadata().configuration["delta.enableExpiredLogCleanup"] == "false"


def test_undeclared_partitions_are_removed_in_one_commit_and_stay_in_older_versions(
    warehouse: Warehouse, rows: Rows
):
    for partition in ("2024-01", "2024-02", "2024-03"):
        written = warehouse.write(KEY, rows("(1, 'x')"), partition=partition)
    assert warehouse.keep_partitions(KEY, {"2024-03", "2024-04"}) == ["2024-01", "2024-02"]
    assert warehouse.row_counts(KEY) == {"2024-03": 1}
    assert warehouse.row_counts(KEY, version=written.version) == {"2024-01": 1, "2024-02": 1, "2024-03": 1}
    assert [one.version for one in warehouse.versions(KEY)] == [3, 2, 1]
    assert (warehouse.version(KEY), warehouse.keep_partitions(KEY, {"2024-03"})) == (4, [])
    assert warehouse.write(KEY, rows("(2, 'y')"), partition="2024-04", declared={"2024-04"}).changed
    assert warehouse.row_counts(KEY) == {"2024-04": 1}
