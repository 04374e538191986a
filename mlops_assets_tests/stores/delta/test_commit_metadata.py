"""Custom metadata of commits: one version from its own file, and all versions from the whole log."""

from collections.abc import Callable

import duckdb

from mlops_assets.stores.delta.commit_metadata import custom_metadata, one_version
from mlops_assets.stores.warehouse.warehouse import Warehouse

KEY = ("shop", "validated_orders")
Rows = Callable[..., duckdb.DuckDBPyRelation]


def test_one_version_equals_that_in_the_whole_history(warehouse: Warehouse, rows: Rows):
    for number, partition in enumerate(["a", "b", "a"]):
        warehouse.write(
            KEY,
            rows(f"({number}, 'x')"),
            partition=partition,
            dagster_run_id=f"run-{number}",
            inputs={"raw_orders": number},
        )
    versions = warehouse.versions(KEY)
    assert [found.inputs["raw_orders"] for found in versions] == [2, 1, 0]
    assert [one_version(warehouse.root.joinpath(*KEY), found.version) for found in versions] == versions


def test_a_commit_without_content_is_not_a_version(warehouse: Warehouse, rows: Rows):
    first = warehouse.write(KEY, rows("(1, 'x')"))
    assert one_version(warehouse.root.joinpath(*KEY), first.version - 1) is None
    assert one_version(warehouse.root.joinpath(*KEY), first.version + 1) is None
    assert warehouse.inputs(KEY, first.version - 1) == {}


def test_values_that_are_not_known_are_not_recorded():
    assert custom_metadata(rows=2, digest="ab", partition=None, dagster_run_id=None, inputs=None) == {
        "mlops.digest": "ab",
        "mlops.rows": "2",
        "mlops.inputs": "{}",
    }
    found = custom_metadata(
        rows=0,
        digest="ab",
        partition="2024-01",
        dagster_run_id="r1",
        inputs={"b": 2, "a": 1},
        restored_from=0,
    )
    assert found["mlops.inputs"] == '{"a": 1, "b": 2}'
    assert (found["mlops.rows"], found["mlops.partition"]) == ("0", "2024-01")
    assert (found["mlops.dagster_run_id"], found["mlops.restored_from"]) == ("r1", "0")
