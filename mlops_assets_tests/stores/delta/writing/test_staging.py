"""Staging: rows become Parquet files in a temporary folder, which is removed after the commit."""

import os
import time
from collections.abc import Callable
from multiprocessing.context import BaseContext
from multiprocessing.synchronize import Event
from pathlib import Path

import duckdb
import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.delta.writing.staging import stage, staging
from mlops_assets.stores.warehouse.warehouse import Warehouse

KEY = ("shop", "validated_orders")
Rows = Callable[..., duckdb.DuckDBPyRelation]


def test_a_write_without_a_relation_is_an_error(warehouse: Warehouse):
    with pytest.raises(StoreError, match=r"table shop.validated_orders: no relation to write"):
        warehouse.write(KEY, [])
    assert not warehouse.exists(KEY)


def test_rows_with_a_partition_column_are_an_error(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"), partition="a")
    with (
        warehouse.connect() as connection,
        pytest.raises(StoreError, match=r"'_partition', which is reserved for the warehouse(.|\n)*exclude"),
    ):
        warehouse.write(KEY, warehouse.relation(connection, KEY), partition="b")
    assert list(warehouse.partitions(KEY)) == ["a"]


def test_old_files_of_killed_processes_are_removed(warehouse: Warehouse, rows: Rows):
    left, recent = (warehouse.root.joinpath(*KEY) / "_staging" / name for name in ("left", "recent"))
    for folder in (left, recent):
        folder.mkdir(parents=True)
        (folder / "00000.parquet").write_text("half")
    yesterday = time.time() - 25 * 3600
    os.utime(left, (yesterday, yesterday))
    warehouse.write(KEY, rows("(1, 'x')"))
    assert not left.exists()
    assert recent.exists()


def test_a_folder_that_another_writer_removes_meanwhile_is_skipped(
    warehouse: Warehouse, rows: Rows, monkeypatch: pytest.MonkeyPatch
):
    other, is_dir = warehouse.root.joinpath(*KEY) / "_staging" / "other", Path.is_dir
    other.mkdir(parents=True)
    monkeypatch.setattr(Path, "is_dir", lambda path: is_dir(path) and (path != other or not path.rmdir()))
    assert warehouse.write(KEY, rows("(1, 'x')")).changed


def test_the_folder_of_a_write_longer_than_a_day_is_not_removed_by_another_writer(
    tmp_path: Path, processes: BaseContext
):
    ready, done = processes.Event(), processes.Event()
    writer = processes.Process(target=_write_slowly, args=(tmp_path, ready, done))
    writer.start()
    try:
        assert ready.wait(60)
        [folder] = [entry for entry in (tmp_path / "_staging").iterdir() if entry.is_dir()]
        two_days_ago = time.time() - 48 * 3600
        os.utime(folder, (two_days_ago, two_days_ago))
        with staging(tmp_path):
            pass
        assert (folder / "00000.parquet").read_text() == "half"

        writer.kill()
        writer.join()
        os.utime(folder, (two_days_ago, two_days_ago))
        with staging(tmp_path):
            assert not folder.exists()
    finally:
        writer.kill()
    assert [entry.name for entry in (tmp_path / "_staging").iterdir()] == [".lock"]


def _write_slowly(table: Path, ready: Event, done: Event) -> None:
    with staging(table) as folder:
        (folder / "00000.parquet").write_text("half")
        ready.set()
        done.wait(60)


def test_a_staging_folder_is_on_the_disk_of_the_table_and_removed_after_an_error(tmp_path: Path):
    folders: list[Path] = []

    def fail() -> None:
        with staging(tmp_path / "table") as folder:
            (folder / "00000.parquet").write_bytes(b"rows")
            folders.append(folder)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    [folder] = folders
    assert folder.is_relative_to(tmp_path / "table")
    assert not folder.exists()


def test_each_relation_is_a_file_of_its_own_in_order(tmp_path: Path, rows: Rows):
    relations = [rows("(1, 'x')"), rows("(2, 'y')"), rows("(3, 'z')").filter("false")]
    with duckdb.connect() as connection:
        files = stage(tmp_path, iter(relations), connection, table="shop.orders", partition="a")
        assert [file.name for file in files] == ["00000.parquet", "00001.parquet", "00002.parquet"]
        found = [connection.read_parquet(str(file)).fetchall() for file in files]
    assert found == [[(1, "x")], [(2, "y")], []]
