"""`mlops compare`: past trainings as a table, as JSON and as a plot."""

import json

from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.trainings import train


def test_trainings_are_printed_as_a_table_and_as_json_and_plotted(place):
    state = place / "data" / "state"
    tracking = TrackingStore(f"sqlite:///{state / 'mlflow' / 'mlflow.db'}", state / "mlflow" / "artifacts")
    train(tracking, rmse=1.25, cutoff="2024-05", start=1_000, register=True)
    train(tracking, rmse=None, cutoff="2024-06", start=2_000)
    tracking.registry.promote("lending", 1)
    done = mlops("compare", "lending")
    assert done.exit_code == 0, done.output
    assert "1 champion 2024-05 xgboost 1.25 1.15 to 1.35 2 0.500 4 (abc) 1970-01-01 00:00" in flat(
        done.output
    )
    assert (state / "reports" / "lending" / "trainings.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads(mlops("compare", "lending", "--json", "--plot", "mine.svg").stdout)
    assert [(one["version"], one["score"]) for one in found] == [(None, None), (1, 1.25)]
    assert "<svg" in (place / "mine.svg").read_text("utf-8")


def test_an_invalid_comparison_is_an_error_with_a_hint(place, record_property):
    for arguments, message in (
        (("lending",), "lending was never trained hint: train it: mlops run lending"),
        (("lending", "--plot", "a.pdf"), "a.pdf is neither .png nor .svg"),
        (("landing",), "there is no project landing"),
    ):
        done = mlops("compare", *arguments)
        assert done.exit_code == 1
        assert message in flat(done.output)
        record_property("message", done.output)
