"""Vacuum: files of old versions are removed, and the inputs of models remain readable and identical."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.warehouse.vacuum import VacuumResult, needed_versions, vacuum
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.ledgers import chain, event

KEY = ("shop", "validated_orders")
FEATURES, TRAINING = ("shop", "features"), ("shop", "training_set")


def clear(
    warehouse: Warehouse, *needed: int, days: float = 0, dry_run: bool = False, table=KEY
) -> VacuumResult:
    before = datetime.now(UTC) - timedelta(days=days)
    return vacuum(warehouse, table, needed, before, dry_run=dry_run)


def files(warehouse: Warehouse) -> set[Path]:
    directory = warehouse.root.joinpath(*KEY)
    return {*directory.glob("*.parquet"), *directory.glob("_partition=*/*.parquet")}


def test_the_current_and_the_needed_versions_are_kept_with_equal_digests(warehouse, rows):
    written = [warehouse.write(KEY, rows(f"({number}, 'x')")) for number in range(5)]
    freed = clear(warehouse, written[1].version)
    assert (freed.files, freed.kept, len(files(warehouse))) == (3, 1, 2)
    assert freed.bytes > 0
    for kept in (written[1], written[4]):
        with warehouse.connect() as connection:
            relation = warehouse.relation(connection, KEY, version=kept.version)
            assert relation.fetchall() == [(written.index(kept), "x")]
        assert warehouse.digest(KEY, version=kept.version) == kept.digest
    with pytest.raises(StoreError, match=r"version 3: data file .* is missing"):
        warehouse.frame(KEY, version=written[2].version)


def test_no_commit_is_made_so_the_newest_version_has_its_inputs(warehouse, rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    newest = warehouse.write(KEY, rows("(2, 'y')"), inputs={"shop/raw_orders": 7})
    clear(warehouse)
    assert warehouse.version(KEY) == newest.version
    assert warehouse.inputs(KEY, newest.version) == {"shop/raw_orders": 7}
    assert not warehouse.write(KEY, rows("(2, 'y')")).changed
    assert warehouse.write(KEY, rows("(1, 'x')")).changed


def test_a_dry_run_has_the_same_result_and_removes_nothing(warehouse, rows):
    for number in range(3):
        warehouse.write(KEY, rows(f"({number}, 'x')"))
    before = files(warehouse)
    planned = clear(warehouse, dry_run=True)
    assert files(warehouse) == before
    assert clear(warehouse) == planned
    assert (planned.files, len(files(warehouse))) == (2, 1)
    assert clear(warehouse) == VacuumResult(KEY, 0, 0, 0)


def test_the_age_of_a_version_is_the_time_since_it_was_replaced(warehouse, rows):
    """A version that was current for a year until this morning is not old."""
    for number in range(3):
        warehouse.write(KEY, rows(f"({number}, 'x')"))
    second = warehouse.versions(KEY)[1]
    freed = vacuum(warehouse, KEY, (), second.written_at, dry_run=False)
    assert (freed.files, freed.kept) == (0, 2)
    freed = vacuum(warehouse, KEY, (), second.written_at + timedelta(milliseconds=1), dry_run=False)
    assert (freed.files, freed.kept) == (1, 1)
    assert warehouse.frame(KEY, version=second.version)["a"].tolist() == [1]


def test_a_version_that_was_replaced_while_the_clock_was_behind_is_not_old(warehouse, rows):
    for number in range(2):
        warehouse.write(KEY, rows(f"({number}, 'x')"))
    replaced_at = set_commit_time(warehouse, 0) - timedelta(days=100)
    set_commit_time(warehouse, 1, replaced_at)
    freed = vacuum(warehouse, KEY, (), replaced_at + timedelta(days=1), dry_run=False)
    assert (freed.files, freed.kept) == (0, 1)
    assert clear(warehouse).files == 1  # by a clock that is right again


def set_commit_time(warehouse: Warehouse, version: int, time: datetime | None = None) -> datetime:
    """Rewrite the time of a commit, and return it; by default as it was."""
    file = warehouse.root.joinpath(*KEY) / "_delta_log" / f"{version:020}.json"
    actions = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    [commit] = [action["commitInfo"] for action in actions if "commitInfo" in action]
    if time:
        commit["timestamp"] = int(time.timestamp() * 1000)
    file.write_text("".join(f"{json.dumps(action)}\n" for action in actions), "utf-8")
    return datetime.fromtimestamp(commit["timestamp"] / 1000, UTC)


def test_files_of_partitions_that_a_needed_version_shares_are_kept(warehouse, rows):
    for number in range(2):
        for partition in ("2024-01", "Bad Ems, west"):
            warehouse.write(KEY, rows(f"({number}, 'x')"), partition=partition)
    needed = 3  # new content of one partition, old content of the other
    digests = warehouse.partitions(KEY, version=needed)
    assert clear(warehouse, needed).files == 1
    assert warehouse.partitions(KEY, version=needed) == digests
    assert sorted(warehouse.frame(KEY, version=needed)["a"]) == [0, 1]
    assert warehouse.frame(KEY)["a"].tolist() == [1, 1]


def test_staged_files_are_kept_and_uncommitted_files_in_place_are_removed(warehouse, rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    directory = warehouse.root.joinpath(*KEY)
    staged, left = directory / "_staging" / "writer" / "00000.parquet", directory / "left.parquet"
    staged.parent.mkdir(parents=True)
    for file in (staged, left):
        file.write_bytes(b"rows")
    assert clear(warehouse, days=1).files == 0
    assert clear(warehouse).files == 1
    assert (staged.exists(), left.exists()) == (True, False)


def test_a_restored_version_is_current_with_its_old_files(warehouse, rows):
    first = warehouse.write(KEY, rows("(1, 'x')"))
    warehouse.write(KEY, rows("(2, 'y')"))
    warehouse.restore(KEY, first.version)
    assert clear(warehouse).files == 1
    assert warehouse.frame(KEY)["a"].tolist() == [1]


def test_needed_versions_before_a_checkpoint_are_kept(warehouse, rows):
    """The log is read from its last checkpoint, which delta-rs writes every hundred commits."""
    written = [warehouse.write(KEY, rows(f"({number}, 'x')")) for number in range(4)]
    DeltaTable(str(warehouse.root.joinpath(*KEY))).create_checkpoint()
    written += [warehouse.write(KEY, rows(f"({number}, 'x')")) for number in range(4, 6)]
    freed = clear(warehouse, written[1].version)
    assert (freed.files, len(files(warehouse))) == (4, 2)
    assert warehouse.frame(KEY, version=written[1].version)["a"].tolist() == [1]


def test_a_log_without_a_needed_version_stops_the_vacuum(warehouse, rows, record_property):
    for number in range(4):
        warehouse.write(KEY, rows(f"({number}, 'x')"))
    before = files(warehouse)
    (warehouse.root.joinpath(*KEY, "_delta_log") / f"{1:020}.json").unlink()
    with pytest.raises(StoreError, match=r"shop\.validated_orders") as raised:
        clear(warehouse, 2)
    assert files(warehouse) == before
    record_property("message", str(raised.value))


def test_the_inputs_of_a_needed_version_are_needed(warehouse, rows):
    orders = [warehouse.write(KEY, rows(f"({number}, 'x')")) for number in range(3)]
    for partition, source in (("2024-01", orders[0]), ("2024-02", orders[1]), ("2024-01", orders[2])):
        inputs = {"/".join(KEY): source.version}
        warehouse.write(FEATURES, rows(f"({source.version}, 'x')"), partition=partition, inputs=inputs)
    trained = warehouse.write(TRAINING, rows("(1, 'x')"), inputs={"shop/features": 2, "gone/features": 3})
    found = needed_versions(warehouse, [(TRAINING, trained.version)])
    assert found == {
        TRAINING: {trained.version},
        FEATURES: {2},
        KEY: {orders[0].version, orders[1].version},
        ("gone", "features"): {3},
    }
    assert needed_versions(warehouse, [(FEATURES, 3)])[KEY] == {orders[1].version, orders[2].version}
    assert clear(warehouse, *found[KEY]).files == 0


def test_needed_versions_of_a_recreated_table_are_ignored(warehouse, rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    assert clear(warehouse, 4_000).files == 0


def test_the_ledger_loses_nothing(warehouse):
    ledger = Ledger(warehouse, "shop")
    for entry in chain(event(1), event(1, "gated")):
        ledger.append([entry])
    assert clear(warehouse, table=ledger.table).files == 0
    assert len(ledger.entries()) == 2


@pytest.mark.parametrize("linked", ["table", "warehouse"])
def test_files_behind_a_link_out_of_the_warehouse_are_kept_and_reported(tmp_path, rows, linked):
    """A copy of a state directory has the links of the original."""
    original = Warehouse(tmp_path / "original" / "warehouse")
    for number in range(3):
        original.write(KEY, rows(f"({number}, 'x')"))
    before = files(original)
    copy = Warehouse(tmp_path / "copy" / "warehouse")
    link = copy.root if linked == "warehouse" else copy.root.joinpath(*KEY)
    link.parent.mkdir(parents=True)
    link.symlink_to(original.root if linked == "warehouse" else original.root.joinpath(*KEY))
    freed = clear(copy)
    assert (freed.files, freed.bytes, len(freed.outside)) == (0, 0, 2)
    assert files(original) == before
    assert clear(original).files == 2
