"""Data files: partition names that survive as folder names, and the SQL that reads files."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.delta.data_files import (
    DataFile,
    by_partition,
    data_files,
    rows_by_partition,
    scan,
)
from mlops_assets.stores.warehouse.warehouse import Warehouse

KEY = ("shop", "validated_orders")
Rows = Callable[..., duckdb.DuckDBPyRelation]


def content(warehouse: Warehouse, **arguments) -> list[tuple]:
    frame = warehouse.frame(KEY, **arguments).astype(object)
    return sorted(frame.where(frame.notna(), None).itertuples(index=False, name=None), key=repr)


@pytest.mark.parametrize(
    "partition", ["2024-01-01-00:00", "north west", "100%", "é", "x" * 244, "NULL", "a'b", "{a,b}"]
)
def test_a_partition_name_may_contain_spaces_and_special_characters(
    warehouse: Warehouse, rows: Rows, partition: str
):
    for value in (1, 2):
        warehouse.write(KEY, rows(f"({value}, 'x')"), partition=partition)
    warehouse.write(KEY, rows("(3, 'y')"), partition="other")
    assert content(warehouse, partition=partition) == [(2, "x", partition)]
    assert len(content(warehouse)) == 2


@pytest.mark.parametrize(
    ("partition", "problem"),
    [
        ("", "is empty"),
        *((name, "contains ") for name in ("a/b", "a=b", "..\\a", "a*", "a[b]", "a?")),
        *(
            (name, "contains a line end")
            for name in ("a\n", "\na", "a\r\nb", "a\x00", "a\x85", "a\u2028b", "a\ud800")
        ),
        ("a%20b", "is an encoding of 'a b'"),
        ("__HIVE_DEFAULT_PARTITION__", "stands for null"),
        ("é" * 123, "is longer than a folder name"),
    ],
)
def test_a_name_that_is_not_valid_as_a_folder_is_an_error(
    warehouse: Warehouse, rows: Rows, partition: str, problem: str
):
    with pytest.raises(StoreError, match=f"is not a valid partition name: it {problem}"):
        warehouse.write(KEY, rows("(1, 'x')"), partition=partition)
    assert not warehouse.exists(KEY)


def test_a_path_that_looks_like_a_partition_is_an_error(tmp_path: Path, rows: Rows):
    warehouse = Warehouse(tmp_path / "run=3")
    warehouse.write(KEY, rows("(1, 'x')"))
    with pytest.raises(StoreError, match=r"contains '=', which DuckDB reads as a partition"):
        warehouse.write(("shop", "features"), rows("(1, 'x')"), partition="a")


def test_files_are_listed_with_their_partition_and_rows_and_without_being_opened(
    warehouse: Warehouse, rows: Rows
):
    warehouse.write(KEY, [rows("(1, 'x')"), rows("(2, 'y'), (3, 'z')")], partition="b")
    warehouse.write(KEY, rows("(4, 'w')"), partition="north west")
    directory = warehouse.root.joinpath(*KEY)
    for file in directory.glob("_partition=*/*.parquet"):
        file.write_bytes(b"not opened")
    delta = DeltaTable(str(directory))
    files = data_files(directory, delta)
    assert sorted((file.partition, file.rows) for file in files) == [("b", 1), ("b", 2), ("north west", 1)]
    assert all(Path(file.path).is_file() for file in files)
    assert [file.partition for file in data_files(directory, delta, ["north west"])] == ["north west"]
    assert {name: len(paths) for name, paths in by_partition(files).items()} == {"b": 2, "north west": 1}
    assert rows_by_partition(files) == {"b": 3, "north west": 1}


def test_columns_that_a_file_lacks_are_null(tmp_path: Path, rows: Rows):
    for name, relation in {"x": rows("(1, 'x')"), "y": rows("(2, true)", "a, c")}.items():
        relation.write_parquet(str(tmp_path / f"{name}.parquet"))
    files = [DataFile(str(tmp_path / f"{name}.parquet"), None) for name in ("x", "y")]
    with duckdb.connect() as connection:
        found = connection.sql(scan(files, partitioned=False))
        assert found.columns == ["a", "b", "c"]
        assert found.order("a").fetchall() == [(1, "x", None), (2, None, True)]
