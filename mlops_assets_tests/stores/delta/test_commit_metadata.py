"""What a commit tells about itself, read from its own file in the log."""

from collections.abc import Callable

import duckdb

from mlops_assets.stores.delta.commit_metadata import one_version
from mlops_assets.stores.warehouse.warehouse import Warehouse

KEY = ("shop", "validated_orders")
Rows = Callable[..., duckdb.DuckDBPyRelation]


def test_one_version_tells_the_same_as_the_whole_history(warehouse: Warehouse, rows: Rows):
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


def test_a_commit_without_content_tells_nothing(warehouse: Warehouse, rows: Rows):
    first = warehouse.write(KEY, rows("(1, 'x')"))
    assert one_version(warehouse.root.joinpath(*KEY), first.version - 1) is None
    assert one_version(warehouse.root.joinpath(*KEY), first.version + 1) is None
    assert warehouse.inputs(KEY, first.version - 1) == {}
