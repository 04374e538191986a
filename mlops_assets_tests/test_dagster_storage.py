"""Dagster's storage in SQLite: what one run and many runs write, and how often a database is opened."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as db
import yaml
from dagster._core.storage.event_log.sqlite import consolidated_sqlite_event_log

from mlops_assets.compat.dagster import make_new_run_id
from mlops_assets.compat.dagster_events import partition_events
from mlops_assets.core.text.compact_text import expanded

KEY = dg.AssetKey(["shop", "features"])
STORAGE = {"module": "mlops_assets.dagster_storage", "class": "LocalStorage"}


@dg.asset(
    key=KEY,
    partitions_def=dg.StaticPartitionsDefinition(["a", "b"]),
    check_specs=[dg.AssetCheckSpec("one", asset=KEY)],
)
def features() -> dg.MaterializeResult:
    check = dg.AssetCheckResult(check_name="one", asset_key=KEY, passed=True)
    return dg.MaterializeResult(metadata={"rows": 1}, check_results=[check])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    settings = {"storage": {"custom": {**STORAGE, "config": {"base_dir": str(tmp_path)}}}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    return tmp_path


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """The databases that were opened, one entry for each connection."""
    found: list[str] = []

    def count(connection: Any, _: Any) -> None:
        found.append(Path(connection.execute("pragma database_list").fetchone()[2]).name)

    db.event.listen(db.pool.Pool, "connect", count)
    yield found
    db.event.remove(db.pool.Pool, "connect", count)


def run(instance: dg.DagsterInstance, partition: str) -> str:
    result = dg.materialize([features], instance=instance, partition_key=partition)
    assert result.success
    return result.run_id


def test_runs_share_one_database_and_an_event_is_stored_once(home: Path):
    with dg.DagsterInstance.from_config(str(home)) as instance:
        runs = {partition: run(instance, partition) for partition in ("a", "b")}
        for partition, run_id in runs.items():
            kinds = [entry.dagster_event.event_type_value for entry in instance.all_logs(run_id)]
            assert kinds[-1] == "RUN_SUCCESS" or kinds[-1] == "PIPELINE_SUCCESS"
            assert kinds.count("ASSET_MATERIALIZATION") == 1
            [record] = instance.fetch_materializations(
                dg.AssetRecordsFilter(KEY, asset_partitions=[partition]), limit=5
            ).records
            assert record.run_id == run_id
        assert {one.partition for one in partition_events(instance, [KEY])} == {"a", "b"}
    assert sorted(path.name for path in home.rglob("*.db")) == ["event_log.db", "runs.db", "schedules.db"]


def test_a_run_opens_each_database_a_few_times_and_not_for_each_event(home: Path, opened: list[str]):
    with dg.DagsterInstance.from_config(str(home)) as instance:
        run(instance, "a")
        first = len(opened)
        for partition in ("b", "a", "b"):
            run(instance, partition)
    assert len(opened) == first, opened[first:]


def test_an_event_of_an_asset_is_stored_as_a_whole_or_not_at_all(home: Path, monkeypatch: pytest.MonkeyPatch):
    with dg.DagsterInstance.from_config(str(home)) as instance:
        storage = instance.event_log_storage

        def fail(*_: object) -> None:
            raise OSError("disk full")

        monkeypatch.setattr(storage, "_store_asset_event", fail)
        with pytest.raises(OSError, match="disk full"):
            instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition="a"))
        monkeypatch.undo()
        assert instance.fetch_materializations(KEY, limit=5).records == []
        instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition="a"))
        assert len(instance.fetch_materializations(KEY, limit=5).records) == 1


def test_events_are_compressed_and_those_that_were_stored_as_text_are_read(home: Path):
    with dg.DagsterInstance.from_config(str(home)) as instance:
        run_id = run(instance, "a")
        entries = [str(entry) for entry in instance.all_logs(run_id)]
        with closing(sqlite3.connect(home / "history" / "event_log.db")) as other, other:
            events = other.execute("select id, event from event_logs").fetchall()
            assert {type(event) for _, event in events} == {bytes}
            texts = [(expanded(event), number) for number, event in events]
            assert sum(len(event) for _, event in events) < 0.55 * sum(len(text) for text, _ in texts)
            [evaluation] = other.execute("select evaluation_event from asset_check_executions").fetchone()
            assert "ASSET_CHECK_EVALUATION" in expanded(evaluation)
            other.executemany("update event_logs set event = ? where id = ?", texts)
        assert [str(entry) for entry in instance.all_logs(run_id)] == entries
        run(instance, "b")
        assert {one.partition for one in partition_events(instance, [KEY])} == {"a", "b"}


def test_events_in_the_databases_of_dagsters_own_class_stay_there(home: Path):
    settings = (home / "dagster.yaml").read_text("utf-8")
    (home / "dagster.yaml").write_text(
        yaml.safe_dump({"storage": {"sqlite": {"base_dir": str(home)}}}), "utf-8"
    )
    with dg.DagsterInstance.from_config(str(home)) as instance:
        before = run(instance, "a")
    (home / "dagster.yaml").write_text(settings, "utf-8")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        after = run(instance, "b")
        assert [len(instance.all_logs(run_id)) > 10 for run_id in (before, after)] == [True, True]
        assert {one.partition for one in partition_events(instance, [KEY])} == {"a", "b"}
    assert not (home / "history" / "event_log.db").exists()


def test_threads_and_forked_processes_have_connections_of_their_own(home: Path, opened: list[str]):
    with dg.DagsterInstance.from_config(str(home)) as instance:
        run_id = run(instance, "a")
        count = len(instance.all_logs(run_id))
        found: list[int] = []
        reader = threading.Thread(target=lambda: found.append(len(instance.all_logs(run_id))))
        reader.start()
        reader.join()
        assert found == [count]
        opened.clear()
        child = os.fork()
        if not child:
            same = len(instance.all_logs(run_id)) == count and opened == ["event_log.db"]
            os._exit(0 if same else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        instance.add_run(dg.DagsterRun(job_name="other", run_id=make_new_run_id()))
        assert instance.get_runs_count() == 2


def test_an_interrupted_creation_leaves_no_database_that_lacks_tables(home: Path, monkeypatch):
    tables = consolidated_sqlite_event_log.SqlEventLogStorageMetadata

    def interrupted(engine: db.Engine) -> None:
        tables.tables["event_logs"].create(engine)
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(tables, "create_all", interrupted)
        with pytest.raises(KeyboardInterrupt):
            dg.DagsterInstance.from_config(str(home))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        run(instance, "a")
    assert not list(home.rglob("*.new_*"))
    assert not list(home.rglob("event_log.db-journal"))
