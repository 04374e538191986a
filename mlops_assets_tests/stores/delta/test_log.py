"""Damaged tables: what is told of them, and that nothing is quietly begun anew."""

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
    """A table of three versions with content; version 0 made it."""
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


GONE, DAMAGED = (
    r"version 3: the commit .*0000{}.json is gone; {}",
    r"3: the commit .*00003.json is damaged; {}",
)
NO_LOG = r"the log .*_delta_log is empty or gone, and there are data files"
NONE, FIRST, SECOND = "no older version can be read", "version 1 can still", "version 2 can still be read"
LOG_FAULTS = [
    (lose_a_commit, GONE.format(2, FIRST), "bring the file back"),
    (lose_the_first_commit, GONE.format(0, NONE), "bring the file back"),
    (cut_the_last_commit, DAMAGED.format(SECOND), "mlops run garage"),
    (empty_the_last_commit, DAMAGED.format(SECOND), "mlops run garage"),
    (lose_the_log, NO_LOG, "mlops run garage"),
    (empty_the_log, NO_LOG, "mlops run garage"),
    (break_the_checkpoint, f"checkpoint .*parquet is no Parquet file; {SECOND}", "delete .*the log is whole"),
    (lose_the_checkpoint, f"_last_checkpoint names a checkpoint that is gone; {SECOND}", "delete .*is whole"),
]


def kept(warehouse: Warehouse) -> list[Path]:
    """All files but locks."""
    return sorted(
        path for path in warehouse.root.rglob("*.*") if path.is_file() and ".locks" not in path.parts
    )


@pytest.mark.parametrize(("how", "told", "way_out"), LOG_FAULTS, ids=lambda of: getattr(of, "__name__", ""))
def test_a_damaged_log_is_named_and_never_begun_anew(damaged, rows, record_property, how, told, way_out):
    warehouse = damaged(how)
    before, told = kept(warehouse), rf"table garage.raw_cars.*{told}(.|\n)*hint: .*{way_out}"
    for work in (
        lambda: warehouse.frame(TABLE),
        lambda: warehouse.version(TABLE),
        lambda: warehouse.write(TABLE, rows("(9, 9)")),
    ):
        with pytest.raises(StoreError, match=told) as found:
            work()
    record_property("told", str(found.value))
    assert kept(warehouse) == before


@pytest.mark.parametrize("how", [break_the_checkpoint, lose_the_checkpoint])
def test_what_is_to_be_deleted_makes_the_table_whole(damaged, how):
    warehouse = damaged(how)
    log = warehouse.root.joinpath(*TABLE) / "_delta_log"
    for path in (*log.glob("*.checkpoint.parquet"), log / "_last_checkpoint"):
        path.unlink()
    assert warehouse.frame(TABLE)["a"].tolist() == [2]


def test_a_lost_data_file_is_named_and_comes_back_by_an_equal_write(damaged, record_property):
    warehouse = damaged(lose_a_data_file)
    told = r"cars, version 3: its data file .*parquet is gone; version 2 can still be read\n  hint: .*--force"
    with pytest.raises(StoreError, match=told) as found:
        warehouse.frame(TABLE)
    record_property("told", str(found.value))
    assert warehouse.frame(TABLE, version=2)["a"].tolist() == [1]
    with warehouse.connect() as connection:
        assert warehouse.write(TABLE, connection.sql("select 2 as a")).changed
    assert warehouse.frame(TABLE)["a"].tolist() == [2]


def test_a_version_that_never_was_is_no_damage(damaged):
    warehouse = damaged(lambda _: None)
    with pytest.raises(StoreError, match=r"can't be read at version 7: .*\n  hint: its versions are in"):
        warehouse.frame(TABLE, version=7)
