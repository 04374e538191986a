"""Damaged tables: the error names the damage, and no table is recreated silently."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from deltalake import DeltaTable

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.warehouse.warehouse import Warehouse

TABLE = ("garage", "raw_cars")


def commit(table: Path, version: int) -> Path:
    return table / "_delta_log" / f"{version:020}.json"


def lose_a_commit(table: Path) -> None:
    commit(table, 2).unlink()


def lose_the_first_commit(table: Path) -> None:
    commit(table, 0).unlink()


def cut_the_last_commit(table: Path) -> None:
    commit(table, 3).write_bytes(commit(table, 3).read_bytes()[:80])


def empty_the_last_commit(table: Path) -> None:
    commit(table, 3).write_bytes(b"")


def lose_the_log(table: Path) -> None:
    shutil.rmtree(table / "_delta_log")


def empty_the_log(table: Path) -> None:
    lose_the_log(table)
    (table / "_delta_log").mkdir()


def break_the_checkpoint(table: Path) -> None:
    DeltaTable(str(table)).create_checkpoint()
    next((table / "_delta_log").glob("*.checkpoint.parquet")).write_bytes(b"no Parquet")


def lose_the_checkpoint(table: Path) -> None:
    DeltaTable(str(table)).create_checkpoint()
    next((table / "_delta_log").glob("*.checkpoint.parquet")).unlink()


def lose_a_data_file(table: Path) -> None:
    (path,) = DeltaTable(str(table)).file_uris()
    Path(path.removeprefix("file://")).unlink()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with three versions with content; version 0 created it."""
    root = tmp_path_factory.mktemp("whole")
    warehouse = Warehouse(root)
    with warehouse.connect() as connection:
        for number in range(3):
            warehouse.write(TABLE, connection.sql(f"select {number} as a"))
    return root


@pytest.fixture
def damaged(whole: Path, tmp_path: Path) -> Callable[[Callable[[Path], None]], Warehouse]:
    def damage(how: Callable[[Path], None]) -> Warehouse:
        shutil.copytree(whole, tmp_path / "warehouse")
        how((tmp_path / "warehouse").joinpath(*TABLE))
        return Warehouse(tmp_path / "warehouse")

    return damage


MISSING, DAMAGED = (
    r"version 3: the commit .*0000{}.json is missing; {}",
    r"3: the commit .*00003.json is damaged; {}",
)
NO_LOG = r"the log .*_delta_log is empty or missing, but data files exist"
NONE, FIRST, SECOND = "no older version is readable", "version 1 is readable", "version 2 is readable"
LOG_DAMAGES = [
    (lose_a_commit, MISSING.format(2, FIRST), "restore the file"),
    (lose_the_first_commit, MISSING.format(0, NONE), "restore the file"),
    (cut_the_last_commit, DAMAGED.format(SECOND), "mlops run garage"),
    (empty_the_last_commit, DAMAGED.format(SECOND), "mlops run garage"),
    (lose_the_log, NO_LOG, "mlops run garage"),
    (empty_the_log, NO_LOG, "mlops run garage"),
    (
        break_the_checkpoint,
        f"checkpoint .*parquet is not a Parquet file; {SECOND}",
        "delete .*log is complete",
    ),
    (
        lose_the_checkpoint,
        f"_last_checkpoint refers to a missing checkpoint; {SECOND}",
        "delete .*is complete",
    ),
]


def all_files(warehouse: Warehouse) -> list[Path]:
    """All files except locks."""
    return sorted(
        path for path in warehouse.root.rglob("*.*") if path.is_file() and ".locks" not in path.parts
    )


@pytest.mark.parametrize(("how", "message", "hint"), LOG_DAMAGES, ids=lambda of: getattr(of, "__name__", ""))
def test_a_damaged_log_is_reported_and_the_table_is_not_recreated(
    damaged, rows, record_property, how, message, hint
):
    warehouse = damaged(how)
    before, expected = all_files(warehouse), rf"table garage.raw_cars.*{message}(.|\n)*hint: .*{hint}"
    for work in (
        lambda: warehouse.frame(TABLE),
        lambda: warehouse.version(TABLE),
        lambda: warehouse.write(TABLE, rows("(9, 9)")),
    ):
        with pytest.raises(StoreError, match=expected) as found:
            work()
    record_property("message", str(found.value))
    assert all_files(warehouse) == before


@pytest.mark.parametrize("how", [break_the_checkpoint, lose_the_checkpoint])
def test_a_table_is_readable_after_its_damaged_checkpoint_is_deleted(damaged, how):
    warehouse = damaged(how)
    log = warehouse.root.joinpath(*TABLE) / "_delta_log"
    for path in (*log.glob("*.checkpoint.parquet"), log / "_last_checkpoint"):
        path.unlink()
    assert warehouse.frame(TABLE)["a"].tolist() == [2]


def test_a_missing_data_file_is_reported_and_restored_by_an_equal_write(damaged, record_property):
    warehouse = damaged(lose_a_data_file)
    expected = r"cars, version 3: data file .*parquet is missing; version 2 is readable\n.*`mlops run garage`"
    with pytest.raises(StoreError, match=expected) as found:
        warehouse.frame(TABLE)
    record_property("message", str(found.value))
    assert warehouse.frame(TABLE, version=2)["a"].tolist() == [1]
    with warehouse.connect() as connection:
        written = warehouse.write(TABLE, connection.sql("select 2 as a"))
    assert (written.version, written.changed) == (3, False)  # the file is put back under its name
    assert warehouse.frame(TABLE)["a"].tolist() == [2]


def test_a_version_that_does_not_exist_is_not_a_damage(damaged):
    warehouse = damaged(lambda _: None)
    with pytest.raises(StoreError, match=r"can't be read at version 7: .*\n  hint: choose one from"):
        warehouse.frame(TABLE, version=7)
