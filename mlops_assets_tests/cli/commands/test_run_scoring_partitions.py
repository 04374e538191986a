"""`mlops run` and Dagster's daemon, with rows to predict that are partitioned by their arrival."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from mlops_assets.components.model_project.project.materializations import latest_materializations
from mlops_assets.core import names
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.run_plan import RunPlan
from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.daemon import Daemon
from mlops_assets_tests.support.loans import coded_loans

SCORING_TABLES = ("raw_scoring", "validated_scoring", "quarantine_scoring", "predictions")
FILES = "lending_scoring_files"


def declare(place: Path, **settings: Any) -> None:
    [file] = place.glob("*/defs/lending/defs.yaml")
    declared = yaml.safe_load(file.read_text("utf-8"))
    declared["attributes"] |= settings
    file.write_text(yaml.safe_dump(declared), "utf-8")


@pytest.fixture
def by_month(lending: Path) -> Path:
    """The project with rows to predict by month, in files of another CSV format than those of the table."""
    declare(
        lending,
        scoring={
            "source": "new",
            "partitions": {"cadence": "monthly", "start": "2025-01"},
            "csv": {"delimiter": ";", "decimal": ","},
            "columns": ["amount"],
        },
        schedules={"backfill": {"cron": "@daily", "last": 2}, "score": "@daily"},
        monitoring={"reports": []},
    )
    return lending


def write(place: Path, name: str, rows: pd.DataFrame) -> None:
    path = place / "new" / name
    path.parent.mkdir(exist_ok=True, parents=True)
    rows.drop(columns="outcome").to_csv(path, index=False, sep=";", decimal=",")


def counts(place: Path) -> dict[str, dict[str | None, int]]:
    """Rows of each partition of the predictions and the tables before them."""
    tables = Warehouse(place / "data" / "state" / "warehouse")
    return {name: dict(tables.row_counts(("lending", name))) for name in SCORING_TABLES}


def newest(place: Path) -> dict[tuple[str, str | None], int]:
    """The latest materialization of each partition of all assets."""
    workspace = Workspace(place)
    with workspace.instance() as instance:
        return {
            (key.path[1], partition): record.storage_id
            for key in workspace.project("lending")
            for partition, record in latest_materializations(instance, key).items()
        }


def changed(place: Path, before: dict[tuple[str, str | None], int]) -> dict[str, set[str | None]]:
    """The partitions that were materialized since, by asset; without the page, which follows all others."""
    found: dict[str, set[str | None]] = {}
    for (name, partition), storage_id in newest(place).items():
        if before.get((name, partition)) != storage_id and name != names.STATUS_PAGE:
            found.setdefault(name, set()).add(partition)
    return found


def run(*options: str) -> str:
    done = mlops("run", "lending", *options)
    assert done.exit_code == 0, done.output
    return flat(done.output)


def test_partitions_of_rows_to_predict_are_predicted_alone_when_they_arrive_or_are_corrected(by_month):
    """Also in the UI, in tables and in the daemon: its sensor requests the partitions of changed files."""
    month = datetime.now(UTC).strftime("%Y-%m")
    rows, known = coded_loans(9, seed=7), coded_loans().head(2)
    write(by_month, "2025-03/loans.csv", pd.concat([rows.head(4), known]))
    write(by_month, f"loans_{month}.csv", rows.tail(5))
    before = newest(by_month)
    output = run()
    assert "no file for" not in output
    assert changed(by_month, before) == {name: {"2025-03", month} for name in SCORING_TABLES}
    assert counts(by_month)["predictions"] == {"2025-03": 6, month: 5}
    tables = Warehouse(by_month / "data" / "state" / "warehouse")
    found = tables.frame(("lending", "predictions")).set_index("amount")
    assert set(found.columns) == {
        *("row_id", "prediction", "probability", "model_version", "in_training", "_partition")
    }
    assert found["in_training"].loc[rows["amount"]].sum() == 0
    split = tables.frame(("lending", "training_set")).set_index("row_id")["_split"]
    of_known = found.loc[known["amount"]]
    assert of_known["in_training"].tolist() == (split[of_known["row_id"]] == "train").tolist()
    rows.drop(columns="outcome").to_csv("all.csv", index=False)
    assert mlops("predict", "lending", "--data", "all.csv", "--to", "all.parquet").exit_code == 0
    expected = pd.read_parquet("all.parquet").set_index(rows["amount"])["probability"]
    assert found["probability"].loc[rows["amount"]].tolist() == expected.tolist()

    before = newest(by_month)
    again = run("--partition", "2025-03", "--force")
    assert changed(by_month, before) == {name: {"2025-03"} for name in SCORING_TABLES}
    assert "tuned_model: done" not in again
    nothing = mlops("run", "lending", "--partition", "2025-02")
    assert "lending: no data has arrived for 2025-02" in flat(nothing.output)
    (by_month / "new" / "2025-03" / "loans.csv").unlink()
    assert "lending is up to date" in run()
    assert counts(by_month)["predictions"]["2025-03"] == 6
    versions = mlops("data", "versions", "lending", "predictions", "--partition", month).output
    assert versions.count("validated_scoring") == 1

    workspace = Workspace(by_month)
    with workspace.instance() as instance:
        daemon = Daemon(workspace.definitions, instance, workspace.definitions.resources or {})
        assert [daemon.look(FILES) for _ in range(3)] == [[], [], []]
        write(by_month, "loans_2025-05.csv", rows)
        write(by_month, f"loans_{month}.csv", rows.tail(4))
        assert [daemon.look(FILES) for _ in range(3)] == [[], ["2025-05", month], []]
        tick = daemon.schedule("lending_backfill_schedule", datetime.now(UTC))
        assert [request.partition_key for request in tick.run_requests] == ["2025-05", month]
        [asked] = daemon.schedule("lending_score_schedule", datetime.now(UTC)).run_requests
        assert asked.partition_key == month
        plan = RunPlan(workspace, instance, "lending", workspace.project("lending"))
        assert [plan.is_newest(key, plan.staleness) for key in (month, "2025-05", None)] == [
            True,
            False,
            False,
        ]
    assert counts(by_month)["validated_scoring"] == {"2025-03": 6, "2025-05": 9, month: 4}
    before = newest(by_month)
    run("--until", "predictions")
    assert changed(by_month, before) == {"predictions": {"2025-05", month}}

    declare(by_month, schedules={}, scoring={"source": "new", "csv": {"delimiter": ";", "decimal": ","}})
    refused = mlops("run", "lending")
    output = flat(refused.output)
    assert refused.exit_code == 1
    assert (
        "table scoring: raw_scoring, validated_scoring, quarantine_scoring, predictions were written with "
        "partitions, and defs.yaml does not declare `scoring.partitions`"
    ) in output
    for name in SCORING_TABLES:
        assert str(by_month / "data" / "state" / "warehouse" / "lending" / name) in refused.output.replace(
            "\n", ""
        )


def test_rows_are_assigned_by_their_arrival_and_rows_without_one_are_quarantined(lending):
    """The column is not in schema.py, and does not change the identity of rows."""
    declare(
        lending,
        scoring={
            "source": "new.csv",
            "partitions": {"cadence": "daily", "start": "2025-03-01"},
            "arrival": "received",
            "formats": {"received": "%d.%m.%Y %H:%M"},
            "columns": ["received"],
            "max_rejected_share": 0.5,
        },
    )
    rows = coded_loans().head(4).drop(columns="outcome")
    rows["received"] = ["01.03.2025 07:00", "", "05.03.2025 23:59", "01.02.2025 00:00"]
    rows.to_csv(lending / "new.csv", index=False)
    run("--until", "predictions")
    assert counts(lending) == {
        "raw_scoring": {"2025-03-01": 3, "2025-03-05": 1},
        "validated_scoring": {"2025-03-01": 2, "2025-03-05": 1},
        "quarantine_scoring": {"2025-03-01": 1, "2025-03-05": 0},
        "predictions": {"2025-03-01": 2, "2025-03-05": 1},
    }
    tables = Warehouse(lending / "data" / "state" / "warehouse")
    [rejected] = tables.frame(("lending", "quarantine_scoring"))["_broken_rules"]
    assert list(rejected) == ["received: not_nullable"]
    found = tables.frame(("lending", "predictions")).sort_values("received")
    assert found["received"].astype(str).tolist() == [
        *("2025-02-01 00:00:00", "2025-03-01 07:00:00", "2025-03-05 23:59:00")
    ]
    split = tables.frame(("lending", "training_set")).set_index("row_id")["_split"]
    assert found["in_training"].tolist() == (split[found["row_id"]] == "train").tolist()
