"""Sources other than local files: dependencies, automation, schedules and sensors."""

import sqlite3
import warnings
from contextlib import closing
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from mlops_assets.components.model_project.component import ModelProject
from mlops_assets.components.model_project.project.staleness import Staleness
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError
from mlops_assets.resources import WarehouseResource, resources
from mlops_assets_tests.support.daemon import Daemon, failure_message
from mlops_assets_tests.support.loans import FEATURES_SQL, SCHEMA, loans
from mlops_assets_tests.support.shop import MONTHS, of_month

RAW = dg.AssetKey(["lending", "raw_loans"])
TABLES = [f"lending/{layer}_loans" for layer in ("raw", "validated", "quarantine")]
NOW = datetime(2024, 7, 2, 7, tzinfo=UTC)


@dg.asset(key=["bank", "contracts"], kinds={"duckdb"})
def contracts(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> None:
    """A custom asset that writes its table as documented."""
    with warehouse.store.connect() as connection:
        connection.register("frame", loans(50))
        warehouse.store.write(context.asset_key.path, connection.sql("select * from frame"))


@pytest.fixture
def lend(tmp_path, state, instance):
    """Load the project with a source, beside a custom asset, with a daemon."""

    def lend_(source: Any, **settings: Any) -> Daemon:
        folder = tmp_path / "defs" / "lending"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "schema.py").write_text(SCHEMA, "utf-8")
        (folder / "features.sql").write_text(FEATURES_SQL, "utf-8")
        declared = ModelProject.model_validate(
            {
                "description": "Which loans are paid late.",
                "task": "binary",
                "target": {"column": "outcome"},
                "tables": {"loans": {"source": source}},
                **settings,
            }
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            warnings.simplefilter("ignore", dg.PreviewWarning)
            defs = dg.Definitions.merge(
                declared.build_defs(SimpleNamespace(path=folder, project_root=tmp_path)),
                dg.Definitions(
                    assets=[contracts], resources=resources(state), executor=dg.in_process_executor
                ),
            )
            defs.resolve_asset_graph()
        return Daemon(defs, instance, resources(state))

    return lend_


def metadata(instance, key: dg.AssetKey = RAW) -> dict[str, Any]:
    [record] = instance.fetch_materializations(key, limit=1).records
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}


def test_an_asset_whose_table_is_read_is_upstream_and_has_no_file_sensor(lend):
    daemon = lend({"asset": "bank/contracts"})
    graph = daemon.defs.resolve_asset_graph()
    assert graph.get(RAW).parent_keys == {contracts.key}
    assert "lending_loans_files" not in {
        sensor.name for sensor in daemon.defs.get_repository_def().sensor_defs
    }


def test_a_table_of_an_asset_follows_it_and_records_its_version(lend, instance, warehouse):
    daemon = lend({"asset": "bank/contracts"})
    daemon.settle()
    assert daemon.run("bank/contracts").success
    assert daemon.settle() == {key: [None] for key in sorted([*TABLES, "lending/features"])}
    key = contracts.key.path
    assert metadata(instance)["source"] == "the table of bank/contracts"
    assert metadata(instance)["source_version"] == warehouse.version(key)
    assert metadata(instance)["source_data_version"] == warehouse.digest(key)
    assert warehouse.inputs(RAW.path, warehouse.version(RAW.path)) == {
        "bank/contracts": warehouse.version(key)
    }
    assert set(warehouse.frame(RAW.path)[names.SOURCE_FILE]) == {"asset:bank/contracts"}
    assert daemon.settle() == {}


def test_a_table_is_stale_when_its_source_table_changes(lend, instance, warehouse):
    daemon = lend({"asset": "bank/contracts"})
    daemon.run("bank/contracts", *TABLES)

    def stale() -> set[str]:
        keys = [dg.AssetKey(key.split("/")) for key in TABLES]
        found = Staleness(daemon.defs.resolve_asset_graph(), instance, warehouse).stale(keys)
        return {key.to_user_string() for key in found}

    assert stale() == set()
    with warehouse.connect() as connection:
        connection.register("frame", loans(60))
        warehouse.write(contracts.key.path, connection.sql("select * from frame"))
    assert stale() == set(TABLES)
    assert daemon.run(*TABLES).success
    assert stale() == set()


def test_an_asset_without_a_table_is_reported(lend, record_property):
    daemon = lend({"asset": "bank/typo"})
    message = failure_message(daemon.run(TABLES[0]))
    record_property("message", message)
    assert "lending: table loans: the source bank/typo has no table in the warehouse" in message
    assert "materialize it first" in message


def test_an_asset_derived_from_the_table_is_rejected_as_its_source(lend, record_property):
    with pytest.raises(ProjectError) as caught:
        lend({"asset": "lending/features"})
    record_property("message", str(caught.value))
    message = str(caught.value)
    assert (
        "lending: table loans: its source, lending/features, is itself derived from this project's tables"
        in message
    )


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "bank.db"

    def store(frame: pd.DataFrame, table: str = "loans") -> None:
        with closing(sqlite3.connect(path)) as connection:
            frame.to_sql(table, connection, if_exists="replace", index=False)

    return store


