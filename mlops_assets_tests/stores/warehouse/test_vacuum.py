"""Vacuuming: old versions make room, and what models were made of stays readable to the last digit."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.governance.ledger import Ledger
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


def test_the_current_version_and_those_that_are_needed_stay_with_equal_digests(warehouse, rows):
    written = [warehouse.write(KEY, rows(f"({number}, 'x')")) for number in range(5)]
    freed = clear(warehouse, written[1].version)
    assert (freed.files, freed.kept, len(files(warehouse))) == (3, 1, 2)
    assert freed.bytes > 0
    for kept in (written[1], written[4]):
        with warehouse.connect() as connection:
            relation = warehouse.relation(connection, KEY, version=kept.version)
            assert relation.fetchall() == [(written.index(kept), "x")]
        assert warehouse.digest(KEY, version=kept.version) == kept.digest
    with pytest.raises(StoreError, match=r"version 3: its data file .* is gone"):
        warehouse.frame(KEY, version=written[2].version)


def test_no_commit_is_made_so_the_newest_version_still_tells_its_inputs(warehouse, rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    newest = warehouse.write(KEY, rows("(2, 'y')"), inputs={"shop/raw_orders": 7})
    clear(warehouse)
    assert warehouse.version(KEY) == newest.version
    assert warehouse.inputs(KEY, newest.version) == {"shop/raw_orders": 7}
    assert not warehouse.write(KEY, rows("(2, 'y')")).changed
    assert warehouse.write(KEY, rows("(1, 'x')")).changed


def test_a_dry_run_tells_the_same_and_removes_nothing(warehouse, rows):
    for number in range(3):
        warehouse.write(KEY, rows(f"({number}, 'x')"))
    before = files(warehouse)
    told = clear(warehouse, dry_run=True)
    assert files(warehouse) == before
    assert clear(warehouse) == told
    assert (told.files, len(files(warehouse))) == (2, 1)
    assert clear(warehouse) == VacuumResult(KEY, 0, 0, 0)


def test_a_version_is_young_for_as_long_as_it_was_replaced_lately(warehouse, rows):
    """One that served for a year until this morning is not old."""
    for number in range(3):
        warehouse.write(KEY, rows(f"({number}, 'x')"))
    second = warehouse.versions(KEY)[1]
    freed = vacuum(warehouse, KEY, (), second.written_at, dry_run=False)
    assert (freed.files, freed.kept) == (0, 2)
    freed = vacuum(warehouse, KEY, (), second.written_at + timedelta(milliseconds=1), dry_run=False)
    assert (freed.files, freed.kept) == (1, 1)
    assert warehouse.frame(KEY, version=second.version)["a"].tolist() == [1]


def test_partitions_whose_files_a_needed_version_shares_stay(warehouse, rows):
    for number in range(2):
        for partition in ("2024-01", "Bad Ems, west"):
            warehouse.write(KEY, rows(f"({number}, 'x')"), partition=partition)
    needed = 3  # the new content of the one, the old one of the other
    digests = warehouse.partitions(KEY, version=needed)
    assert clear(warehouse, needed).files == 1
    assert warehouse.partitions(KEY, version=needed) == digests
    assert sorted(warehouse.frame(KEY, version=needed)["a"]) == [0, 1]
    assert warehouse.frame(KEY)["a"].tolist() == [1, 1]


def test_what_a_running_writer_has_staged_stays_and_what_a_killed_one_left_in_place_goes(warehouse, rows):
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


def test_versions_before_a_checkpoint_are_found_and_kept_alike(warehouse, rows):
    """Delta's log is read from the last of its checkpoints, one in a hundred commits."""
    written = [warehouse.write(KEY, rows(f"({number}, 'x')")) for number in range(4)]
    DeltaTable(str(warehouse.root.joinpath(*KEY))).create_checkpoint()
    written += [warehouse.write(KEY, rows(f"({number}, 'x')")) for number in range(4, 6)]
    freed = clear(warehouse, written[1].version)
    assert (freed.files, len(files(warehouse))) == (4, 2)
    assert warehouse.frame(KEY, version=written[1].version)["a"].tolist() == [1]


def test_a_log_that_does_not_tell_what_a_needed_version_holds_stops_it(warehouse, rows, record_property):
    for number in range(4):
        warehouse.write(KEY, rows(f"({number}, 'x')"))
    before = files(warehouse)
    (warehouse.root.joinpath(*KEY, "_delta_log") / f"{1:020}.json").unlink()
    with pytest.raises(StoreError, match=r"shop\.validated_orders") as raised:
        clear(warehouse, 2)
    assert files(warehouse) == before
    record_property("told", str(raised.value))


def test_what_a_needed_version_was_made_of_is_needed_too(warehouse, rows):
    orders = [warehouse.write(KEY, rows(f"({number}, 'x')")) for number in range(3)]
    for partition, made_of in (("2024-01", orders[0]), ("2024-02", orders[1]), ("2024-01", orders[2])):
        inputs = {"/".join(KEY): made_of.version}
        warehouse.write(FEATURES, rows(f"({made_of.version}, 'x')"), partition=partition, inputs=inputs)
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


def test_versions_of_a_table_that_was_made_anew_are_passed_over(warehouse, rows):
    warehouse.write(KEY, rows("(1, 'x')"))
    assert clear(warehouse, 4_000).files == 0


def test_the_ledger_loses_nothing(warehouse):
    ledger = Ledger(warehouse, "shop")
    for entry in chain(event(1), event(1, "gated")):
        ledger.append([entry])
    assert clear(warehouse, table=ledger.table).files == 0
    assert len(ledger.entries()) == 2
