"""Reading tables: partitions, versions, digests, views, and their errors."""

from collections.abc import Callable
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


def test_rows_stream_in_batches(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x'), (2, 'y'), (3, 'z')"))
    with warehouse.connect() as connection:
        assert [batch.num_rows for batch in warehouse.batches(connection, KEY, rows=2)] == [2, 1]


def test_partitions_may_have_different_columns(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"), partition="a")
    warehouse.write(KEY, rows("(2.5::double, true)", "a, c"), partition="b")
    assert content(warehouse) == [(1.0, "x", None, "a"), (2.5, None, True, "b")]
    delta = DeltaTable(str(warehouse.root.joinpath(*KEY)))
    assert {field.name for field in delta.schema().fields} == {"a", "b", "c", "_partition"}


def test_a_table_without_partitions_can_not_be_read_by_partition(warehouse: Warehouse, rows: Rows):
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


def test_files_of_other_partitions_are_not_opened(warehouse: Warehouse, rows: Rows):
    for partition in ("a", "b", "c"):
        warehouse.write(KEY, rows("(1, 'x')"), partition=partition)
    [broken] = warehouse.root.joinpath(*KEY, "_partition=b").iterdir()
    broken.write_bytes(b"no" * (broken.stat().st_size // 2) + b"P" * (broken.stat().st_size % 2))
    assert len(content(warehouse, partitions=["a", "c"])) == 2
    assert sorted(warehouse.partitions(KEY)) == ["a", "b", "c"]
    with pytest.raises(StoreError, match=r"_partition=b.* was changed after it was written"):
        content(warehouse, partitions=["a", "b"])


@pytest.mark.parametrize("arguments", [{"partitions": []}, {"partitions": ["nope"]}, {"partition": "nope"}])
def test_missing_partitions_are_empty_with_the_columns_of_the_table(
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
def test_either_one_partition_or_a_collection_is_requested(warehouse: Warehouse, rows: Rows, arguments: dict):
    warehouse.write(KEY, rows("(1, 'x')"), partition="a")
    with pytest.raises(ValueError, match="one partition, or a collection of partitions"):
        warehouse.frame(KEY, **arguments)


# ---------------------------------------------------------------- metadata


def test_partitions_have_their_digests_in_order(warehouse: Warehouse, rows: Rows):
    assert warehouse.partitions(KEY) == {}
    march = warehouse.write(KEY, rows("(3, 'z')"), partition="2024-03")
    january = warehouse.write(KEY, [rows("(1, 'x')"), rows("(2, 'y')")], partition="2024-01")
    empty = warehouse.write(KEY, rows("(1, 'x')").filter("false"), partition="2024-02")
    expected = {"2024-01": january.digest, "2024-02": empty.digest, "2024-03": march.digest}
    assert list(warehouse.partitions(KEY).items()) == list(expected.items())
    assert warehouse.partitions(KEY, version=march.version) == {"2024-03": march.digest}
    assert content(warehouse, partition="2024-02") == []


def test_partitions_of_another_program_are_digested_from_their_rows(warehouse: Warehouse, rows: Rows):
    frame = pa.table({"a": pa.array([1, 2], pa.int32()), "b": ["x", "y"], "_partition": ["a", "b"]})
    write_deltalake(str(warehouse.root.joinpath(*KEY)), frame, partition_by=["_partition"])
    digests = warehouse.partitions(KEY)
    with warehouse.connect() as connection:
        expected = relation_digest(warehouse.relation(connection, KEY, partition="b"))[1]
    assert digests == {"a": warehouse.digest(KEY, partition="a"), "b": expected}


def test_a_table_without_partitions_has_no_digests_by_partition(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    with pytest.raises(StoreError, match=r"table shop.validated_orders is not written by partition"):
        warehouse.partitions(KEY)


def test_old_versions_are_readable_with_their_columns(warehouse: Warehouse, rows: Rows):
    first = warehouse.write(KEY, rows("(1, 'x')"))
    second = warehouse.write(KEY, rows("(true, 2, 3)", "a, c, d"))
    assert content(warehouse, version=first.version) == [(1, "x")]
    assert content(warehouse) == content(warehouse, version=second.version) == [(True, 2, 3)]
    assert warehouse.digest(KEY, version=first.version) == first.digest


def test_versions_have_their_run_rows_digest_and_inputs(warehouse: Warehouse, rows: Rows):
    first = warehouse.write(KEY, rows("(1, 'x'), (2, 'y')"), dagster_run_id="run-1", inputs={"raw_orders": 3})
    warehouse.write(KEY, rows("(2, 'y'), (1, 'x')"), dagster_run_id="run-2", inputs={"raw_orders": 4})
    third = warehouse.write(KEY, rows("(1, 'x')"))
    versions = [
        (found.version, found.rows, found.digest, found.dagster_run_id, found.inputs)
        for found in warehouse.versions(KEY)
    ]
    assert versions == [
        (third.version, 1, third.digest, None, {}),
        (first.version, 2, first.digest, "run-1", {"raw_orders": 3}),
    ]
    assert warehouse.inputs(KEY, first.version) == {"raw_orders": 3}
    assert warehouse.inputs(KEY, third.version) == {}


def test_versions_have_their_partition(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"), partition="a")
    warehouse.write(KEY, rows("(1, 'x'), (2, 'y')"), partition="b")
    assert [(found.partition, found.rows) for found in warehouse.versions(KEY)] == [("b", 2), ("a", 1)]


def test_inputs_of_a_missing_version_are_an_error(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    with pytest.raises(StoreError, match=r"table shop.validated_orders can't be read at version 99"):
        warehouse.inputs(KEY, 99)


def test_a_missing_table_is_an_error_with_the_asset_to_materialize(warehouse: Warehouse):
    for ask in (warehouse.frame, warehouse.version, warehouse.versions, warehouse.digest):
        with pytest.raises(
            StoreError,
            match=r"table shop.validated_orders does not exist in .*\n.*/validated_orders first",
        ):
            ask(KEY)


def test_a_missing_version_is_an_error(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    with pytest.raises(StoreError, match=r"table shop.validated_orders can't be read at version 99"):
        warehouse.frame(KEY, version=99)


def test_rows_are_counted_by_partition_also_for_files_of_another_program(warehouse: Warehouse, rows: Rows):
    frame = pa.table({"a": pa.array([1, 2, 3], pa.int32()), "_partition": ["a", "a", "b"]})
    write_deltalake(str(warehouse.root.joinpath(*KEY)), frame, partition_by=["_partition"])
    assert warehouse.row_counts(KEY) == {"a": 2, "b": 1}
    warehouse.write(("shop", "features"), rows("(1, 'x')"))
    assert warehouse.row_counts(("shop", "features")) == {None: 1}


def test_a_table_is_found_by_the_name_of_its_view(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    warehouse.write(("shop", "deep", "scores"), rows("(1, 'x')"))
    assert warehouse.find("shop", "validated_orders") == KEY
    assert warehouse.find("shop", "deep_scores") == warehouse.find("shop", "deep/scores")
    with pytest.raises(StoreError, match=r"shop has no table orders\n  hint: choose one of deep/scores, "):
        warehouse.find("shop", "orders")
    with pytest.raises(StoreError, match=r"bank has no table orders\n  hint: materialize one first"):
        warehouse.find("bank", "orders")


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


def test_a_connection_can_not_read_python_variables(warehouse: Warehouse, rows: Rows):
    secret = rows("(1, 'x')")
    with (
        warehouse.connect() as connection,
        pytest.raises(duckdb.CatalogException, match="secret does not exist"),
    ):
        connection.sql("from secret")
    assert secret.columns == ["a", "b"]


def test_a_table_that_can_not_be_read_is_reported_and_has_no_view(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    warehouse.write(("shop", "features"), rows("(2, 'y')"))
    [file] = warehouse.root.joinpath(*KEY).glob("*.parquet")
    file.unlink()
    errors: list[StoreError] = []
    with warehouse.connect() as connection:
        files = warehouse.create_views(connection, on_error=errors.append)
        assert [Path(path).parent.name for path in files] == ["features"]
        assert connection.sql("from shop.features").fetchall() == [(2, "y")]
        with pytest.raises(StoreError, match=r"data file .* is missing"):
            warehouse.create_views(connection)
    assert [f"{file}" in error.message for error in errors] == [True]


@pytest.mark.parametrize(("columns", "is_wide"), [(3, False), (300, True)])
def test_a_wide_table_is_planned_without_quadratic_optimizers(
    warehouse: Warehouse, columns: int, is_wide: bool
):
    with warehouse.connect() as connection:
        listed = ", ".join(f"{place} as c{place}" for place in range(columns))
        warehouse.write(KEY, connection.sql(f"select {listed}"))
        warehouse.relation(connection, KEY)
        [[off]] = connection.execute("select current_setting('disabled_optimizers')").fetchall()
        assert ("common_subexpressions" in off.split(",")) == is_wide
        assert "window_self_join" in off.split(",")


def test_a_wide_table_is_read_by_a_connection_that_is_confined(warehouse: Warehouse):
    with warehouse.connect() as connection:
        listed = ", ".join(f"{place} as c{place}" for place in range(300))
        warehouse.write(KEY, connection.sql(f"select {listed}"))
    with warehouse.connect() as connection:
        warehouse.confine(connection, [], output=KEY)
        assert warehouse.relation(connection, KEY).fetchall() == [tuple(range(300))]
