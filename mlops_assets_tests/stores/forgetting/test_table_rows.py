"""Rows of an entity in all versions of a table: removed, with every version readable at every moment."""

import json
from pathlib import Path

import pytest
from deltalake import DeltaTable

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.delta import rewritten_log
from mlops_assets.stores.delta.commit import CHECKPOINT_INTERVAL
from mlops_assets.stores.delta.kept_content import AllRowsNeededError
from mlops_assets.stores.forgetting.entity import Entity, Key
from mlops_assets.stores.forgetting.records import Removed
from mlops_assets.stores.forgetting.table_rows import find_rows, remove_rows
from mlops_assets.stores.warehouse.step_record import StepRecord
from mlops_assets.stores.warehouse.warehouse import Warehouse

KEY = Key(b"0123456789abcdef")
TABLE, MONTHS = ("shop", "validated_orders"), ("shop", "features")
ADA = Entity.of(KEY, ["customer"], ["VARCHAR"], ["ada"])
AT = "2026-01-01T00:00:00+00:00"


def condition(columns):
    return ADA.condition(KEY, columns)


def write(warehouse: Warehouse, *customers: str, table=TABLE, partition=None):
    values = ", ".join(f"({number}, '{name}')" for number, name in enumerate(customers))
    with warehouse.connect() as connection:
        rows = connection.sql(f"select * from (values {values}) t(n, customer)")
        return warehouse.write(table, rows, partition=partition, dagster_run_id="run", inputs={"a/b": 3})


def customers(warehouse: Warehouse, version: int, table=TABLE) -> list[str]:
    with warehouse.connect() as connection:
        found = warehouse.relation(connection, table, version=version)
        return [name for (name,) in found.order("n").project("customer").fetchall()]


def forget(warehouse: Warehouse, table=TABLE) -> None:
    remove_rows(warehouse, table, condition, entity=ADA.digest, at=AT)


def count(warehouse: Warehouse, table=TABLE):
    with warehouse.connect() as connection:
        return find_rows(warehouse, connection, table, condition)


def test_versions_that_share_bytes_and_the_record_of_their_step_keep_nothing(warehouse):
    first = write(warehouse, "ada", "bob")
    StepRecord.of("", {}, first).write(warehouse, TABLE)
    kept = StepRecord.last(warehouse, TABLE, "").kept(warehouse, TABLE)
    with warehouse.connect() as connection:
        second = warehouse.write(TABLE, connection.sql("select 2 as n, 'cleo' as customer"), kept=kept)
    forget(warehouse)
    assert count(warehouse).rows == 0
    assert customers(warehouse, first.version) == ["bob"]
    assert customers(warehouse, second.version) == ["bob", "cleo"]
    with pytest.raises(AllRowsNeededError, match="no earlier run is recorded"):
        StepRecord.last(warehouse, TABLE, "")


def test_no_version_has_a_row_any_more_and_each_has_the_others(warehouse):
    first = write(warehouse, "ada", "bob", "ada")
    second = write(warehouse, "cleo")
    third = write(warehouse, "ada", "dan")
    restored = warehouse.restore(TABLE, first.version)
    found = count(warehouse)
    assert (found.rows, found.current, found.versions, found.searched) == (3, 2, 3, True)

    forget(warehouse)
    found = count(warehouse)
    assert (found.rows, found.current, found.versions) == (0, 0, 0)
    versions = [first.version, second.version, third.version, restored.version]
    assert [customers(warehouse, one) for one in versions] == [["bob"], ["cleo"], ["dan"], ["bob"]]
    removed = Removed.of(warehouse, TABLE, ADA.digest, AT)
    assert (removed.rows, removed.versions) == (3, (first.version, third.version, restored.version))
    assert set(removed.digests) == {first.digest, third.digest}
    history = {one.version: one for one in warehouse.versions(TABLE)}
    assert [history[one].rows for one in versions] == [1, 1, 1, 1]
    assert (history[first.version].dagster_run_id, history[first.version].inputs) == ("run", {"a/b": 3})
    assert history[second.version].forgotten == ()
    for one in versions:
        size = DeltaTable(str(warehouse.root.joinpath(*TABLE)), version=one).get_add_actions(flatten=True)
        sizes = zip(size["path"].to_pylist(), size["size_bytes"].to_pylist(), strict=True)
        assert all(warehouse.root.joinpath(*TABLE, path).stat().st_size == known for path, known in sizes)


def test_the_new_digest_is_that_of_the_remaining_rows_and_the_former_one_is_known(warehouse):
    before = write(warehouse, "ada", "bob")
    forget(warehouse)
    digest = warehouse.digest(TABLE, version=before.version)
    assert digest != before.digest
    assert warehouse.has_content(TABLE, before.digest, version=before.version)
    assert not warehouse.has_content(TABLE, "0" * 32, version=before.version)
    with warehouse.connect() as connection:
        again = warehouse.write(TABLE, connection.sql("select 1 as n, 'bob' as customer"))
    assert (again.digest, again.changed, again.version) == (digest, False, before.version)


