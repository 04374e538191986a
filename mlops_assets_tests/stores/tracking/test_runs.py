"""The runs of a tracking store: a real MLflow on SQLite."""

import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import BaseContext
from pathlib import Path

import pytest

from mlops_assets.ml.search.trials import TrialSummary
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets_tests.support.garage import StartRun

pytestmark = pytest.mark.usefixtures("another_store")


def test_an_experiment_is_created_once_with_its_artifacts_in_the_folder(tracking: TrackingStore):
    first = tracking.experiment("garage")
    assert tracking.experiment("garage") == first != tracking.experiment("harbour")
    location = tracking.client.get_experiment(first).artifact_location
    assert location == (tracking.artifacts / "garage").as_uri()


def test_a_new_store_is_created_in_a_new_folder_and_opens_again(tmp_path: Path):
    for _ in range(2):
        store = TrackingStore(f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}", tmp_path / "artifacts")
        assert store.experiment("garage") == "1"


def count_experiments(uri: str) -> int:
    return len(TrackingStore(uri).client.search_experiments())


def test_several_processes_can_open_a_new_store_at_once(tmp_path: Path, processes: BaseContext):
    together = processes.Barrier(3).wait
    with ProcessPoolExecutor(3, mp_context=processes, initializer=together) as pool:
        opened = [pool.submit(count_experiments, f"sqlite:///{tmp_path / 'mlflow.db'}") for _ in range(3)]
        assert [future.result() for future in opened] == [1, 1, 1]


def test_facts_are_logged_and_nan_metrics_skipped(tracking: TrackingStore, run: StartRun):
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


def test_a_dataset_has_its_digest_and_the_versions_of_its_tables(tracking: TrackingStore, run: StartRun):
    run_id = run()
    tracking.log_dataset(run_id, name="garage.cars", digest="abc", source={"version": 3}, profile={"rows": 7})
    (logged,) = tracking.client.get_run(run_id).inputs.dataset_inputs
    assert (logged.dataset.name, logged.dataset.digest) == ("garage.cars", "abc")
    assert json.loads(logged.dataset.source) == {"version": 3}
    assert json.loads(logged.dataset.profile) == {"rows": 7}


def test_trials_are_nested_runs_and_are_read_in_the_order_of_their_numbers(
    tracking: TrackingStore, run: StartRun
):
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
        "trial 2: linear (pruned)",
    }
    best = min(nested, key=lambda each: each.data.metrics.get("cv_rmse", 9.0))
    assert best.info.run_name == "trial 1: linear", "a pruned trial is not the best by the metric"


def test_files_are_logged_as_artifacts_of_a_run(tracking: TrackingStore, run: StartRun, tmp_path: Path):
    run_id = run()
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "page.html").write_text("<p>")
    tracking.log_files(run_id, tmp_path / "report", "report")
    assert [file.path for file in tracking.client.list_artifacts(run_id, "report")] == ["report/page.html"]


def test_open_runs_of_ended_dagster_runs_are_closed_as_killed(tracking: TrackingStore):
    ended, ours, foreign = (tracking.start("garage", name) for name in ("ended", "ours", "foreign"))
    experiment = tracking.experiment("garage")
    trial = tracking.client.create_run(experiment, tags={"mlflow.parentRunId": ended}).info.run_id
    our_trial = tracking.client.create_run(experiment, tags={"mlflow.parentRunId": ours}).info.run_id
    assert set(tracking.close_orphaned_runs("garage", lambda run: run == "ended")) == {ended, trial}
    states = [tracking.client.get_run(run).info.status for run in (ended, trial, ours, our_trial, foreign)]
    assert states == ["KILLED", "KILLED", "RUNNING", "RUNNING", "RUNNING"]
    assert tracking.start("garage", "ours") == ours