QUERY = {"sql": "select * from loans", "database": "sqlite:///bank.db"}


def test_a_query_is_ingested_by_a_schedule_without_a_sensor(lend, database, instance):
    database(loans(30))
    daemon = lend(QUERY, schedules={"ingest": {"cron": "0 * * * *"}})
    assert not [sensor for sensor in daemon.defs.get_repository_def().sensor_defs if "files" in sensor.name]
    [request] = daemon.schedule("lending_loans_ingest_schedule", NOW).run_requests
    assert request.partition_key is None
    schedule = daemon.defs.get_repository_def().get_schedule_def("lending_loans_ingest_schedule")
    job = daemon.defs.get_repository_def().get_job(schedule.job_name)
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == set(TABLES)
    assert job.execute_in_process(instance=instance).success
    assert metadata(instance)["dagster/row_count"] == 30
    assert metadata(instance)["query"] == "select * from loans"
    assert metadata(instance)["source"] == "sqlite:///bank.db"


def test_the_schedule_requests_new_and_the_newest_partitions(open_shop):
    source = {"sql": "select * from purchases", "database": "sqlite:///shop.db"}
    table = {"source": source, "time": "bought_at", "arrival": "bought_at", "key": ["purchase_id"]}
    settings = {"tables": {"purchases": table}, "schedules": {"ingest": {"cron": "@hourly", "last": 2}}}
    shop = open_shop(settings=settings)
    frame = pd.concat([of_month(shop.purchases, month) for month in MONTHS[:4]])
    with closing(sqlite3.connect(shop.root / "shop.db")) as connection:
        frame.to_sql("purchases", connection, index=False)

    def asked() -> list[str | None]:
        tick = shop.daemon.schedule("shop_purchases_ingest_schedule", NOW)
        return [request.partition_key for request in tick.run_requests]

    assert asked() == MONTHS[:4]
    for month in MONTHS[:4]:
        assert shop.daemon.run("shop/raw_purchases", partition=month).success
    assert asked() == MONTHS[2:4]
    assert len(shop.frame("raw_purchases", MONTHS[1])) == len(of_month(frame, MONTHS[1]))


def test_a_missing_database_fails_the_run_and_keeps_the_table(
    lend, database, tmp_path, warehouse, record_property
):
    database(loans(30))
    daemon = lend(QUERY)
    assert daemon.run(TABLES[0]).success
    (tmp_path / "bank.db").unlink()
    message = failure_message(daemon.run(TABLES[0]))
    record_property("message", message)
    assert "lending: table loans: no database at" in message
    assert len(warehouse.frame(RAW.path)) == 30


def test_dagster_stores_no_password(lend, postgres, monkeypatch, instance):
    postgres.execute(
        "create table if not exists loans (income float8, amount float8, purpose text, outcome text)"
    )
    postgres.execute("truncate loans", "insert into loans values (1000, 500, 'car', 'paid')")
    monkeypatch.setenv("BANK_URL", postgres.url())
    daemon = lend({"sql": "select * from loans", "database": "BANK_URL"})
    assert daemon.run(*TABLES).success
    assert metadata(instance)["source"] == "the database in $BANK_URL"
    monkeypatch.setenv("BANK_URL", postgres.url("hunter2"))
    message = failure_message(daemon.run(TABLES[0]))
    assert "lending: table loans: the database in $BANK_URL can't be reached" in message
    kept = "".join(str(entry) for run in instance.get_runs() for entry in instance.all_logs(run.run_id))
    assert "password authentication failed" in kept
    for secret in (postgres.password, postgres.url(), "hunter2"):
        assert secret not in kept


def test_the_sensor_of_a_url_has_a_longer_interval(lend):
    daemon = lend("memory://bucket/*.csv", automation={"remote_seconds": 90})
    [sensor] = [
        one for one in daemon.defs.get_repository_def().sensor_defs if one.name == "lending_loans_files"
    ]
    assert sensor.minimum_interval_seconds == 90


def test_files_behind_a_url_are_requested_and_ingested(lend, instance, warehouse):
    from fsspec.implementations.memory import MemoryFileSystem

    MemoryFileSystem().pipe_file("/bank/loans.csv", loans(20).to_csv(index=False).encode())
    daemon = lend({"url": "memory://bank/*.csv"})
    assert [daemon.look("lending_loans_files") for _ in range(3)] == [[], [None], []]
    assert len(warehouse.frame(RAW.path)) == 20
    assert metadata(instance)["source"] == "memory://bank/*.csv"
    assert metadata(instance)["files"] == 1
    MemoryFileSystem.store.clear()
