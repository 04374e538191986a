"""The `mlops` command with databases and tables of other assets as sources: changes and errors."""

import re
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.dg_project import write_dg_project
from mlops_assets_tests.support.loans import FEATURES_SQL, SCHEMA, loans
from mlops_assets_tests.support.shop import FEATURES_SQL as SHOP_FEATURES
from mlops_assets_tests.support.shop import SCHEMA as SHOP_SCHEMA
from mlops_assets_tests.support.shop import SETTINGS, TARGET_SQL, of_month, purchases

LOANS: dict[str, Any] = {
    "description": "Which loans are paid late.",
    "task": "binary",
    "target": {"column": "outcome"},
    "tables": {"loans": {"source": {"sql": "loans.sql", "database": "sqlite:///data/bank.db"}}},
    "tuning": {"trials": 1, "folds": 2, "families": ["xgboost"], "threads": 1},
}
LOANS_SQL = "select income, amount, purpose, outcome from contracts order by number\n"
MONTHS = ["2024-01", "2024-02", "2024-03"]


class Place:
    """A dg project in its own folder, with a SQLite database."""

    def __init__(self, root: Path) -> None:
        self.root, self.database = root, root / "data" / "bank.db"

    def store(self, table: str, frame: pd.DataFrame) -> None:
        with closing(sqlite3.connect(self.database)) as connection:
            frame.to_sql(table, connection, if_exists="replace", index_label="number")

    def execute(self, statement: str) -> None:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute(statement)

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.root / "data" / "state" / "warehouse")

    def partitions(self, *asset: str) -> dict[str, str]:
        return self.warehouse.partitions(["shop", *asset])


@pytest.fixture
def declare(tmp_path, monkeypatch, empty_tracking_store) -> Callable[..., Place]:
    root = tmp_path / "project"
    monkeypatch.syspath_prepend(str(root))
    monkeypatch.setenv("DAGSTER_HOME", str(root))

    def declare_(name: str, settings: Mapping[str, Any], files: Mapping[str, str]) -> Place:
        write_dg_project(root, name, settings, files, mlflow=empty_tracking_store)
        monkeypatch.chdir(root)
        return Place(root)

    return declare_


@pytest.fixture
def bank(declare) -> Place:
    files = {"schema.py": SCHEMA, "features.sql": FEATURES_SQL, "loans.sql": LOANS_SQL}
    place = declare("lending", LOANS, files)
    place.store("contracts", loans(300))
    return place


def shop_settings(source: Mapping[str, Any], **table: Any) -> dict[str, Any]:
    declared = {**SETTINGS["tables"]["purchases"], "source": source, **table}
    return {**SETTINGS, "tables": {"purchases": declared}}


@pytest.fixture
def shop(declare) -> Place:
    source = {"sql": "select * from purchases", "database": "sqlite:///data/bank.db"}
    files = {"schema.py": SHOP_SCHEMA, "features.sql": SHOP_FEATURES, "target.sql": TARGET_SQL}
    place = declare("shop", shop_settings(source, arrival="bought_at"), files)
    bought = purchases()
    place.store("purchases", pd.concat([of_month(bought, month) for month in MONTHS]))
    return place


def test_a_query_is_read_again_only_after_a_row_has_changed(bank):
    read = ("run", "lending", "--until", "raw_loans")
    done = mlops(*read)
    assert done.exit_code == 0, done.output
    raw = bank.warehouse.frame(["lending", "raw_loans"])
    assert set(raw["_source_file"]) == {"sql:loans"}
    assert raw["income"].astype(float).tolist() == loans(300)["income"].tolist()

    assert "lending is up to date" in mlops(*read).output
    bank.execute("update contracts set amount = 17.5 where number = 3")
    again = mlops(*read)
    assert again.exit_code == 0, again.output
    assert bank.warehouse.frame(["lending", "raw_loans"])["amount"].tolist()[3] == "17.5"


def test_partitions_of_a_query_are_found_and_only_the_changed_one_is_read_again(shop):
    done = mlops("run", "shop", "--until", "raw_purchases")
    assert done.exit_code == 0, done.output
    assert list(shop.partitions("raw_purchases")) == MONTHS
    before = shop.partitions("raw_purchases")
    shop.execute("delete from purchases where purchase_id = 'p00100'")
    again = mlops("run", "shop", "--until", "raw_purchases")
    assert again.exit_code == 0, again.output
    after = shop.partitions("raw_purchases")
    assert [month for month in MONTHS if before[month] != after[month]] == ["2024-02"]
    assert "2024-01 raw_purchases" not in again.output


def test_a_month_that_is_not_in_the_database_is_reported(shop, record_property):
    done = mlops("run", "shop", "--partition", "2024-05", "--until", "features")
    assert done.exit_code == 1
    record_property("message", flat(done.stderr))
    assert "shop: no data has arrived for 2024-05" in flat(done.output)


def test_a_missing_database_is_reported(bank, record_property):
    bank.database.unlink()
    done = mlops("run", "lending")
    record_property("message", flat(done.stderr))
    assert done.exit_code == 1
    assert "lending: table loans: no database at" in flat(done.stderr)
    assert "Traceback" not in done.output


