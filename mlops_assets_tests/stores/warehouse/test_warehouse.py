"""The warehouse: content is replaced whole or not at all, and every version stays readable."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.context import BaseContext
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.warehouse.warehouse import Warehouse, relation_digest

KEY = ("shop", "validated_orders")
Rows = Callable[..., duckdb.DuckDBPyRelation]


def content(warehouse: Warehouse, **arguments) -> list[tuple]:
    frame = warehouse.frame(KEY, **arguments).astype(object)
    return sorted(frame.where(frame.notna(), None).itertuples(index=False, name=None), key=repr)


def test_what_was_written_is_read(warehouse: Warehouse, rows: Rows):
    assert not warehouse.exists(KEY)
    result = warehouse.write(KEY, rows("(1, 'x'), (2, null)"))
    assert warehouse.exists(KEY)
    assert (result.rows, result.changed) == (2, True)
    assert content(warehouse) == [(1, "x"), (2, None)]
    assert warehouse.version(KEY) == result.version
    assert warehouse.digest(KEY) == result.digest


def test_several_relations_make_one_table(warehouse: Warehouse, rows: Rows):
    result = warehouse.write(KEY, [rows("(1, 'x')"), rows("(2, 'y')"), rows("(3, 'z')").filter("false")])
    assert result.rows == 2
    assert content(warehouse) == [(1, "x"), (2, "y")]


def test_a_table_without_rows_keeps_its_columns(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')").filter("false"))
    assert warehouse.frame(KEY).columns.tolist() == ["a", "b"]
    assert content(warehouse) == []


def test_rows_stream_in_batches(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x'), (2, 'y'), (3, 'z')"))
    with warehouse.connect() as connection:
        assert [batch.num_rows for batch in warehouse.batches(connection, KEY, rows=2)] == [2, 1]


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


def test_a_write_without_any_relation_is_refused(warehouse: Warehouse):
    with pytest.raises(StoreError, match=r"table shop.validated_orders: there is no relation to write"):
        warehouse.write(KEY, [])
    assert not warehouse.exists(KEY)


def test_files_of_one_write_may_have_numbers_of_different_width(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, [rows("(1, 'x')"), rows("(2.5::double, 'y')")])
    assert content(warehouse) == [(1.0, "x"), (2.5, "y")]


# ---------------------------------------------------------------- what changes a table


def test_writing_the_same_rows_in_another_order_changes_nothing(warehouse: Warehouse, rows: Rows):
    first = warehouse.write(KEY, rows("(1, 'x'), (2, 'y')"))
    again = warehouse.write(KEY, rows("(2, 'y'), (1, 'x')"))
    turned = warehouse.write(KEY, rows("('y', 2), ('x', 1)", "b, a"))
    assert (again.changed, again.version, again.digest) == (False, first.version, first.digest)
    assert not turned.changed
    assert len(warehouse.versions(KEY)) == 1


def test_provenance_is_no_content(warehouse: Warehouse, rows: Rows):
    columns = "a, _source_file, _source_sha256, _row"
    first = warehouse.write(KEY, rows("(1, 'old.csv', 'abc', 1)", columns))
    renamed = warehouse.write(KEY, rows("(1, 'new.csv', 'def', 2)", columns))
    assert (renamed.changed, renamed.digest) == (False, first.digest)


# ---------------------------------------------------------------- partitions


def test_a_partition_is_replaced_and_others_stay(warehouse: Warehouse, rows: Rows):
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


@pytest.mark.parametrize("partition", ["2024-01-01-00:00", "north west", "100%", "é"])
def test_a_partition_may_have_any_usual_name(warehouse: Warehouse, rows: Rows, partition: str):
    for value in (1, 2):
        warehouse.write(KEY, rows(f"({value}, 'x')"), partition=partition)
    warehouse.write(KEY, rows("(3, 'y')"), partition="other")
    assert content(warehouse, partition=partition) == [(2, "x", partition)]
    assert len(content(warehouse)) == 2


@pytest.mark.parametrize("partition", ["", "a/b", "a=b", "..\\a", "a*", "a[b]", "a%20b"])
def test_a_name_that_is_no_folder_is_refused(warehouse: Warehouse, rows: Rows, partition: str):
    with pytest.raises(StoreError, match="can't name a partition"):
        warehouse.write(KEY, rows("(1, 'x')"), partition=partition)


def test_partitions_may_have_different_columns(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"), partition="a")
    warehouse.write(KEY, rows("(2.5::double, true)", "a, c"), partition="b")
    assert content(warehouse) == [(1.0, "x", None, "a"), (2.5, None, True, "b")]
    delta = DeltaTable(str(warehouse.root.joinpath(*KEY)))
    assert {field.name for field in delta.schema().fields} == {"a", "b", "c", "_partition"}


@pytest.mark.parametrize("partition", [None, "a"])
def test_a_table_is_always_or_never_written_by_partition(
    warehouse: Warehouse, rows: Rows, partition: str | None
):
    warehouse.write(KEY, rows("(1, 'x')"), partition=partition)
    with pytest.raises(StoreError, match=r"table shop.validated_orders is (not )?written by partition"):
        warehouse.write(KEY, rows("(2, 'x')"), partition="a" if partition is None else None)
    assert len(content(warehouse)) == 1


def test_a_table_without_partitions_has_none_to_read(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    with pytest.raises(StoreError, match=r"table shop.validated_orders is not written by partition"):
        warehouse.frame(KEY, partition="a")


def test_several_partitions_are_read_at_once(warehouse: Warehouse, rows: Rows):
    for number, partition in enumerate(["2024-01", "2024-02", "2024-03"]):
        warehouse.write(KEY, rows(f"({number}, 'x')"), partition=partition)
    wanted = {"2024-01", "2024-03", "2031-12"}
    assert content(warehouse, partitions=wanted) == [(0, "x", "2024-01"), (2, "x", "2024-03")]
    assert content(warehouse, partitions=wanted, version=1) == [(0, "x", "2024-01")]
    with warehouse.connect() as connection:
        [batch] = warehouse.batches(connection, KEY, partitions=["2024-02"])
    assert batch.to_pylist() == [{"a": 1, "b": "x", "_partition": "2024-02"}]


def test_no_other_partitions_file_is_opened(warehouse: Warehouse, rows: Rows):
    for partition in ("a", "b", "c"):
        warehouse.write(KEY, rows("(1, 'x')"), partition=partition)
    [broken] = warehouse.root.joinpath(*KEY, "_partition=b").iterdir()
    broken.write_bytes(b"no Parquet")
    assert len(content(warehouse, partitions=["a", "c"])) == 2
    assert sorted(warehouse.partitions(KEY)) == ["a", "b", "c"]
    with pytest.raises(duckdb.Error, match="_partition=b"):
        content(warehouse, partitions=["a", "b"])


@pytest.mark.parametrize("arguments", [{"partitions": []}, {"partitions": ["nope"]}, {"partition": "nope"}])
def test_partitions_that_are_not_there_are_empty_with_the_tables_columns(
    warehouse: Warehouse, rows: Rows, arguments: dict
):
    warehouse.write(KEY, rows("(1, 'x')"), partition="a")
    warehouse.write(KEY, rows("(2.5::double, true)", "a, c"), partition="b")
    with warehouse.connect() as connection:
        relation = warehouse.relation(connection, KEY, **arguments)
        assert dict(zip(relation.columns, map(str, relation.types), strict=True)) == {
            "a": "DOUBLE",
            "b": "VARCHAR",
            "c": "BOOLEAN",
            "_partition": "VARCHAR",
        }
        assert relation.fetchall() == []


@pytest.mark.parametrize("arguments", [{"partition": "a", "partitions": ["a"]}, {"partitions": "2024-01"}])
def test_one_partition_or_several_are_asked_for(warehouse: Warehouse, rows: Rows, arguments: dict):
    warehouse.write(KEY, rows("(1, 'x')"), partition="a")
    with pytest.raises(ValueError, match="one partition, or a collection of partitions"):
        warehouse.frame(KEY, **arguments)


def test_partitions_tell_their_digests_in_order(warehouse: Warehouse, rows: Rows):
    assert warehouse.partitions(KEY) == {}
    march = warehouse.write(KEY, rows("(3, 'z')"), partition="2024-03")
    january = warehouse.write(KEY, [rows("(1, 'x')"), rows("(2, 'y')")], partition="2024-01")
    empty = warehouse.write(KEY, rows("(1, 'x')").filter("false"), partition="2024-02")
    told = {"2024-01": january.digest, "2024-02": empty.digest, "2024-03": march.digest}
    assert list(warehouse.partitions(KEY).items()) == list(told.items())
    assert warehouse.partitions(KEY, version=march.version) == {"2024-03": march.digest}
    assert content(warehouse, partition="2024-02") == []


def test_partitions_of_another_writer_are_digested_from_their_rows(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"), partition="a")
    frame = pa.table({"a": pa.array([2], pa.int32()), "b": ["y"], "_partition": ["b"]})
    write_deltalake(str(warehouse.root.joinpath(*KEY)), frame, mode="append")
    told = warehouse.partitions(KEY)
    with warehouse.connect() as connection:
        expected = relation_digest(warehouse.relation(connection, KEY, partition="b"))[1]
    assert told == {"a": warehouse.digest(KEY, partition="a"), "b": expected}


def test_a_table_without_partitions_can_not_tell_them(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    with pytest.raises(StoreError, match=r"table shop.validated_orders is not written by partition"):
        warehouse.partitions(KEY)


def test_rows_of_a_partition_do_not_bring_the_partition_column(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"), partition="a")
    with (
        warehouse.connect() as connection,
        pytest.raises(StoreError, match=r"'_partition', which the warehouse adds(.|\n)*exclude"),
    ):
        warehouse.write(KEY, warehouse.relation(connection, KEY), partition="b")
    assert list(warehouse.partitions(KEY)) == ["a"]


def test_a_warehouse_below_a_folder_that_looks_like_a_partition_is_refused(tmp_path: Path, rows: Rows):
    warehouse = Warehouse(tmp_path / "run=3")
    warehouse.write(KEY, rows("(1, 'x')"))
    with pytest.raises(StoreError, match=r"has '=' in its path"):
        warehouse.write(("shop", "features"), rows("(1, 'x')"), partition="a")


# ---------------------------------------------------------------- versions


def test_old_versions_stay_readable_with_their_columns(warehouse: Warehouse, rows: Rows):
    first = warehouse.write(KEY, rows("(1, 'x')"))
    second = warehouse.write(KEY, rows("(true, 2, 3)", "a, c, d"))
    assert content(warehouse, version=first.version) == [(1, "x")]
    assert content(warehouse) == content(warehouse, version=second.version) == [(True, 2, 3)]
    assert warehouse.digest(KEY, version=first.version) == first.digest


def test_versions_tell_who_wrote_what_of_what(warehouse: Warehouse, rows: Rows):
    first = warehouse.write(KEY, rows("(1, 'x'), (2, 'y')"), dagster_run_id="run-1", inputs={"raw_orders": 3})
    warehouse.write(KEY, rows("(2, 'y'), (1, 'x')"), dagster_run_id="run-2", inputs={"raw_orders": 4})
    third = warehouse.write(KEY, rows("(1, 'x')"))
    told = [
        (found.version, found.rows, found.digest, found.dagster_run_id, found.inputs)
        for found in warehouse.versions(KEY)
    ]
    assert told == [
        (third.version, 1, third.digest, None, {}),
        (first.version, 2, first.digest, "run-1", {"raw_orders": 3}),
    ]
    assert warehouse.inputs(KEY, first.version) == {"raw_orders": 3}
    assert warehouse.inputs(KEY, third.version) == {}


def test_versions_tell_the_partition(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"), partition="a")
    warehouse.write(KEY, rows("(1, 'x'), (2, 'y')"), partition="b")
    assert [(found.partition, found.rows) for found in warehouse.versions(KEY)] == [("b", 2), ("a", 1)]


def test_a_write_tells_its_own_version_whoever_writes_meanwhile(warehouse: Warehouse, rows: Rows):
    first = warehouse.write(KEY, rows("(1, 'x')"), partition="a", inputs={"raw_orders": 1})
    second = warehouse.write(KEY, rows("(2, 'x')"), partition="b", inputs={"raw_orders": 2})
    assert [warehouse.inputs(KEY, result.version)["raw_orders"] for result in (first, second)] == [1, 2]


def test_inputs_of_a_version_that_is_not_there_are_an_error(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    with pytest.raises(StoreError, match=r"table shop.validated_orders can't be read at version 99"):
        warehouse.inputs(KEY, 99)


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("partition", [None, "a"])
def test_a_writer_that_fails_midway_leaves_the_old_content(
    warehouse: Warehouse, rows: Rows, partition: str | None
):
    first = warehouse.write(KEY, rows("(1, 'x')"), partition=partition)
    failing = rows("(1), (2)", "a").project(
        "case when a = 2 then error('broke off') else a end as a, 'y' as b"
    )
    with pytest.raises(duckdb.Error, match="broke off"):
        warehouse.write(KEY, [rows("(7, 'z')"), failing], partition=partition)
    assert [row[:2] for row in content(warehouse)] == [(1, "x")]
    assert warehouse.version(KEY) == first.version
    assert list((warehouse.root.joinpath(*KEY) / "_staging").iterdir()) == []


def test_a_first_write_that_fails_makes_no_table(warehouse: Warehouse, rows: Rows):
    with pytest.raises(duckdb.Error, match="broke off"):
        warehouse.write(KEY, rows("(1)", "a").project("error('broke off') as a"))
    assert not warehouse.exists(KEY)
    assert warehouse.tables() == []


def test_what_killed_writers_left_is_removed_once_it_is_old(warehouse: Warehouse, rows: Rows):
    left, recent = (warehouse.root.joinpath(*KEY) / "_staging" / name for name in ("left", "recent"))
    for folder in (left, recent):
        folder.mkdir(parents=True)
        (folder / "00000.parquet").write_text("half")
    yesterday = time.time() - 25 * 3600
    os.utime(left, (yesterday, yesterday))
    warehouse.write(KEY, rows("(1, 'x')"))
    assert not left.exists()
    assert recent.exists()


def test_a_table_that_is_not_there_is_named_with_the_way_out(warehouse: Warehouse):
    for ask in (warehouse.frame, warehouse.version, warehouse.versions, warehouse.digest):
        with pytest.raises(
            StoreError, match=r"no table shop.validated_orders in .*\n.*shop/validated_orders first"
        ):
            ask(KEY)


def test_a_version_that_is_not_there_is_an_error(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    with pytest.raises(StoreError, match=r"table shop.validated_orders can't be read at version 99"):
        warehouse.frame(KEY, version=99)


# ---------------------------------------------------------------- views


def test_every_table_is_a_view_of_its_project(warehouse: Warehouse, rows: Rows):
    first = warehouse.write(KEY, rows("(1, 'x')"))
    warehouse.write(KEY, rows("(2, 'y')"))
    warehouse.write(("order", "features"), rows("(3, 'z')"), partition="a")
    assert warehouse.tables() == [("order", "features"), KEY]
    with warehouse.connect() as connection:
        warehouse.create_views(connection)
        assert connection.sql("from shop.validated_orders").fetchall() == [(2, "y")]
        assert connection.sql('from "order".features').fetchall() == [(3, "z", "a")]
        warehouse.create_views(connection, {KEY: first.version})
        assert connection.sql("from shop.validated_orders").fetchall() == [(1, "x")]


def test_a_connection_sees_no_python_variable(warehouse: Warehouse, rows: Rows):
    secret = rows("(1, 'x')")
    with (
        warehouse.connect() as connection,
        pytest.raises(duckdb.CatalogException, match="secret does not exist"),
    ):
        connection.sql("from secret")
    assert secret.columns == ["a", "b"]


# ---------------------------------------------------------------- several processes


def overwrite(root: Path, writer: int, rounds: int) -> list[str]:
    """Overwrite two partitions of one's own, again and again, and tell what reads in between saw amiss."""
    warehouse = Warehouse(root)
    amiss = []
    with duckdb.connect() as connection:
        for number in range(rounds):
            for part in range(2):
                relation = connection.sql(
                    f"select {writer} as writer, {number} as round, unnest(range(50)) as n"
                )
                made_of = {f"writer {writer}": number}
                result = warehouse.write(KEY, relation, partition=f"{writer}-{part}", inputs=made_of)
                if warehouse.inputs(KEY, result.version) != made_of:
                    amiss.append(f"version {result.version} is not the one that was written")
                seen = warehouse.relation(connection, KEY).aggregate(
                    "_partition, count(*), count(distinct n), count(distinct round)", "_partition"
                )
                amiss += [str(found) for found in seen.fetchall() if found[1:] != (50, 50, 1)]
    return amiss


def test_processes_that_overwrite_other_partitions_lose_and_double_no_row(
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


def test_two_first_writers_of_one_table_leave_one_content(tmp_path):
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


def test_versions_stay_readable_whatever_their_age(tmp_path):
    warehouse = Warehouse(tmp_path)
    with warehouse.connect() as connection:
        warehouse.write(("p", "t"), connection.sql("select 1 as number"))
    delta = DeltaTable(str(tmp_path / "p" / "t"))
    assert delta.metadata().configuration["delta.enableExpiredLogCleanup"] == "false"