def test_only_the_partitions_with_a_row_change(warehouse):
    for month, names in (("2024-01", ["ada", "bob"]), ("2024-02", ["bob"]), ("2024-03", ["ada"])):
        write(warehouse, *names, table=MONTHS, partition=month)
    before = warehouse.partitions(MONTHS)
    forget(warehouse, MONTHS)
    after = warehouse.partitions(MONTHS)
    assert list(after) == list(before)
    assert [month for month in after if after[month] != before[month]] == ["2024-01", "2024-03"]
    assert warehouse.row_counts(MONTHS) == {"2024-01": 1, "2024-02": 1, "2024-03": 0}
    write(warehouse, "eve", table=MONTHS, partition="2024-03")
    assert warehouse.row_counts(MONTHS)["2024-03"] == 1


def test_rows_are_removed_from_versions_before_and_after_a_checkpoint(warehouse):
    written = [write(warehouse, "ada", f"bob {number}") for number in range(CHECKPOINT_INTERVAL + 2)]
    [checkpoint] = warehouse.root.joinpath(*TABLE, "_delta_log").glob("*.checkpoint.parquet")
    forget(warehouse)
    assert count(warehouse).rows == 0
    found = [customers(warehouse, one.version) for one in written]
    assert found == [[f"bob {number}"] for number in range(len(written))]
    assert not checkpoint.exists()  # it names the former files
    write(warehouse, "cleo")
    assert DeltaTable(str(warehouse.root.joinpath(*TABLE))).version() == written[-1].version + 1
    assert customers(warehouse, written[0].version) == ["bob 0"]


def test_an_interruption_at_any_step_leaves_every_version_readable_and_the_next_call_finishes(
    warehouse, monkeypatch
):
    written = [write(warehouse, *names) for names in (["ada", "bob"], ["ada"])]
    written.append(warehouse.restore(TABLE, written[0].version))
    full = [["ada", "bob"], ["ada"], ["ada", "bob"]]
    lacking = [["bob"], [], ["bob"]]
    steps, real = {"left": 0}, rewritten_log.write_atomically

    def killed(path: Path, text: str) -> None:
        if not steps["left"]:
            raise KeyboardInterrupt
        steps["left"] -= 1
        real(path, text)

    monkeypatch.setattr(rewritten_log, "write_atomically", killed)
    interruptions = 0
    while True:
        steps["left"] = 1  # each call gets one step further
        try:
            forget(warehouse)
            break
        except KeyboardInterrupt:
            interruptions += 1
        assert interruptions < 20
        for one, before, after in zip(written, full, lacking, strict=True):
            assert customers(warehouse, one.version) in (before, after)
    assert interruptions == 5
    assert [customers(warehouse, one.version) for one in written] == lacking
    assert count(warehouse).rows == 0
    assert len(list(warehouse.root.joinpath(*TABLE).glob("*.parquet"))) == 2


def test_files_that_no_version_names_lose_the_row_too(warehouse):
    write(warehouse, "ada")
    directory = warehouse.root.joinpath(*TABLE)
    [file] = directory.glob("*.parquet")
    left = directory / "_staging" / "dead"
    left.mkdir(parents=True, exist_ok=True)
    for copy in (directory / "left.parquet", left / "00000.parquet"):
        copy.write_bytes(file.read_bytes())
    assert count(warehouse).rows == 2
    forget(warehouse)
    assert not (directory / "left.parquet").exists()
    assert not left.exists()


def test_a_table_of_another_program_and_an_incomplete_log_are_not_changed(warehouse):
    directory = warehouse.root.joinpath(*MONTHS)
    write(warehouse, "ada", table=MONTHS, partition="2024-01")
    log = directory / "_delta_log"
    commit = next(iter(sorted(log.glob("*.json"))[1:]))
    text = commit.read_text("utf-8")
    actions = [json.loads(line) for line in text.splitlines()]
    for action in actions:
        info = action.get("commitInfo", {})
        for name in [name for name in info if name.startswith("mlops.")]:
            del info[name]
    commit.write_text("".join(f"{json.dumps(action)}\n" for action in actions), "utf-8")
    with pytest.raises(StoreError, match="was not written by mlops_assets, and holds rows"):
        forget(warehouse, MONTHS)
    commit.unlink()
    commit.with_name("00000000000000000005.json").write_text(text, "utf-8")
    with pytest.raises(StoreError, match="the log is incomplete at version 1"):
        forget(warehouse, MONTHS)


def test_a_removal_does_not_hide_that_a_file_was_changed_before(warehouse):
    write(warehouse, "ada", "bob")
    with warehouse.connect() as connection:
        [file] = warehouse.root.joinpath(*TABLE).glob("*.parquet")
        changed = file.with_suffix(".changed")
        rows = connection.read_parquet(str(file)).project("n + 1 as n, customer")
        rows.write_parquet(str(changed))
        changed.replace(file)
    forget(warehouse)
    assert customers(warehouse, warehouse.version(TABLE)) == ["bob"]
    [damage] = warehouse.damage(TABLE, content=True)
    assert "was changed after it was written" in str(damage)
    forget(warehouse)
    assert len(warehouse.damage(TABLE, content=True)) == 1


def test_the_message_about_a_file_that_cannot_be_read_names_the_project(warehouse):
    write(warehouse, "ada", table=MONTHS, partition="2024-01")
    [file] = warehouse.root.joinpath(*MONTHS).glob("*/*.parquet")
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(StoreError, match="can't be read, so its rows are unknown") as found:
        forget(warehouse, MONTHS)
    assert "mlops run shop --force" in str(found.value)