def test_nothing_is_fetched_into_a_database(bank, record_property):
    done = mlops("fetch", "lending")
    record_property("message", flat(done.stderr))
    assert done.exit_code == 1
    assert "lending: its source is not a local folder" in flat(done.stderr)


def loan_source(source: Any, **more: Any) -> dict[str, Any]:
    return {**LOANS, "tables": {"loans": {"source": source}}, **more}


SQLITE = "sqlite:///data/bank.db"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            loan_source({"sql": "select 1"}),
            "tables.loans.source.database is missing: declare sql and database together",
        ),
        (loan_source({"database": SQLITE}), "tables.loans.source has none of sql, url and asset"),
        (
            loan_source({"asset": "a/b", "url": "s3://bucket"}),
            "tables.loans.source has url and asset of sql, url and asset; declare exactly one",
        ),
        (
            loan_source({"sql": "select 1", "databse": SQLITE}),
            "tables.loans.source.databse is not a setting; did you mean database?",
        ),
        (loan_source(7), "tables.loans.source is 7"),
        (
            loan_source({"sql": "select 1", "database": "postgresql://me:hunter2@host/crm"}),
            "tables.loans.source.database is invalid; write sqlite:///…, or the name of an environment "
            "variable",
        ),
        (
            loan_source({"url": "s3://me:hunter2@bucket/a.csv"}),
            "tables.loans.source.url contains a user name or password; move them to storage_options",
        ),
        (
            loan_source("s3://me:hunter2@bucket/a.csv"),
            "tables.loans.source contains a user name or password; move them to storage_options",
        ),
        (
            loan_source({"url": "s3://bucket", "storage_options": {"secret": "hunter2"}}),
            "tables.loans.source.storage_options.secret is a secret; write {env: NAME}",
        ),
        (
            loan_source({"url": "s3://b", "storage_options": {"client_kwargs": {"api_key": "hunter2"}}}),
            "tables.loans.source.storage_options.client_kwargs.api_key is a secret",
        ),
        (
            loan_source("https://host/a.csv?X-Amz-Signature=hunter2"),
            "tables.loans.source contains a signature or token; remove it, because addresses are not secret",
        ),
        (loan_source({"url": "bucket/a.csv"}), "tables.loans.source.url is 'bucket/a.csv'; write a URL"),
        (
            {**LOANS, "tables": {"loans": {"source": "data/loans.csv", "excel": {"sheet": "May"}}}},
            "tables.loans.excel is for Excel files, .xlsx or .xlsm; remove it, or correct the source",
        ),
        (loan_source({"asset": "a b"}), "tables.loans.source.asset is 'a b'; write an asset key"),
        (
            loan_source({"sql": "../other.sql", "database": SQLITE}),
            "tables.loans.source.sql is '../other.sql'; name a file in the project's folder",
        ),
        (
            loan_source({"sql": "none.sql", "database": SQLITE}),
            "/defs/lending/none.sql, which does not exist",
        ),
        (
            loan_source("data/*.csv", schedules={"ingest": {"cron": "@daily"}}),
            "schedules.ingest requires a table with a query as its source",
        ),
        (
            loan_source({"asset": "lending/features"}),
            "lending: table loans: its source, lending/features, is itself derived from this project",
        ),
    ],
)
def test_an_invalid_source_is_reported_with_file_and_line(declare, record_property, settings, expected):
    place = declare("lending", settings, {"schema.py": SCHEMA, "features.sql": FEATURES_SQL})
    with pytest.raises(ProjectError) as caught:
        _ = Workspace(place.root).definitions
    message = flat(str(caught.value)).replace(f"{place.root}/", "")
    record_property("message", message)
    assert expected in message
    assert "hunter2" not in message
    if expected.startswith(("tables.", "schedules.")):
        assert re.search(r"defs\.yaml:\d+", message), "file and line"


def test_a_query_of_events_without_arrival_is_reported(declare, record_property):
    settings = shop_settings({"sql": "select 1", "database": SQLITE})
    files = {"schema.py": SHOP_SCHEMA, "features.sql": SHOP_FEATURES, "target.sql": TARGET_SQL}
    with pytest.raises(ProjectError, match=r"tables\.purchases\.arrival is missing") as caught:
        _ = Workspace(declare("shop", settings, files).root).definitions
    record_property("message", str(caught.value))


def test_projects_that_read_from_each_other_are_reported_as_a_cycle(declare, record_property):
    files = {"schema.py": SCHEMA, "features.sql": FEATURES_SQL}
    place = declare("lending", loan_source({"asset": "banking/features"}), files)
    package = next(place.root.glob("lending_*"))
    shutil.copytree(package / "defs" / "lending", package / "defs" / "banking")
    other = {"type": "mlops_assets.ModelProject", "attributes": loan_source({"asset": "lending/features"})}
    (package / "defs" / "banking" / "defs.yaml").write_text(yaml.safe_dump(other), "utf-8")
    with pytest.raises(ProjectError, match="the assets depend on each other in a cycle") as caught:
        _ = Workspace(place.root).definitions
    record_property("message", str(caught.value))
    assert "banking/features > banking/validated_loans > banking/raw_loans > lending/features" in str(
        caught.value
    )
    assert "that does not depend on it" in caught.value.hint
