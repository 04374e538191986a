"""The schema of a table: partitions may have different columns and types that have a common type."""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.delta.common_types import united_type, widens
from mlops_assets.stores.warehouse.warehouse import Warehouse

KEY = ("shop", "validated_orders")
Rows = Callable[..., duckdb.DuckDBPyRelation]

VALUES = [
    "null",
    "true",
    "127::utinyint",
    "(-9223372036854775808)::bigint",
    "18446744073709551615::ubigint",
    "2.5::float",
    "1e300::double",
    "123456.78::decimal(10, 2)",
    "'é, not a number'",
    "'\\xFF'::blob",
    "date '9999-12-31'",
    "timestamp '2024-02-29 23:59:59.999999'",
    "timestamptz '2024-02-29 23:59:59'",
    "uuid()",
    "[1, null]",
    "['é']",
    "[]",
    "{'k': 1}",
    "{'l': 'é'}",
    "{'k': 'é'}",
    "map {'k': 1}",
    "[1, 2]::integer[2]",
]


def delta_columns(warehouse: Warehouse) -> dict[str, str]:
    fields = DeltaTable(str(warehouse.root.joinpath(*KEY))).schema().fields
    return {field.name: field.type.type for field in fields if field.name != "_partition"}


def test_types_with_a_common_type_can_be_read_together(tmp_path: Path):
    with duckdb.connect() as connection:
        files = [tmp_path / f"{number}.parquet" for number in range(len(VALUES))]
        for file, value in zip(files, VALUES, strict=True):
            connection.sql(f"select {value} as a").write_parquet(str(file))
        types = [connection.read_parquet(str(file)).types[0] for file in files]
        rejected = set()
        for (one, first), (other, second) in product(zip(files, types, strict=True), repeat=2):
            both = united_type(connection, first, second)
            if widens(first, both) and widens(second, both):
                read = connection.read_parquet([str(one), str(other)], union_by_name=True)
                assert len(read.fetchall()) == 2, (first, second)
            else:
                rejected.add((str(first), str(second)))
    assert rejected == {(second, first) for first, second in rejected}
    assert {("DATE", "BIGINT"), ("INTEGER[]", "VARCHAR"), ("BLOB", "VARCHAR")} < rejected
    assert rejected.isdisjoint(
        {("BIGINT", "DOUBLE"), ("DATE", "VARCHAR"), ("INTEGER[]", "VARCHAR[]"), ("BOOLEAN", "BIGINT")}
    )


@pytest.mark.parametrize(
    ("before", "after", "type_of_the_table", "read"),
    [
        ("1::bigint", "2.5::double", "double", [1.0, 2.5]),
        ("2.5::double", "1::bigint", "double", [2.5, 1.0]),
        ("2.5::double", "'n/a'", "string", ["2.5", "n/a"]),
        ("null", "'x'", "string", [None, "x"]),
        ("'x'", "null", "string", ["x", None]),
        ("date '2024-01-31'", "timestamp '2024-01-31 12:00'", "timestamp_ntz", None),
    ],
)
def test_a_partition_with_another_type_leaves_the_table_readable(
    warehouse: Warehouse, rows: Rows, before: str, after: str, type_of_the_table: str, read: list | None
):
    warehouse.write(KEY, rows(f"({before})", "a"), partition="1")
    warehouse.write(KEY, rows(f"({before})", "a"), partition="2")
    warehouse.write(KEY, rows(f"({after})", "a"), partition="2")
    assert delta_columns(warehouse) == {"a": type_of_the_table}
    with warehouse.connect() as connection:
        found = warehouse.relation(connection, KEY).order("_partition").project("a").fetchall()
    assert read is None or [value for (value,) in found] == read
    assert len(found) == 2


def test_a_type_without_a_common_type_is_an_error_and_nothing_is_committed(warehouse: Warehouse, rows: Rows):
    first = warehouse.write(KEY, rows("(date '2024-01-31', 1)"), partition="2024-01")
    with pytest.raises(
        StoreError,
        match=r"table shop.validated_orders: column 'a' is INTEGER in partition 2024-02 and DATE in other "
        r"partitions, which have no common type",
    ):
        warehouse.write(KEY, rows("(5, 1)"), partition="2024-02")
    assert warehouse.version(KEY) == first.version
    assert not warehouse.root.joinpath(*KEY, "_partition=2024-02").exists()
    assert len(warehouse.frame(KEY)) == 1


def test_the_only_partition_may_change_its_types(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(date '2024-01-31')", "a"), partition="1")
    warehouse.write(KEY, rows("(5)", "a"), partition="1")
    assert delta_columns(warehouse) == {"a": "integer"}


def test_a_column_is_dropped_when_no_partition_has_it(warehouse: Warehouse, rows: Rows):
    for partition in ("1", "2"):
        warehouse.write(KEY, rows("('5', 'x')", "a, gone"), partition=partition)
    warehouse.write(KEY, rows("(5.0::double)", "a"), partition="1")
    assert delta_columns(warehouse) == {"a": "string", "gone": "string"}
    warehouse.write(KEY, rows("(6.0::double)", "a"), partition="2")
    assert delta_columns(warehouse) == {"a": "double"}


def test_columns_that_differ_in_case_are_one_column(warehouse: Warehouse, rows: Rows):
    warehouse.write(KEY, rows("(1)", "amount"), partition="1")
    warehouse.write(KEY, rows("(2)", "Amount"), partition="2")
    assert len(delta_columns(warehouse)) == 1
    assert sorted(warehouse.frame(KEY).iloc[:, 0]) == [1, 2]


@pytest.mark.parametrize("partition", [None, "1"])
@pytest.mark.parametrize(
    "value", ["timestamp '2024-01-31'", "timestamp_ns '2024-01-31'", "[timestamp '2024-01-31']"]
)
def test_a_later_version_may_have_a_column_of_times(
    warehouse: Warehouse, rows: Rows, value: str, partition: str | None
):
    first = warehouse.write(KEY, rows("(1)", "a"), partition=partition)
    second = warehouse.write(KEY, rows(f"(2, {value})"), partition=partition, inputs={"raw_orders": 1})
    third = warehouse.write(KEY, rows(f"(3, {value})"), partition=partition)
    assert [
        warehouse.frame(KEY, version=written.version)["a"].tolist() for written in (first, second, third)
    ] == [
        [1],
        [2],
        [3],
    ]
    assert warehouse.inputs(KEY, second.version) == {"raw_orders": 1}
    assert third.version == second.version + 1
