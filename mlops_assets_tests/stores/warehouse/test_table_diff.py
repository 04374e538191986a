"""The differences between two versions of a table."""

import pytest

from mlops_assets.cli.output.table_versions import print_table_diff
from mlops_assets.core.errors import StoreError
from mlops_assets.stores.warehouse.table_diff import diff_contents, diff_versions
from mlops_assets.stores.warehouse.warehouse import Warehouse

KEY = ("shop", "validated_orders")


def test_only_partitions_with_different_content_are_compared(warehouse: Warehouse, rows):
    warehouse.write(KEY, rows("(1, 'x'), (2, 'y')", "id, name"), partition="2024-01")
    warehouse.write(KEY, rows("(1, 'x')", "id, name"), partition="2024-02")
    before = warehouse.version(KEY)
    warehouse.write(KEY, rows("(1, 'x'), (2, 'z'), (3, 'w')", "id, name"), partition="2024-02")
    [unchanged] = warehouse.root.joinpath(*KEY).glob("_partition=2024-01/*.parquet")
    unchanged.write_bytes(b"not read by the comparison")
    found = diff_versions(warehouse, KEY, before, before + 1, identity=["id"])
    assert found.partitions == ("2024-02",)
    assert found.rows is not None
    assert (found.rows.added, found.rows.removed, found.rows.changed) == (2, 0, 0)
    assert found.rows.identity == ("id", "_partition")
    assert [shift.column for shift in found.shifts] == ["name"]
    assert found.shifts[0].new_examples == ("w", "z")


def test_a_row_of_the_same_key_in_another_partition_is_another_row(warehouse: Warehouse, rows):
    for number, partition in enumerate(("2024-01", "2024-02")):
        warehouse.write(KEY, rows(f"(1, {number})", "id, size"), partition=partition)
    before = warehouse.version(KEY)
    for partition in ("2024-01", "2024-02"):
        warehouse.write(KEY, rows("(1, 7)", "id, size"), partition=partition)
    found = diff_versions(warehouse, KEY, before, before + 2, identity=["id"])
    assert found.rows is not None
    assert (found.rows.changed, found.rows.changed_columns) == (2, {"size": 2})


def test_equal_content_is_recognised_by_its_digest(warehouse: Warehouse, rows):
    first = warehouse.write(KEY, rows("(1, 'x')"))
    warehouse.write(KEY, rows("(2, 'y')"))
    again = warehouse.restore(KEY, first.version)
    found = diff_versions(warehouse, KEY, first.version, again.version)
    assert (found.rows, found.shifts) == (None, ())


def test_a_partition_in_neither_version_is_an_error(warehouse: Warehouse, rows):
    warehouse.write(KEY, rows("(1, 'x')"), partition="a")
    with pytest.raises(StoreError, match=r"no partition b in versions 1 and 1\n  hint: its partitions are a"):
        diff_versions(warehouse, KEY, 1, 1, partition="b")


def test_a_new_partition_has_only_added_rows(warehouse: Warehouse, rows):
    warehouse.write(KEY, rows("(1, 'x')"), partition="a")
    warehouse.write(KEY, rows("(2, 'y'), (3, 'z')"), partition="b")
    found = diff_versions(warehouse, KEY, 1, 2, partition="b")
    assert found.rows is not None
    assert (found.rows.rows_before, found.rows.added, found.rows.removed) == (0, 2, 0)


def test_the_empty_first_version_is_compared_by_its_rows_only(warehouse: Warehouse, rows):
    warehouse.write(KEY, rows("(1, 'x', 2.5)", "id, name, size"))
    found = diff_versions(warehouse, KEY, 0, 1, identity=["id"])
    assert found.rows is not None
    assert (found.rows.added, found.rows.removed, found.rows.changed, found.shifts) == (1, 0, 0, ())
    print_table_diff(found)


def test_a_version_that_does_not_exist_is_an_error(warehouse: Warehouse, rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    with pytest.raises(StoreError, match=r"has no version 9\n  hint: the newest version is 1"):
        diff_versions(warehouse, KEY, 1, 9)


def test_two_partitions_at_two_versions_are_compared_by_their_rows(warehouse: Warehouse, rows):
    january = warehouse.write(KEY, rows("(1, 10), (2, 20)", "id, size"), partition="2024-01")
    february = warehouse.write(KEY, rows("(1, 10), (2, 21), (3, 30)", "id, size"), partition="2024-02")
    before, after = (january.version, "2024-01"), (february.version, "2024-02")
    found = diff_contents(warehouse, KEY, before, after, identity=["id"])
    assert (found.before, found.after, found.partitions) == (1, 2, ("2024-01", "2024-02"))
    assert found.rows is not None
    assert (found.rows.added, found.rows.removed, found.rows.changed) == (1, 0, 1)
    assert found.rows.changed_columns == {"size": 1}
    same = diff_contents(warehouse, KEY, after, after, identity=["id"])
    assert (same.rows, same.shifts, same.partitions) == (None, (), ())


def test_shifts_of_sensitive_columns_have_counts_and_no_values(warehouse: Warehouse, rows):
    first = warehouse.write(KEY, rows("(1, 'ann', 30), (2, 'bob', 40)", "id, name, age")).version
    warehouse.write(KEY, rows("(1, 'zoe', 35), (2, 'bob', 45)", "id, name, age"))
    found = diff_versions(warehouse, KEY, first, first + 1, identity=["id"], sensitive=["name", "age"])
    by_name = {shift.column: shift for shift in found.shifts}
    assert (by_name["name"].new_values, by_name["name"].gone_values) == (1, 1)
    assert {"zoe", "ann", "30", "35.0", "40.0"}.isdisjoint(set(repr(found).replace("'", " ").split()))
    assert by_name["age"].psi > 0
    assert by_name["age"].means is None
