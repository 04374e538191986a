"""The tracking store: a real MLflow on SQLite."""

import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import BaseContext
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from mlops_assets.core.errors import TrackingError
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.search.trials import TrialSummary
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.tracking.trained_model import TrainedModel
from mlops_assets_tests.support.garage import ROWS, StartRun

pytestmark = pytest.mark.usefixtures("another_store")


def test_an_experiment_is_made_once_with_its_artifacts_in_the_folder(tracking: TrackingStore):
    first = tracking.experiment("garage")
    assert tracking.experiment("garage") == first != tracking.experiment("harbour")
    location = tracking.client.get_experiment(first).artifact_location
    assert location == (tracking.artifacts / "garage").as_uri()


def test_a_new_store_is_made_in_a_new_folder_and_can_be_opened_twice(tmp_path: Path):
    for _ in range(2):
        store = TrackingStore(f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}", tmp_path / "artifacts")
        assert store.experiment("garage") == "1"


def count_experiments(uri: str) -> int:
    return len(TrackingStore(uri).client.search_experiments())


def test_processes_may_open_a_new_store_at_once(tmp_path: Path, processes: BaseContext):
    together = processes.Barrier(3).wait
    with ProcessPoolExecutor(3, mp_context=processes, initializer=together) as pool:
        opened = [pool.submit(count_experiments, f"sqlite:///{tmp_path / 'mlflow.db'}") for _ in range(3)]
        assert [future.result() for future in opened] == [1, 1, 1]


def test_facts_are_logged_and_undefined_metrics_left_out(tracking: TrackingStore, run: StartRun):
    run_id = run()
    tracking.log_facts(
        run_id,
        params={"eta": 0.1, "rounds": None},
        metrics={"rmse": 0.5, "r2": float("nan")},
        facts={"a": "b"},
    )
    data = tracking.client.get_run(run_id).data
    assert data.params == {"eta": "0.1", "rounds": "None"}
    assert data.metrics == {"rmse": 0.5}
    assert data.tags["mlops.a"] == "b"


def test_a_dataset_tells_its_digest_and_versions(tracking: TrackingStore, run: StartRun):
    run_id = run()
    tracking.log_dataset(run_id, name="garage.cars", digest="abc", source={"version": 3}, profile={"rows": 7})
    (logged,) = tracking.client.get_run(run_id).inputs.dataset_inputs
    assert (logged.dataset.name, logged.dataset.digest) == ("garage.cars", "abc")
    assert json.loads(logged.dataset.source) == {"version": 3}
    assert json.loads(logged.dataset.profile) == {"rows": 7}


def test_trials_are_nested_runs_and_come_back_in_their_order(tracking: TrackingStore, run: StartRun):
    parent, other = run(), run()
    trials = [
        TrialSummary(
            0, "xgboost", {"eta": 0.1 + 0.2, "max_depth": 8, "booster": "dart"}, 0.9, "complete", 2.0
        ),
        TrialSummary(2, "linear", {"penalty": 1e-5}, 0.3, "pruned", 0.1),
        TrialSummary(1, "linear", {"penalty": 3.0}, 0.5, "complete", 0.2),
    ]
    for each in trials:
        tracking.log_trial("garage", parent, each, "rmse")
    tracking.log_trial("garage", other, trials[1], "rmse")
    assert tracking.trials("garage", parent, "rmse") == [trials[0], trials[2], trials[1]]
    nested = tracking.client.search_runs(
        [tracking.experiment("garage")], f"tags.`mlflow.parentRunId` = '{parent}'"
    )
    assert {each.info.status for each in nested} == {"FINISHED"}
    assert {each.info.run_name for each in nested} == {
        "trial 0: xgboost",
        "trial 1: linear",
        "trial 2: linear",
    }


def test_files_and_facts_of_a_run_are_kept(tracking: TrackingStore, run: StartRun, tmp_path: Path):
    run_id = run()
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "page.html").write_text("<p>")
    tracking.log_files(run_id, tmp_path / "report", "report")
    assert [file.path for file in tracking.client.list_artifacts(run_id, "report")] == ["report/page.html"]


# ---------------------------------------------------------------- models


def test_the_model_of_the_dagster_run_comes_before_the_newest(tracking: TrackingStore, run: StartRun):
    ours = run(dagster="run-1", model="models:/m-1")
    newest = run(dagster="run-2", model="models:/m-2")
    run(dagster="run-3")
    run("harbour", dagster="run-1", model="models:/m-4")
    found = tracking.trained_model("garage", dagster_run_id="run-1")
    assert (found.run_id, found.uri, found.facts["model_uri"]) == (ours, "models:/m-1", "models:/m-1")
    assert tracking.trained_model("garage", dagster_run_id="run-3").run_id == newest
    assert tracking.trained_model("garage").run_id == newest


def test_without_a_trained_model_the_error_says_what_to_do(tracking: TrackingStore, run: StartRun):
    run()
    with pytest.raises(
        TrackingError, match=r"garage: no model has been trained yet\n.*garage/tuned_model first"
    ):
        tracking.trained_model("garage", dagster_run_id="run-1")


def test_a_logged_model_loads_as_ours_and_as_mlflows(
    tracking: TrackingStore, trained: TrainedModel, model: TabularModel, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    loaded = tracking.load(trained)
    assert loaded.digest() == model.digest()
    predicted = tracking.load_pyfunc(trained.uri).predict(ROWS[["kind", "size"]])
    pd.testing.assert_frame_equal(predicted, model.predict(ROWS))


def test_a_logged_models_signature_lets_optional_columns_be_left_out(
    tracking: TrackingStore, trained: TrainedModel
):
    mlflow.set_tracking_uri(tracking.uri)
    signature = mlflow.models.get_model_info(trained.uri).signature
    assert {column.name: column.required for column in signature.inputs.inputs} == {
        "size": True,
        "kind": False,
    }
    with tracking.files(trained.uri) as folder:
        assert sorted(path.name for path in folder.iterdir()) == [
            "estimator",
            "features.sql",
            "manifest.json",
            "model.json",
            "pipeline.skops",
        ]
