"""A table that another Delta writer has changed is an error that names the writer, and can be repaired."""

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.warehouse.warehouse import Warehouse

KEY = ("shop", "features")
OTHER = pa.table({"a": [7], "b": ["q"]})
WRITES = {
    "WRITE": lambda table: write_deltalake(table, OTHER, mode="append"),
    "OVERWRITE": lambda table: write_deltalake(table, OTHER, mode="overwrite"),
    "DELETE": lambda table: table.delete("a = 2"),
    "UPDATE": lambda table: table.update({"b": "'z'"}),
    "RESTORE": lambda table: table.restore(1),
    "OPTIMIZE": lambda table: table.optimize.z_order(["a"]),
}


@pytest.mark.parametrize("operation", WRITES)
def test_a_write_by_another_program_is_an_error_until_the_last_own_version_is_restored(
    warehouse: Warehouse, rows, operation
):
    for number in range(3):
        last = warehouse.write(KEY, rows(f"({number}, 'x')"))
    WRITES[operation](DeltaTable(str(warehouse.root.joinpath(*KEY))))
    what = operation.removeprefix("OVER")
    expected = (
        rf"table shop.features, version 4, was written by another program: {what} by delta-rs:.*not val"
    )
    for ask in (warehouse.frame, warehouse.digest, warehouse.row_counts, warehouse.version):
        with pytest.raises(StoreError, match=expected) as found:
            ask(KEY)
    assert f"mlops data restore shop features {last.version}; or" in str(found.value.hint)
    assert [one.version for one in warehouse.versions(KEY)] == [3, 2, 1]
    with warehouse.connect() as connection:
        assert warehouse.create_views(connection) or operation == "DELETE"  # of the only row

    restored = warehouse.restore(KEY, last.version)
    assert warehouse.digest(KEY) == restored.digest == last.digest
    assert warehouse.frame(KEY).to_dict("records") == [{"a": 2, "b": "x"}]


def test_each_changed_partition_is_named_and_may_be_written_again(warehouse: Warehouse, rows):
    for partition in ("a", "b", "c"):
        warehouse.write(KEY, rows("(1, 'x')"), partition=partition)
    both = pa.concat_tables([OTHER.append_column("_partition", pa.array([name])) for name in ("b", "c")])
    write_deltalake(warehouse.root.joinpath(*KEY), both, mode="append")
    with pytest.raises(StoreError, match=r"restore shop features 2 --partition b \(and 1 other partitions\)"):
        warehouse.partitions(KEY)
    warehouse.restore(KEY, 2, partition="b")
    with pytest.raises(StoreError, match=r"contains files that another .*\n.*features 3 --partition c; or"):
        warehouse.partitions(KEY)
    warehouse.write(KEY, rows("(1, 'x')"), partition="c")
    assert warehouse.row_counts(KEY) == {"a": 1, "b": 1, "c": 1}


def test_versions_before_the_other_program_are_readable(warehouse: Warehouse, rows):
    first = warehouse.write(KEY, rows("(1, 'x')"))
    write_deltalake(warehouse.root.joinpath(*KEY), OTHER, mode="append")
    assert warehouse.digest(KEY, version=first.version) == first.digest


def test_commits_without_files_and_tables_of_other_programs_are_no_error(warehouse: Warehouse, rows):
    written = warehouse.write(KEY, rows("(1, 'x')"))
    table = DeltaTable(str(warehouse.root.joinpath(*KEY)))
    table.alter.set_table_properties({"delta.logRetentionDuration": "interval 900 days"})
    table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert warehouse.version(KEY) > written.version
    assert warehouse.digest(KEY) == written.digest
    folder = warehouse.root / "shop" / "scores"
    write_deltalake(folder, OTHER)
    assert warehouse.row_counts(("shop", "scores")) == {None: 1}
