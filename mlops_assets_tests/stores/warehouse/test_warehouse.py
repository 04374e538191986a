"""The warehouse: writes replace content completely or not at all, also with concurrent writers."""

import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.context import BaseContext
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.warehouse.warehouse import Warehouse, relation_digest

KEY = ("shop", "validated_orders")
Rows = Callable[..., duckdb.DuckDBPyRelation]


def content(warehouse: Warehouse, **arguments) -> list[tuple]:
    frame = warehouse.frame(KEY, **arguments).astype(object)
    return sorted(frame.where(frame.notna(), None).itertuples(index=False, name=None), key=repr)


def test_written_rows_are_read(warehouse: Warehouse, rows: Rows):
    assert not warehouse.exists(KEY)
    result = warehouse.write(KEY, rows("(1, 'x'), (2, null)"))
    assert warehouse.exists(KEY)
    assert (result.rows, result.changed) == (2, True)
    assert content(warehouse) == [(1, "x"), (2, None)]
    assert warehouse.version(KEY) == result.version
    assert warehouse.digest(KEY) == result.digest


def test_several_relations_are_written_into_one_table(warehouse: Warehouse, rows: Rows):
    result = warehouse.write(KEY, [rows("(1, 'x')"), rows("(2, 'y')"), rows("(3, 'z')").filter("false")])
    assert result.rows == 2
    assert content(warehouse) == [(1, "x"), (2, "y")]


