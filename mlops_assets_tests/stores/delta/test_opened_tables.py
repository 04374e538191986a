"""Opened tables: each is opened by delta-rs once, and then follows its log, whoever has changed it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.delta import opened_tables
from mlops_assets.stores.delta.opened_tables import opened_table
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.stores.delta.test_current_files import by_delta
from mlops_assets_tests.stores.delta.test_log import cut_the_last_commit, empty_the_last_commit, lose_a_commit

KEY = ("shop", "validated_orders")
Rows = Callable[..., duckdb.DuckDBPyRelation]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the tables that delta-rs opens from now on, in order."""
    found: list[str] = []

    class Counted(DeltaTable):
        def __init__(self, table_uri: str, *arguments: Any, **options: Any) -> None:
            found.append(Path(table_uri).name)
            super().__init__(table_uri, *arguments, **options)

    for module in ("log", "commit"):
        monkeypatch.setattr(f"mlops_assets.stores.delta.{module}.DeltaTable", Counted)
    return found


def commit(warehouse: Warehouse, version: int) -> Path:
    return warehouse.root.joinpath(*KEY, "_delta_log", f"{version:020}.json")


def test_writes_and_reads_of_many_partitions_open_a_table_as_often_as_those_of_one(
    warehouse: Warehouse, rows: Rows, opened: list[str]
):
    for number in range(24):
        partition = f"2024-{number:02}"
        written = warehouse.write(
            KEY,
            rows(f"({number}, 'x')"),
            partition=partition,
            declared={partition} | {f"2024-{before:02}" for before in range(number)},
        )
        assert warehouse.version(KEY) == written.version
        assert warehouse.row_counts(KEY)[partition] == 1
        assert len(warehouse.partitions(KEY)) == number + 1
    assert opened == ["validated_orders"] * 3  # it did not exist, was created, and then read
    assert opened_table(warehouse.root, KEY) == by_delta(warehouse)


@pytest.mark.parametrize("change", ["delete", "vacuumed", "optimize"])
def test_commits_of_another_process_are_followed(
    warehouse: Warehouse, rows: Rows, opened: list[str], change: str
):
    for number in range(3):
        warehouse.write(KEY, rows(f"({number}, 'x')"), partition=str(number))
    assert len(opened_table(warehouse.root, KEY).files) == 3
    other = DeltaTable(str(warehouse.root.joinpath(*KEY)))
    match change:
        case "delete":
            other.delete("_partition = '1'")
        case "optimize":
            other.optimize.z_order(["a"])
        case _:
            other.alter.set_table_properties({"delta.logRetentionDuration": "interval 9 days"})
    before = len(opened)
    found = opened_table(warehouse.root, KEY)
    assert len(opened) == before
    assert found == by_delta(warehouse)
    warehouse.write(KEY, rows("(7, 'x')"), partition="7")
    assert opened_table(warehouse.root, KEY) == by_delta(warehouse)


def test_a_rewritten_commit_and_a_recreated_table_are_read_anew(warehouse: Warehouse, rows: Rows):
    for number in range(3):
        warehouse.write(KEY, rows(f"({number}, 'x')"), partition=str(number))
    opened_table(warehouse.root, KEY)
    file, renamed = (commit(warehouse, 2), "another")
    [data] = warehouse.root.joinpath(*KEY, "_partition=1").iterdir()
    data.rename(data.with_name(data.name.replace(data.name[:7], renamed)))
    changed = file.with_suffix(".tmp")
    changed.write_text(file.read_text("utf-8").replace(data.name[:7], renamed), "utf-8")
    changed.replace(file)
    assert any(renamed in each.path for each in opened_table(warehouse.root, KEY).files)
    warehouse.root.joinpath(*KEY).rename(warehouse.root / "away")
    with pytest.raises(StoreError, match="does not exist"):
        opened_table(warehouse.root, KEY)
    warehouse.write(KEY, rows("(9, 'x')"))
    assert opened_table(warehouse.root, KEY) == by_delta(warehouse)


@pytest.mark.parametrize("damage", [lose_a_commit, cut_the_last_commit, empty_the_last_commit])
@pytest.mark.parametrize("known", [1, 2, 3])
def test_a_log_that_was_damaged_since_is_an_error(
    warehouse: Warehouse, rows: Rows, damage: Callable[[Path], None], known: int
):
    for number in range(3):
        warehouse.write(KEY, rows(f"({number}, 'x')"))
        if number < known:
            opened_table(warehouse.root, KEY)
    damage(warehouse.root.joinpath(*KEY))
    for work in (
        lambda: opened_table(warehouse.root, KEY),
        lambda: warehouse.write(KEY, rows("(9, 'x')")),
    ):
        with pytest.raises(
            StoreError, match=r"can't be read at version 3: the commit .* is (missing|damaged)"
        ):
            work()


def test_few_tables_are_kept(warehouse: Warehouse, rows: Rows, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(opened_tables, "_MOST", 2)
    for name in ("a", "b", "c"):
        warehouse.write(("shop", name), rows("(1, 'x')"))
        opened_table(warehouse.root, ("shop", name))
    for kept in (opened_tables._KNOWN, opened_tables._WRITERS):
        assert [directory.name for directory in kept] == ["b", "c"]
