"""Current files by the log's commits are those that delta-rs finds, and damage is an error."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.delta import current_files as module
from mlops_assets.stores.delta.current_files import TableFiles, current_files, require_intact
from mlops_assets.stores.delta.data_files import data_files, is_partitioned
from mlops_assets.stores.delta.log import open_table
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.stores.delta.test_log import (
    cut_the_last_commit,
    empty_the_last_commit,
    empty_the_log,
    lose_a_commit,
    lose_a_data_file,
    lose_the_log,
)

KEY = ("shop", "validated_orders")
Rows = Callable[..., duckdb.DuckDBPyRelation]


def by_delta(warehouse: Warehouse) -> TableFiles:
    """The files as delta-rs finds them."""
    delta = open_table(warehouse.root, KEY)
    files = data_files(warehouse.root.joinpath(*KEY), delta)
    return TableFiles(delta.version(), is_partitioned(delta), tuple(files))


def forbid_delta(monkeypatch) -> None:
    """From now on, a log that is read by delta-rs fails the test."""
    monkeypatch.setattr("mlops_assets.stores.delta.log.open_table", lambda *_: pytest.fail("delta-rs"))


def test_files_of_overwritten_removed_and_restored_partitions_are_those_of_delta(
    warehouse: Warehouse, rows: Rows, monkeypatch
):
    for value, partition in enumerate(("2024-01", "é a", "2024-01", "100%", "2024-02")):
        warehouse.write(KEY, rows(f"({value}, 'x')"), partition=partition)
    warehouse.keep_partitions(KEY, {"2024-01", "é a", "100%"})
    warehouse.restore(KEY, warehouse.versions(KEY)[-1].version, partition="2024-01")
    expected = by_delta(warehouse)
    forbid_delta(monkeypatch)
    found = current_files(warehouse.root, KEY)
    assert found == expected
    assert {file.partition for file in found.files} == {"2024-01", "é a", "100%"}
    assert all(file.rows == 1 for file in found.files)


def test_a_log_with_checkpoints_and_one_with_times_without_zone_are_read_by_their_commits(
    warehouse: Warehouse, rows: Rows, monkeypatch
):
    for value in range(12):
        warehouse.write(KEY, rows(f"({value}, 'x')"))
    with warehouse.connect() as connection:
        warehouse.write(KEY, connection.sql("select timestamp '2024-01-01 10:00' as at"))
    expected = by_delta(warehouse)
    assert list((warehouse.root.joinpath(*KEY) / "_delta_log").glob("*.checkpoint.parquet"))
    forbid_delta(monkeypatch)
    assert current_files(warehouse.root, KEY) == expected


def test_a_long_log_and_an_unknown_format_are_read_by_delta(warehouse: Warehouse, rows: Rows, monkeypatch):
    for value in (1, 2, 3):
        warehouse.write(KEY, rows(f"({value}, 'x')"))
    expected = by_delta(warehouse)
    monkeypatch.setattr(module, "_LONGEST", 2)
    assert current_files(warehouse.root, KEY) == expected
    monkeypatch.undo()
    monkeypatch.setattr(module, "_is_known", lambda _: False)
    assert current_files(warehouse.root, KEY) == expected


@pytest.mark.parametrize(
    "damage", [lose_a_commit, cut_the_last_commit, empty_the_last_commit, lose_the_log, empty_the_log]
)
def test_a_damaged_log_is_the_error_of_delta(warehouse: Warehouse, rows: Rows, damage):
    for value in range(3):
        warehouse.write(KEY, rows(f"({value}, 'x')"))
    damage(warehouse.root.joinpath(*KEY))
    with pytest.raises(StoreError) as expected:
        open_table(warehouse.root, KEY)
    with pytest.raises(StoreError) as found:
        current_files(warehouse.root, KEY)
    assert found.value.message == expected.value.message


def test_a_missing_data_file_is_an_error_that_names_it(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    lose_a_data_file(warehouse.root.joinpath(*KEY))
    with pytest.raises(StoreError, match="is missing"):
        require_intact(warehouse.root, KEY, current_files(warehouse.root, KEY))


def test_a_table_that_does_not_exist_has_no_files(tmp_path: Path):
    assert current_files(tmp_path, KEY) is None
    tmp_path.joinpath(*KEY).mkdir(parents=True)
    assert current_files(tmp_path, KEY) is None
    assert not DeltaTable.is_deltatable(str(tmp_path.joinpath(*KEY)))
