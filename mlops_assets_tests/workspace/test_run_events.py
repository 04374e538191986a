"""The events of a run, translated from Dagster's event log."""

import io
import json
import sys

import dagster as dg

from mlops_assets.cli.output.run_display import JsonLines
from mlops_assets.workspace.run_events import RunEvent, RunProgress

STEPS = {"one": [dg.AssetKey(["lending", "validated_loans"]), dg.AssetKey(["lending", "quarantine_loans"])]}
ABOUT = {"step": "one", "assets": ("validated_loans", "quarantine_loans"), "run_id": "r1"}
EVENTS = [
    RunEvent("running", 10.0, partition="2024-01", **ABOUT),
    RunEvent("log", 11.0, "trial [1]", partition="2024-01", **ABOUT),
    RunEvent("failed", 12.5, "broken", level="error", partition="2024-01", seconds=2.5, **ABOUT),
    RunEvent("done", 15.0, partition="2024-02", seconds=1.0, **ABOUT),
    RunEvent("note", 16.0, "no [model] yet"),
]


def test_dagsters_event_log_becomes_events(instance):
    @dg.multi_asset(specs=[dg.AssetSpec(["lending", "features"])], name="one")
    def features(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        context.log.warning("few rows")
        raise dg.Failure("no column income", allow_retries=False)

    stream = io.StringIO()
    progress = RunProgress(JsonLines(stream, "lending"), {"one": [dg.AssetKey(["lending", "features"])]})
    with progress:
        result = dg.materialize([features], instance=instance, raise_on_error=False)
        for entry in instance.all_logs(result.run_id):
            progress.on_event(entry)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["event"], line["level"], line["message"]) for line in lines] == [
        ("running", "info", ""),
        ("log", "warning", "few rows"),
        ("failed", "error", "no column income"),
    ]
    assert lines[2]["seconds"] >= 0
    assert lines[2]["run_id"] == result.run_id
    assert progress.errors == ["no column income"]
    assert sys.stdout is not stream


def test_a_step_behind_a_failed_one_is_skipped_with_the_asset_that_failed(instance):
    @dg.asset
    def features() -> None:
        raise dg.Failure("no column income", allow_retries=False)

    @dg.asset(deps=[features])
    def training_set() -> None: ...

    @dg.asset(deps=[training_set])
    def champion() -> None: ...

    stream = io.StringIO()
    names = ("features", "training_set", "champion")
    progress = RunProgress(
        JsonLines(stream, "lending"), {name: [dg.AssetKey(["lending", name])] for name in names}
    )
    with progress:
        result = dg.materialize([features, training_set, champion], instance=instance, raise_on_error=False)
        for entry in instance.all_logs(result.run_id):
            progress.on_event(entry)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["assets"], line["message"]) for line in lines if line["event"] == "skipped"] == [
        (["training_set"], "because of features"),
        (["champion"], "because of features"),
    ]
    assert not any("Dependencies" in line["message"] for line in lines)
