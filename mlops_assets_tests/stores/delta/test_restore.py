"""Restore: old content becomes current by one commit that refers to the existing files."""

from pathlib import Path

import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.delta.restore import OldContent
from mlops_assets.stores.warehouse.warehouse import Warehouse

KEY = ("shop", "validated_orders")


def parquet_files(warehouse: Warehouse) -> dict[Path, int]:
    return {path: path.stat().st_ino for path in warehouse.root.joinpath(*KEY).rglob("*.parquet")}


def test_a_restored_version_is_current_and_no_file_is_written(warehouse, rows):
    first = warehouse.write(KEY, rows("(1, 'x')"), dagster_run_id="r1", inputs={"shop/raw_orders": 4})
    warehouse.write(KEY, rows("(2, 'y', 0.5)", "a, b, c"), dagster_run_id="r2")
    before = parquet_files(warehouse)
    result = warehouse.restore(KEY, first.version, dagster_run_id="r3")
    assert parquet_files(warehouse) == before
    assert (result.changed, result.rows, result.digest) == (True, 1, first.digest)
    assert result.columns == {"a": "INTEGER", "b": "VARCHAR"}
    assert warehouse.frame(KEY).to_dict("records") == [{"a": 1, "b": "x"}]
    assert warehouse.digest(KEY) == first.digest
    newest = warehouse.versions(KEY)[0]
    assert (newest.version, newest.restored_from, newest.dagster_run_id) == (
        result.version,
        first.version,
        "r3",
    )
    assert newest.inputs == {"shop/raw_orders": 4}
    assert warehouse.frame(KEY, version=result.version - 1)["a"].tolist() == [2]


def test_a_restored_version_can_be_overwritten_and_restored_again(warehouse, rows):
    first = warehouse.write(KEY, rows("(1, 'x')"))
    second = warehouse.write(KEY, rows("(2, 'y')"))
    again = warehouse.restore(KEY, first.version)
    back = warehouse.restore(KEY, second.version)
    assert warehouse.frame(KEY)["a"].tolist() == [2]
    assert warehouse.restore(KEY, again.version).digest == first.digest
    assert warehouse.write(KEY, rows("(3, 'z')")).changed
    assert [found.restored_from for found in warehouse.versions(KEY)] == [None, 3, 2, 1, None, None]
    assert back.version == 4


def test_a_restore_of_the_current_version_makes_no_commit(warehouse, rows):
    only = warehouse.write(KEY, rows("(1, 'x')"))
    result = warehouse.restore(KEY, only.version)
    assert (result.changed, result.version) == (False, only.version)
    assert len(warehouse.versions(KEY)) == 1


def test_one_partition_is_restored_and_the_others_are_unchanged(warehouse, rows):
    warehouse.write(KEY, rows("(1, 'x')"), partition="2024-01")
    warehouse.write(KEY, rows("(2, 'y')"), partition="2024-02")
    warehouse.write(KEY, rows("(3, 'z', 1)", "a, b, c"), partition="2024-01")
    newest = warehouse.write(KEY, rows("(4, 'v')"), partition="2024-02")
    result = warehouse.restore(KEY, 2, partition="2024-01")  # as it was then: written by version 1
    assert warehouse.versions(KEY)[0].restored_from == 1
    assert warehouse.frame(KEY).sort_values("a").to_dict("records") == [
        {"a": 1, "b": "x", "_partition": "2024-01"},
        {"a": 4, "b": "v", "_partition": "2024-02"},
    ]
    assert warehouse.partitions(KEY) == {"2024-01": result.digest, "2024-02": newest.digest}


@pytest.mark.parametrize(
    ("version", "partition", "message"),
    [
        (1, None, r"restored by partition: version 1 wrote 2024-01\n  hint: select one with --partition"),
        (0, "2024-01", r"no version 0 of partition 2024-01\n  hint: the versions of partition 2024-01 are 1"),
        (9, "2024-01", "has no version 9 of partition 2024-01"),
        (1, "2024-07", "has no version 1 of partition 2024-07"),
    ],
)
def test_a_version_without_such_content_is_an_error(warehouse, rows, version, partition, message):
    warehouse.write(KEY, rows("(1, 'x')"), partition="2024-01")
    with pytest.raises(StoreError, match=message):
        warehouse.restore(KEY, version, partition=partition)
    assert warehouse.version(KEY) == 1


def test_a_table_without_partitions_has_no_partition_to_restore(warehouse, rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    with pytest.raises(StoreError, match=r"has no partitions, but partition 2024-01 was requested"):
        warehouse.restore(KEY, 1, partition="2024-01")


def test_a_version_with_missing_files_is_an_error_and_nothing_changes(warehouse, rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    [old] = parquet_files(warehouse)
    warehouse.write(KEY, rows("(2, 'y')"))
    old.unlink()
    with pytest.raises(StoreError, match=r"1 of its 1 files are damaged: data file .*parquet is missing"):
        warehouse.restore(KEY, 1)
    assert warehouse.frame(KEY)["a"].tolist() == [2]


def test_a_vacuum_during_a_restore_is_an_error_and_nothing_changes(warehouse, rows, monkeypatch):
    warehouse.write(KEY, rows("(1, 'x')"))
    [old] = parquet_files(warehouse)
    warehouse.write(KEY, rows("(2, 'y')"))
    real = OldContent.staged

    def staged(content, *arguments, **named):
        found = real(content, *arguments, **named)
        old.unlink()
        return found

    monkeypatch.setattr(OldContent, "staged", staged)
    with pytest.raises(StoreError, match="a file of the version to restore was removed meanwhile"):
        warehouse.restore(KEY, 1)
    assert warehouse.frame(KEY)["a"].tolist() == [2]
