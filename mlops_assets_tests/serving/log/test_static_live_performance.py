"""Live performance of a static project: from requests to the service to the labels that arrive later."""

import json
import re
import time
from datetime import UTC, datetime, timedelta

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest
import yaml

from mlops_assets.components.model_project.monitoring.performance import scored_requests
from mlops_assets.serving.http.bodies.arrow_body import STREAM
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.serving.declared import declared_config
from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.daemon import failure_message
from mlops_assets_tests.support.loans import SCHEMA, enter_lending_project, loans
from mlops_assets_tests.support.served_shop import served

PREDICT = "/v1/projects/lending/predict"
KNOWN, ARRIVED, ALL, REPEATED = 300, 420, 500, 100
"""Loans are labelled up to the first at the training, up to the second later; the others never are. The last
ones are asked for twice."""
SETTINGS = {
    "monitoring": {"reports": ["performance"]},
    "serving": {"log": {"enabled": True}},
}


@pytest.fixture
def lending(tmp_path, monkeypatch, empty_tracking_store):
    """A project whose table has a key, with a champion, and loans of which some are not in its table yet."""
    schema = SCHEMA.replace("    income: float = pa.Field(gt=0)\n", "    loan: int\n    income: float\n", 1)
    root = enter_lending_project(
        tmp_path / "work",
        monkeypatch,
        empty_tracking_store,
        family="linear",
        files={"schema.py": schema.split("\n\nclass Features")[0]},
    )
    [file] = root.glob("*/defs/lending/defs.yaml")
    declared = yaml.safe_load(file.read_text("utf-8"))
    declared["attributes"] |= SETTINGS
    declared["attributes"]["tables"]["loans"]["key"] = ["loan"]
    file.write_text(yaml.safe_dump(declared), "utf-8")
    rows = loans(ALL).assign(loan=range(1, ALL + 1))
    rows["outcome"] = (rows["amount"] > rows["income"]).map({True: "late", False: "paid"})
    rows[:KNOWN].to_csv(root / "data" / "loans.csv", index=False)
    return root, rows


def ask(root, rows, monkeypatch):
    """Request predictions a day ago; return the answers by loan."""
    workspace = Workspace(root)
    config = declared_config(workspace, ["lending"])
    at = (datetime.now(UTC) - timedelta(days=1)).timestamp()
    inputs = rows.drop(columns="outcome")
    answers = {}

    def remember(response, asked):
        assert response.status_code == 200, response.text
        predicted = response.json()["predictions"]
        answers.update(zip(asked, (each["prediction"] for each in predicted), strict=True))

    with monkeypatch.context() as patched, served(config, root / "run") as (client, collector):
        patched.setattr(time, "time", lambda: at)
        early = inputs[inputs["loan"] > ALL - REPEATED].assign(amount=1.0)
        remember(client.post(PREDICT, json={"rows": early.to_dict("records")}), early["loan"])
        patched.setattr(time, "time", lambda: at + 60)
        text = inputs.assign(loan=inputs["loan"].map(str))[:150].to_dict("records")
        remember(client.post(PREDICT, json={"rows": text}), inputs["loan"][:150])
        batch = pa.RecordBatch.from_pandas(inputs[150:], preserve_index=False)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
        body = sink.getvalue().to_pybytes()
        remember(client.post(PREDICT, content=body, headers={"content-type": STREAM}), inputs["loan"][150:])
    collector.collect()
    return pd.Series(answers)


def report(root):
    """Make the report, as the job of the daemon does; its figures of all rows, checks and counts."""
    workspace = Workspace(root)
    with workspace.instance() as instance:
        job = workspace.definitions.resolve_job_def("lending_monitor")
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    assert result.success, failure_message(result)
    checks = {each.check_name: each for each in result.get_asset_check_evaluations()}
    [made] = result.get_asset_materialization_events()
    metadata = made.step_materialization_data.materialization.metadata
    counts = {name: value.value for name, value in metadata.items() if name.endswith("_rows")}
    frame = Warehouse(root / "data" / "state" / "warehouse").frame(("lending", "performance_report"))
    return frame.set_index(["kind", "metric"]), checks, counts


def test_requests_are_scored_with_the_labels_that_arrive_with_their_keys(lending, monkeypatch):
    root, rows = lending
    first = mlops("run", "lending", "--until", "champion")
    assert first.exit_code == 0, first.output
    given = ask(root, rows, monkeypatch)
    assert "performance_report: done" in mlops("run", "lending", "--until", "performance_report").output
    before = Warehouse(root / "data" / "state" / "warehouse").frame(("lending", "performance_report"))
    assert set(before["kind"]) == {"live_estimated"}
    assert set(before["rows"]) == {ALL - KNOWN}

    opposite = rows.assign(outcome=rows["outcome"].map({"late": "paid", "paid": "late"}))
    labelled = pd.concat([rows[:KNOWN], opposite[KNOWN:ARRIVED]])
    labelled.sample(frac=1, random_state=0).to_csv(root / "data" / "loans.csv", index=False)
    assert mlops("run", "lending", "--until", "training_set").exit_code == 0
    figures, checks, counts = report(root)
    arrived = labelled[KNOWN:].set_index("loan")["outcome"]
    measured = figures.loc[("live_measured", "accuracy")]
    assert measured["value"] == pytest.approx((given.loc[arrived.index] == arrived).mean())
    assert measured["low"] <= measured["value"] <= measured["high"]
    assert (measured["rows"], measured["model_version"]) == (ARRIVED - KNOWN, 1)
    assert counts == {
        "live_repeated_rows": REPEATED,
        "live_without_key_rows": 0,
        "live_in_training_rows": KNOWN,
        "live_labelled_rows": ARRIVED - KNOWN,
        "live_unlabelled_rows": ALL - ARRIVED,
    }
    failed = checks["performance_holds"]
    assert (failed.passed, failed.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert failed.description.startswith("live requests: log_loss is ")
    assert failed.description.endswith(
        f"live requests of version 1: left out: {REPEATED} earlier requests of the same key, "
        f"{KNOWN} in the training set of the version"
    )
    status = flat(mlops("status", "lending").output)
    assert re.search(r"log_loss [\d.]+ measured on live requests, .*; does not hold", status), status
    points = json.loads(mlops("status", "lending", "--json").output)["projects"][0]["performance"]
    assert {point["kind"] for point in points} == {"live_measured", "live_estimated"}

    monkeypatch.setattr(scored_requests, "MOST_ROWS", ALL - KNOWN - 50)
    _, checks, counts = report(root)
    assert counts["live_older_rows"] == KNOWN + 50
    assert "350 older than the newest 150" in checks["performance_holds"].description