def test_a_table_without_rows_keeps_its_columns(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')").filter("false"))
    assert warehouse.frame(KEY).columns.tolist() == ["a", "b"]
    assert content(warehouse) == []


def test_rows_that_can_be_read_only_once_are_written_and_digested(warehouse: Warehouse, rows: Rows):
    handed_out = []

    def stream(first: int):
        for number in range(first, first + 3):
            handed_out.append(number)
            yield pa.record_batch({"a": [number], "b": [str(number)]})

    schema = pa.schema({"a": pa.int64(), "b": pa.string()})
    with warehouse.connect() as connection:
        readers = [pa.RecordBatchReader.from_batches(schema, stream(first)) for first in (0, 3)]
        result = warehouse.write(KEY, (connection.from_arrow(reader) for reader in readers))
    assert handed_out == [0, 1, 2, 3, 4, 5]
    assert content(warehouse) == [(number, str(number)) for number in range(6)]
    same = ", ".join(f"({number}::bigint, '{number}')" for number in range(6))
    assert result.digest == relation_digest(rows(same))[1]


def test_files_of_one_write_may_have_numbers_of_different_width(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, [rows("(1, 'x')"), rows("(2.5::double, 'y')")])
    assert content(warehouse) == [(1.0, "x"), (2.5, "y")]


def test_writing_the_same_rows_in_another_order_changes_nothing(warehouse: Warehouse, rows: Rows):
    first = warehouse.write(KEY, rows("(1, 'x'), (2, 'y')"))
    again = warehouse.write(KEY, rows("(2, 'y'), (1, 'x')"))
    turned = warehouse.write(KEY, rows("('y', 2), ('x', 1)", "b, a"))
    assert (again.changed, again.version, again.digest) == (False, first.version, first.digest)
    assert not turned.changed
    assert len(warehouse.versions(KEY)) == 1


def test_provenance_is_not_part_of_the_content(warehouse: Warehouse, rows: Rows):
    columns = "a, _source_file, _source_sha256, _row"
    first = warehouse.write(KEY, rows("(1, 'old.csv', 'abc', 1)", columns))
    renamed = warehouse.write(KEY, rows("(1, 'new.csv', 'def', 2)", columns))
    assert (renamed.changed, renamed.digest) == (False, first.digest)


def test_a_partition_is_replaced_and_the_others_are_unchanged(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x'), (2, 'y')"), partition="2024-01")
    february = warehouse.write(KEY, rows("(3, 'z')"), partition="2024-02")
    warehouse.write(KEY, rows("(4, 'w')"), partition="2024-01")
    assert content(warehouse) == [(3, "z", "2024-02"), (4, "w", "2024-01")]
    assert content(warehouse, partition="2024-02") == [(3, "z", "2024-02")]
    assert content(warehouse, partition="2024-03") == []
    assert warehouse.digest(KEY, partition="2024-02") == february.digest


def test_each_partition_is_skipped_by_its_own_content(warehouse: Warehouse, rows: Rows):
    first = warehouse.write(KEY, rows("(1, 'x')"), partition="a")
    second = warehouse.write(KEY, rows("(1, 'x')"), partition="b")
    again = warehouse.write(KEY, rows("(1, 'x')"), partition="a")
    assert (first.changed, second.changed, again.changed) == (True, True, False)
    assert again.version == second.version
    assert content(warehouse) == [(1, "x", "a"), (1, "x", "b")]


@pytest.mark.parametrize("partition", [None, "a"])
def test_a_table_is_always_or_never_written_by_partition(
    warehouse: Warehouse, rows: Rows, partition: str | None
):
    warehouse.write(KEY, rows("(1, 'x')"), partition=partition)
    with pytest.raises(StoreError, match=r"table shop.validated_orders is (not )?written by partition"):
        warehouse.write(KEY, rows("(2, 'x')"), partition="a" if partition is None else None)
    assert len(content(warehouse)) == 1


def test_a_write_returns_its_own_version(warehouse: Warehouse, rows: Rows):
    first = warehouse.write(KEY, rows("(1, 'x')"), partition="a", inputs={"raw_orders": 1})
    second = warehouse.write(KEY, rows("(2, 'x')"), partition="b", inputs={"raw_orders": 2})
    assert [warehouse.inputs(KEY, result.version)["raw_orders"] for result in (first, second)] == [1, 2]


@pytest.mark.parametrize("partition", [None, "a"])
def test_a_write_that_fails_leaves_the_old_content(warehouse: Warehouse, rows: Rows, partition: str | None):
    first = warehouse.write(KEY, rows("(1, 'x')"), partition=partition)
    failing = rows("(1), (2)", "a").project(
        "case when a = 2 then error('broke off') else a end as a, 'y' as b"
    )
    with pytest.raises(duckdb.Error, match="broke off"):
        warehouse.write(KEY, [rows("(7, 'z')"), failing], partition=partition)
    assert [row[:2] for row in content(warehouse)] == [(1, "x")]
    assert warehouse.version(KEY) == first.version
    assert [entry.name for entry in (warehouse.root.joinpath(*KEY) / "_staging").iterdir()] == [".lock"]


def test_a_first_write_that_fails_creates_no_table(warehouse: Warehouse, rows: Rows):
    with pytest.raises(duckdb.Error, match="broke off"):
        warehouse.write(KEY, rows("(1)", "a").project("error('broke off') as a"))
    assert not warehouse.exists(KEY)
    assert warehouse.tables() == []


def overwrite(root: Path, writer: int, rounds: int) -> list[str]:
    """Overwrite two partitions repeatedly, and return the inconsistencies that reads in between found."""
    warehouse = Warehouse(root)
    problems = []
    with duckdb.connect() as connection:
        for number in range(rounds):
            for part in range(2):
                relation = connection.sql(
                    f"select {writer} as writer, {number} as round, unnest(range(50)) as n"
                )
                inputs = {f"writer {writer}": number}
                result = warehouse.write(KEY, relation, partition=f"{writer}-{part}", inputs=inputs)
                if warehouse.inputs(KEY, result.version) != inputs:
                    problems.append(f"version {result.version} is not the one that was written")
                seen = warehouse.relation(connection, KEY).aggregate(
                    "_partition, count(*), count(distinct n), count(distinct round)", "_partition"
                )
                problems += [str(found) for found in seen.fetchall() if found[1:] != (50, 50, 1)]
    return problems


def test_concurrent_writes_of_partitions_lose_and_duplicate_no_row(
    warehouse: Warehouse, processes: BaseContext
):
    writers, rounds = 4, 3
    together = processes.Barrier(writers).wait
    with ProcessPoolExecutor(writers, mp_context=processes, initializer=together) as pool:
        done = [pool.submit(overwrite, warehouse.root, writer, rounds) for writer in range(writers)]
        assert [future.result() for future in done] == [[]] * writers
    frame = warehouse.frame(KEY)
    assert len(frame) == writers * 2 * 50
    assert set(frame["round"]) == {rounds - 1}
    assert not frame.duplicated().any()
    assert (frame.groupby("_partition")["n"].nunique() == 50).all()
    assert len(warehouse.versions(KEY)) == writers * 2 * rounds


def test_concurrent_first_writes_of_one_table_leave_one_content(tmp_path):
    warehouse = Warehouse(tmp_path / "a place with spaces & 100")
    barrier = threading.Barrier(4)

    def write(_: int) -> None:
        with warehouse.connect() as connection:
            rows = connection.sql("select range as number from range(1000)")
            barrier.wait()
            warehouse.write(("p", "t"), rows)
            warehouse.write(("p", "parts"), rows, partition="2024-01")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(warehouse.frame(("p", "t"))) == 1000
    assert len(warehouse.frame(("p", "parts"), partition="2024-01")) == 1000


def test_old_versions_are_readable_at_any_age(tmp_path):
    warehouse = Warehouse(tmp_path)
    with warehouse.connect() as connection:
        warehouse.write(("p", "t"), connection.sql("select 1 as number"))
    delta = DeltaTable(str(tmp_path / "p" / "t"))
    assert delta.metadata().configuration["delta.enableExpiredLogCleanup"] == "false"


def test_a_table_has_an_address_below_a_relative_root_too(tmp_path: Path, rows: Rows, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = Warehouse("warehouse").write(KEY, rows("(1, 'x')"))
    assert result.uri == (tmp_path / "warehouse" / "shop" / "validated_orders").as_uri()
