"""A full disk and missing permissions: the errors of each store, what is kept, and the next run."""

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_assets.core.errors import MlopsError, StoreError
from mlops_assets.ml.families import Settings
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.search.search import SearchSettings, tune
from mlops_assets.ml.search.splits import make_folds
from mlops_assets.stores.sources.watch_snapshot import FileState, SnapshotStore, WatchSnapshot
from mlops_assets.stores.system.disk_errors import translated_disk_errors, write_atomically
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.stores.tracking.client import translated_mlflow_errors
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.small_disk import fill, small_disk

TABLE = ("garage", "raw_cars")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of eight megabytes."""
    with small_disk(tmp_path / "disk", 8) as folder:
        yield folder


def error_of(work: Callable[[], Any]) -> MlopsError | None:
    """The error of what may find room and may find none."""
    try:
        work()
    except MlopsError as error:
        return error
    return None


def is_full_disk(error: MlopsError, disk: Path) -> bool:
    named = str(disk) in error.message and "\\" not in error.message  # DuckDB quotes a path in its errors
    return "the disk is full (" in error.message and named and bool(error.hint)


# ---------------------------------------------------------------- full


@pytest.mark.parametrize("partition", [None, "2024-01"])
def test_a_table_keeps_its_content_however_little_space_is_left(disk, rows, record_property, partition):
    warehouse = Warehouse(disk / "warehouse")
    with warehouse.connect() as connection:
        big = connection.sql("select range as a, md5(range::varchar) as b from range(40000)")
        before = warehouse.write(TABLE, rows("(1, 'x')"), partition=partition)
        needed = 0
        for leave in (0, 4096, 16384, 100_000, 600_000, 1_400_000, 2_500_000):
            ballast = fill(disk, leave=leave)
            error = error_of(lambda: warehouse.write(TABLE, big, partition=partition))
            ballast.unlink()
            if error is None:
                break
            assert is_full_disk(error, disk), error
            record_property("message", str(error))
            assert (warehouse.digest(TABLE), warehouse.version(TABLE)) == (before.digest, before.version)
            assert len(warehouse.frame(TABLE)) == 1
            needed = leave
        assert 100_000 <= needed < 2_500_000
        assert warehouse.row_counts(TABLE) == {partition: 40000}


def test_a_commit_on_a_full_disk_leaves_the_table_unchanged(disk, rows, monkeypatch):
    from mlops_assets.stores.warehouse import warehouse as module

    warehouse = Warehouse(disk / "warehouse")
    before = warehouse.write(TABLE, rows("(1, 'x')"))
    commit = module.commit

    def commit_on_a_full_disk(*arguments):
        fill(disk, leave=0)
        return commit(*arguments)

    monkeypatch.setattr(module, "commit", commit_on_a_full_disk)
    with pytest.raises(StoreError, match=r"table garage.raw_cars can't be written to .*the disk is full"):
        warehouse.write(TABLE, rows("(2, 'y')"))
    assert (warehouse.version(TABLE), warehouse.digest(TABLE)) == (before.version, before.digest)
    (disk / "ballast").unlink()
    monkeypatch.undo()
    assert warehouse.write(TABLE, rows("(2, 'y')")).version == before.version + 1


def test_a_query_that_spills_to_a_full_disk_is_an_error_that_names_the_disk(disk, record_property):
    warehouse = Warehouse(disk / "warehouse", memory_limit="40MB")

    def sort_more_than_fits() -> None:
        with warehouse.connect(threads=1) as connection:
            rows = connection.sql("select random() as r, md5(range::varchar) as s from range(2000000)")
            rows.order("r, s").aggregate("sum(r), max(s)").fetchall()

    with pytest.raises(StoreError) as caught:
        sort_more_than_fits()
    record_property("message", str(caught.value))
    assert is_full_disk(caught.value, disk)
    assert "the spill file of DuckDB" in caught.value.message


def test_the_tracking_store_reports_a_full_disk_and_recovers(disk, empty_tracking_store, record_property):
    shutil.copy(empty_tracking_store, disk / "mlflow.db")
    tracking = TrackingStore(f"sqlite:///{disk / 'mlflow.db'}", disk / "artifacts")
    run_id = tracking.start("garage", "dagster-run")
    ballast = fill(disk, leave=0)
    long = {f"fact{number}": "x" * 4000 for number in range(50)}
    with pytest.raises(StoreError) as caught:
        tracking.log_facts(run_id, facts=long)
    record_property("message", str(caught.value))
    assert is_full_disk(caught.value, disk)
    report = disk.parent / "report"
    report.mkdir()
    (report / "page.html").write_text("x" * 100_000)
    with pytest.raises(StoreError, match="the disk is full"):
        tracking.log_files(run_id, report, "report")
    ballast.unlink()
    tracking.log_facts(run_id, facts=long)
    tracking.log_files(run_id, report, "report")
    assert len(tracking.client.get_run(run_id).data.tags) > 50


def test_a_tracking_store_that_could_not_be_created_on_a_full_disk_is_created_later(disk, record_property):
    tracking = TrackingStore(f"sqlite:///{disk / 'mlflow' / 'mlflow.db'}")
    ballast = fill(disk, leave=200_000)
    with pytest.raises(StoreError) as caught:
        tracking.experiment("garage")
    record_property("message", str(caught.value))
    assert is_full_disk(caught.value, disk)
    ballast.unlink()
    assert tracking.experiment("garage") == "1"


def test_a_search_whose_journal_finds_a_full_disk_resumes_with_the_same_trials(disk, record_property):
    random = np.random.default_rng(0)
    features = pd.DataFrame(random.normal(size=(60, 2)), columns=["a", "b"])
    target = features["a"].to_numpy() * 2
    seen: list[int] = []

    def search(journal: Path | None, on_trial: Callable) -> list:
        found = tune(
            features,
            target,
            make_folds("regression", target, folds=2, seed=0),
            default_pipeline,
            SearchSettings(("linear",), "rmse", 5),
            Settings("regression", 1, seed=0, threads=1),
            journal=journal,
            on_trial=on_trial,
        )
        return [(trial.params, trial.score) for trial in found.trials]

    def fill_after_two(trial) -> None:
        seen.append(trial.number)
        if len(seen) == 2:
            fill(disk, leave=0)

    journal = disk / "search.journal"
    with pytest.raises(StoreError) as caught, translated_disk_errors("the search of garage", disk):
        search(journal, fill_after_two)
    record_property("message", str(caught.value))
    assert is_full_disk(caught.value, disk)
    (disk / "ballast").unlink()
    again: list[int] = []
    found = search(journal, lambda trial: again.append(trial.number))
    assert again[:2] == seen[:2]
    assert found == search(None, lambda _: None)


def test_a_report_and_a_snapshot_are_written_completely_or_not_at_all(disk):
    page, snapshots = disk / "page.html", SnapshotStore(disk / "sensors")
    write_atomically(page, "old")
    cursor = snapshots.save(WatchSnapshot({"a.csv": FileState(1, 1)}))
    ballast = fill(disk, leave=0)
    with (
        pytest.raises(StoreError, match="the report can't be written"),
        translated_disk_errors("the report", disk),
    ):
        write_atomically(page, "new" * 10_000)
    many = WatchSnapshot({f"{number}.csv": FileState(1, 1) for number in range(1000)})
    with pytest.raises(StoreError, match=r"the snapshot of a sensor can't be written .*the disk is full"):
        snapshots.save(many)
    assert page.read_text() == "old"
    assert SnapshotStore(disk / "sensors").load(cursor).files == {"a.csv": FileState(1, 1)}
    ballast.unlink()
    assert {path.name for path in disk.iterdir()} == {"page.html", "sensors"}
    assert [path.suffix for path in (disk / "sensors").iterdir()] == [".json"]
    write_atomically(page, "new")
    assert snapshots.load(snapshots.save(many)).files == many.files


# ---------------------------------------------------------------- forbidden


def messages_without_permission(root: Path) -> dict[str, str]:
    """The errors of a user without any permission; runs in a separate process."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)

    def write() -> None:
        warehouse = Warehouse(root / "write")
        with warehouse.connect() as connection:
            warehouse.write(("garage", "cars"), connection.sql("select 2 as a, 3 as b"))

    def report() -> None:
        with translated_disk_errors("the evaluation report", root / "reports"):
            write_atomically(root / "reports" / "run" / "page.html", "x")

    database = f"sqlite:///{root / 'mlflow' / 'mlflow.db'}"
    works: dict[str, Callable[[], Any]] = {
        "state": lambda: StateDirectory(root / "closed").open(),
        "write": write,
        "read": lambda: Warehouse(root / "read").frame(("garage", "cars")),
        "read_file": lambda: Warehouse(root / "read_file").frame(("garage", "cars")),
        "report": report,
        "tracking": lambda: TrackingStore(database, root / "artifacts").start("garage", "run"),
    }
    return {name: str(error_of(work)) for name, work in works.items()}


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may read; those of pytest are private."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def test_a_folder_or_file_without_permission_is_named(
    open_folder, rows, processes, empty_tracking_store, record_property
):
    table = Path("garage") / "cars"
    for name in ("write", "read", "read_file"):
        Warehouse(open_folder / name).write(("garage", "cars"), rows("(1, 2)"))
    for name in ("closed", "reports", "mlflow"):
        (open_folder / name).mkdir()
    shutil.copy(empty_tracking_store, open_folder / "mlflow")
    [data_file] = (open_folder / "read_file" / table).glob("*.parquet")
    for path in open_folder.rglob("*"):
        path.chmod(0o777 if path.is_dir() else 0o666)
    forbidden = {
        "state": open_folder / "closed",
        "write": open_folder / "write" / table,
        "read": open_folder / "read" / table / "_delta_log",
        "read_file": data_file,
        "report": open_folder / "reports",
        "tracking": open_folder / "mlflow" / "mlflow.db",
    }
    for name, path in forbidden.items():
        path.chmod({"read": 0o000, "read_file": 0o000, "tracking": 0o444}.get(name, 0o555))
    with ProcessPoolExecutor(1, mp_context=processes) as pool:
        messages = pool.submit(messages_without_permission, open_folder).result()
    for name, path in forbidden.items():
        record_property("message", messages[name])
        assert f"{path} can't be " in messages[name]
        assert "hint: grant UID " in messages[name]


def test_other_errors_pass_unchanged(tmp_path):
    with pytest.raises(FileNotFoundError), translated_disk_errors("x", tmp_path):
        (tmp_path / "nowhere").read_text()
    with pytest.raises(ZeroDivisionError), translated_mlflow_errors(f"sqlite:///{tmp_path}/x.db"):
        _ = 1 / 0
