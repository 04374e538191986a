"""The models of a tracking store: a real MLflow on SQLite."""

import pandas as pd
import pytest

from mlops_assets.core.errors import TrackingError
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.tracking.trained_model import TrainedModel
from mlops_assets.stores.tracking.training_history import past_trainings
from mlops_assets_tests.support.garage import ROWS, StartRun

pytestmark = pytest.mark.usefixtures("another_store")


def test_the_model_of_the_dagster_run_precedes_the_newest(tracking: TrackingStore, run: StartRun):
    ours = run(dagster="run-1", model="models:/m-1")
    newest = run(dagster="run-2", model="models:/m-2")
    run(dagster="run-3")
    run("harbour", dagster="run-1", model="models:/m-4")
    found = tracking.trained_model("garage", dagster_run_id="run-1")
    assert (found.run_id, found.uri, found.facts["model_uri"]) == (ours, "models:/m-1", "models:/m-1")
    assert tracking.trained_model("garage", dagster_run_id="run-3").run_id == newest
    assert tracking.trained_model("garage").run_id == newest


def test_the_newest_model_is_that_of_the_highest_sequence_whatever_the_clock_showed(
    tracking: TrackingStore, run: StartRun
):
    assert tracking.next_training_sequence("garage") == "000000000001"
    newest, before = (run(dagster=f"run-{number}", model=f"models:/m-{number}") for number in (1, 2))
    for run_id, sequence in ((before, "000000000009"), (newest, "000000000010")):  # the clock was set back
        tracking.log_facts(run_id, facts={"training_sequence": sequence})
    earlier_release = run(dagster="run-3", model="models:/m-3")
    assert tracking.trained_model("garage").run_id == newest
    assert [one.mlflow_run_id for one in past_trainings(tracking, "garage")] == [
        *(newest, before, earlier_release),
    ]
    assert tracking.next_training_sequence("garage") == "000000000011"


def test_the_newest_model_is_never_that_of_a_backtest(tracking: TrackingStore, run: StartRun):
    cutoff = {"cutoff": "2024-05"}
    first = run(dagster="run-1", model="models:/m-1")
    tracking.log_facts(first, facts=cutoff)
    past = run(dagster="run-2", model="models:/m-2")
    tracking.log_facts(past, facts={**cutoff, "backtest": "true"})
    assert tracking.trained_model("garage", dagster_run_id="run-3", cutoff="2024-05").run_id == first
    assert tracking.trained_model("garage", dagster_run_id="run-2", cutoff="2024-05").run_id == past
    assert tracking.trained_model("garage", cutoff="2024-05", backtests=True).run_id == past
    tracking.log_facts(first, facts={"cutoff": "2024-04"})
    with pytest.raises(TrackingError, match=r"trained yet for cut-off 2024-05, except in 1 backtest\n"):
        tracking.trained_model("garage", dagster_run_id="run-3", cutoff="2024-05")


def test_without_a_trained_model_there_is_an_error_with_a_hint(tracking: TrackingStore, run: StartRun):
    run()
    with pytest.raises(
        TrackingError, match=r"garage: no model has been trained yet\n.*garage/tuned_model first"
    ):
        tracking.trained_model("garage", dagster_run_id="run-1")


def test_a_logged_model_loads_directly_and_with_mlflow(
    tracking: TrackingStore, trained: TrainedModel, model: TabularModel, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    loaded = tracking.load(trained)
    assert loaded.digest() == model.digest()
    predicted = tracking.load_pyfunc(trained.uri).predict(ROWS[["kind", "size"]])
    pd.testing.assert_frame_equal(predicted, model.predict(ROWS))
