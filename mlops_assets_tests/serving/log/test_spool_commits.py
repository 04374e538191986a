"""The table of logged predictions: exactly once, compacted, expired, forgotten."""

import itertools
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from mlops_assets.core.digests import keyed_digest
from mlops_assets.serving.log.spool_commits import collect_spool
from mlops_assets.stores.forgetting.entity import Entity
from mlops_assets.stores.forgetting.project_rows import ProjectRows
from mlops_assets.stores.forgetting.records import ForgottenEntities, Record
from mlops_assets.stores.prediction_log import log_table
from mlops_assets.stores.prediction_log.log_table import LogTable
from mlops_assets.stores.prediction_log.spool import Spool
from mlops_assets.stores.system.row_id_key import row_id_key
from mlops_assets.stores.warehouse.vacuum import vacuum
from mlops_assets.stores.warehouse.warehouse import Warehouse

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
KEY = ("shop", "prediction_log")


@pytest.fixture
def store(tmp_path):
    return Warehouse(tmp_path / "warehouse")


@pytest.fixture
def log(store):
    return LogTable(store.root, "shop"), Spool(store.root, "shop")


def logged(*customers, days=0, **more):
    at = pa.array([NOW - timedelta(days=days)] * len(customers), pa.timestamp("us", "UTC"))
    return pa.table({"requested_at": at, "customer": list(customers), **more})


def collect(log, types=None):
    return collect_spool(*log, "shop", types or {})


def test_each_file_is_committed_once_also_after_an_interruption(store, log, monkeypatch):
    table, spool = log
    spool.write("a", 1, logged("x", "y"))
    spool.write("a", 2, logged("z", days=1))
    spool.write("b", 1, logged("u"))
    with monkeypatch.context() as patched:  # killed between the commit and the removal of its files
        patched.setattr(Spool, "remove", lambda *_: None)
        assert collect(log) == 4
    assert len(spool.files()) == 3
    spool.write("a", 3, logged("v"))
    assert collect(log) == 1
    assert spool.files() == []
    assert sorted(store.frame(KEY)["customer"]) == ["u", "v", "x", "y", "z"]
    assert table.rows_by_day() == {"2026-03-09": 1, "2026-03-10": 4}


def test_a_file_that_a_look_into_the_folder_has_missed_is_not_left_behind(log, monkeypatch):
    """The folder is read while two files are written: the first look finds the later one alone."""
    _, spool = log
    first, second = (spool.write("a", number, logged("x")) for number in (1, 2))
    looks = itertools.chain([[second], [first, second]])
    monkeypatch.setattr(Spool, "_paths", lambda _: next(looks))
    assert [file.number for file in spool.files()] == [1, 2]


def test_a_damaged_file_is_kept_aside_and_the_others_are_committed(store, log, caplog):
    _, spool = log
    spool.write("a", 1, logged("x")).write_bytes(b"ARROW1 cut")
    spool.write("a", 2, logged("y"))
    assert collect(log) == 1
    assert "damaged" in caplog.text
    assert [path.suffix for path in spool.folder.iterdir()] == [".damaged"]
    assert store.frame(KEY)["customer"].tolist() == ["y"]


def test_a_column_whose_type_has_changed_loses_no_value(store, log):
    _, spool = log
    for number, values in enumerate([pa.array([1, 2]), pa.array(["7", "8"]), pa.array(["x", "9"])], start=1):
        spool.write("a", number, logged("u", "v", size=values))
        collect(log)
    frame = store.frame(KEY)
    assert sorted(frame["size"].dropna()) == [1, 2, 7, 8]
    assert sorted(frame["size_varchar"].dropna()) == ["9", "x"]


def test_many_small_files_become_few_and_old_days_are_removed(store, log, monkeypatch):
    table, spool = log
    monkeypatch.setattr(log_table, "_MANY_FILES", 4)
    for number, days in enumerate([100, 100, 0, 0, 0], start=1):
        spool.write("a", number, logged(f"c{number}", days=days))
        collect(log)
    with table.lock():
        assert table.compact(NOW) == 2, "those of the day that has ended; today has not many yet"
    spool.write("a", 6, logged("last"))
    collect(log)
    with table.lock():
        assert table.compact(NOW) == 4
        assert len(table.files()) == 2
        assert len(list(table.directory.glob("_partition=*/*.parquet"))) == 8, "for queries that are running"
        assert table.expire(NOW, 90) == 2
    assert table.rows_by_day() == {"2026-03-10": 4}
    assert table.committed("a") == 6
    assert len(list(table.directory.glob("_partition=*/*.parquet"))) == 1
    spool.write("a", 7, logged("waiting"))
    freed = vacuum(store, KEY, (), datetime.now(UTC), dry_run=False)
    assert (freed.files, table.rows_by_day(), len(spool.files())) == (0, {"2026-03-10": 4}, 1)


def test_the_log_of_the_table_has_no_value_of_a_row(log):
    table, spool = log
    spool.write("a", 1, logged("a secret name"))
    collect(log)
    assert not [file for file in table.directory.glob("_delta_log/*") if b"secret" in file.read_bytes()]


def test_a_forgotten_entity_leaves_no_trace_and_does_not_return(store, log):
    table, spool = log
    forgotten, key = ForgottenEntities(store.root, "shop"), ForgottenEntities(store.root, "shop").key()
    digest = keyed_digest(row_id_key(store.root), "eva")
    spool.write("a", 1, logged("eva", "adam", days=1))
    spool.write("a", 2, logged("adam", digest))
    collect(log)
    spool.write("a", 3, logged("eva", "noah"))
    entity = Entity.of(key, ["customer"], ["VARCHAR"], ["eva"])
    rows = ProjectRows(store, "shop", key, (entity,))
    [found] = rows.find()
    assert (found.table, found.rows, found.current, found.searched) == (KEY, 3, 3, True)
    forgotten.save(Record.new(entity))
    rows.log.remove()
    [found] = rows.find()
    assert found.rows == 0
    files = [file for file in table.directory.rglob("*") if file.is_file()]
    assert not [file for file in files if b"eva" in file.read_bytes() or digest.encode() in file.read_bytes()]
    spool.write("a", 4, logged("eva"))
    assert collect(log) == 1
    assert sorted(store.frame(KEY)["customer"]) == ["adam", "adam", "noah"]
