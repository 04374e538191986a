"""tuned_model, evaluation_report, registered_model and champion over a real MLflow store."""

import json
import shutil

import dagster as dg
import mlflow
import pandas as pd
import pytest

from mlops_assets.components.model_project.assets.champion import champion_asset
from mlops_assets.components.model_project.assets.evaluation_report import evaluation_report_asset
from mlops_assets.components.model_project.assets.features import features_asset
from mlops_assets.components.model_project.assets.raw import raw_asset
from mlops_assets.components.model_project.assets.registered_model import registered_model_asset
from mlops_assets.components.model_project.assets.training_set import training_set_asset
from mlops_assets.components.model_project.assets.tuned_model import tuned_model_asset
from mlops_assets.components.model_project.assets.validated import validated_asset
from mlops_assets.core import names
from mlops_assets_tests.support.loans import SCHEMA, loans

DATA = (
    lambda project: raw_asset(project, "loans"),
    lambda project: validated_asset(project, "loans"),
    features_asset,
    training_set_asset,
)
MODEL = (tuned_model_asset, evaluation_report_asset, registered_model_asset, champion_asset)


@pytest.fixture
def run(stores, instance):
    """Materialize some of a project's assets; returns the metadata of each by its name."""

    def materialize(project, builders):
        assets = [build(project) for build in builders]
        result = dg.materialize(assets, resources=stores, instance=instance, raise_on_error=False)
        failures = [event for event in result.all_events if event.is_step_failure]
        assert not failures, failures[0].step_failure_data.error.to_string()
        return {
            event.asset_key.path[1]: {
                name: value.value
                for name, value in event.step_materialization_data.materialization.metadata.items()
            }
            for event in result.all_events
            if event.is_step_materialization
        }

    return materialize


def test_a_classification_runs_to_a_champion_that_predicts_raw_rows(
    make_project, write_loans, run, tracking, state, monkeypatch
):
    project = make_project()
    write_loans(loans(600))
    found = run(project, DATA + MODEL)
    assert found[names.CHAMPION]["version"] == 1
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    served = tracking.load_pyfunc("models:/lending@champion")
    predicted = served.predict(loans(200, seed=9).drop(columns="outcome"))
    assert list(predicted.columns) == ["prediction", "probability"]
    assert (predicted["prediction"] == loans(200, seed=9)["outcome"]).mean() > 0.8
    report = state.reports / "lending" / found[names.EVALUATION_REPORT]["mlflow_run_id"]
    numbers = json.loads((report / "evaluation_report.json").read_text("utf-8"))
    assert numbers["scores"]["model"]["roc_auc"] == pytest.approx(
        found[names.EVALUATION_REPORT]["test_roc_auc"]
    )


def test_the_version_tells_its_data_code_runs_and_digest(make_project, write_loans, run, tracking):
    project = make_project()
    write_loans(loans(400))
    found = run(project, DATA + MODEL)
    version = tracking.registry.version("lending", 1)
    assert version.run_id == found[names.TUNED_MODEL]["mlflow_run_id"]
    assert version.facts["model_digest"] == found[names.TUNED_MODEL]["model_digest"]
    assert version.facts["training_set_version"] == "1"
    assert json.loads(version.facts["inputs"]) == {"lending/features": 1, "lending/validated_loans": 1}
    assert (
        version.facts["code_version"]
        == tuned_model_asset(project).code_versions_by_key[project.key(names.TUNED_MODEL)]
    )
    mlflow_run = tracking.client.get_run(version.run_id)
    assert mlflow_run.info.status == "FINISHED"
    assert mlflow_run.data.tags["dagster_run_id"] == version.facts["dagster_run_id"]
    assert mlflow_run.data.metrics["test_roc_auc"] > 0.8
    [dataset] = mlflow_run.inputs.dataset_inputs
    assert json.loads(dataset.dataset.source)["version"] == 1


def test_the_same_data_code_and_seed_give_the_same_model(make_project, write_loans, run):
    project = make_project()
    write_loans(loans(300))
    first = run(project, DATA + MODEL)
    again = run(project, MODEL)
    assert again[names.TUNED_MODEL]["model_digest"] == first[names.TUNED_MODEL]["model_digest"]


def test_an_equal_challenger_does_not_replace_the_champion(make_project, write_loans, run, tracking):
    project = make_project()
    write_loans(loans(400))
    run(project, DATA + MODEL)
    found = run(project, MODEL)
    assert found[names.REGISTERED_MODEL]["version"] == 2
    assert found[names.CHAMPION]["version"] == 1
    assert "the champion stays" in found[names.CHAMPION]["decision"]
    assert tracking.registry.champion("lending").version == 1


def test_a_better_challenger_becomes_champion(make_project, write_loans, run, tracking):
    write_loans(loans(600))
    half_blind = "select row_id, income, round(2 * amount / income) / 2 + 1.0 as share, purpose from loans"
    run(make_project(features_sql=half_blind), DATA + MODEL)
    assert tracking.registry.champion("lending").version == 1
    found = run(make_project(), DATA[2:] + MODEL)
    assert "on 114 rows that neither was trained on" in found[names.CHAMPION]["decision"]
    assert tracking.registry.champion("lending").version == 2


def test_with_another_split_only_rows_unseen_by_the_champion_count(make_project, write_loans, run):
    write_loans(loans(1000))
    run(make_project(), DATA + MODEL)
    found = run(make_project(split={"seed": 5}), DATA[2:] + MODEL)
    decision = found[names.CHAMPION]["decision"]
    rows = int(decision.split(" on ")[1].split(" rows")[0].replace(",", ""))
    assert 20 < rows < 80, "a fifth of a fifth of 1,000 rows"


def test_rows_that_the_champion_was_trained_on_are_known_under_another_contract(
    make_project, write_loans, run
):
    write_loans(loans(1000).assign(amount=lambda frame: frame["amount"].round()))
    run(make_project(), DATA + MODEL)
    income, amount = "    income: float = pa.Field(gt=0)\n", "    amount: float = pa.Field(gt=0)\n"
    swapped = SCHEMA.replace(income + amount, amount.replace("float", "int") + income)
    assert swapped != SCHEMA
    found = run(make_project(schema=swapped, split={"seed": 5}), DATA[1:] + MODEL)
    rows = int(found[names.CHAMPION]["decision"].split(" on ")[1].split(" rows")[0].replace(",", ""))
    assert 20 < rows < 80, "a fifth of a fifth of 1,000 rows"


def test_features_that_tell_nothing_are_named_and_stop_nothing(make_project, write_loans, stores, instance):
    project = make_project(
        schema=SCHEMA.split("class Features")[0],
        features_sql="select row_id, 1 as one, null::double as nothing, 'loan ' || row_id as name, income "
        "from loans",
        tuning={"trials": 2, "folds": 2, "threads": 1},
    )
    write_loans(loans(1_500))
    assets = [build(project) for build in (*DATA, tuned_model_asset)]
    result = dg.materialize(assets, resources=stores, instance=instance)
    judged = {check.check_name: check for check in result.get_asset_check_evaluations()}
    told = judged["informative_features"]
    assert not told.passed
    assert told.severity == dg.AssetCheckSeverity.WARN
    assert "feature one is 1.0 in all rows; feature nothing is missing in all rows" in told.description
    assert "feature name has about 1," in told.description
    assert "income" not in told.description


def test_integers_and_whole_numbers_are_served(make_project, write_loans, run, tracking):
    schema = SCHEMA.replace("amount: float", "amount: int", 1)
    write_loans(loans(400).assign(amount=lambda frame: frame["amount"].round().astype(int)))
    found = run(make_project(schema=schema), DATA + MODEL)
    assert found[names.CHAMPION]["version"] == 1
    served = tracking.load_pyfunc("models:/lending@champion")
    whole = loans(5).drop(columns="outcome").round().astype({"income": int, "amount": int})
    assert served.predict(whole)["probability"].between(0, 1).all()


def test_a_training_set_that_was_lost_is_told_and_not_replaced(
    make_project, write_loans, run, stores, instance, state
):
    project = make_project()
    write_loans(loans(300))
    run(project, DATA + MODEL)
    shutil.rmtree(state.warehouse)
    write_loans(loans(310))
    assets = [build(project) for build in DATA + MODEL]
    result = dg.materialize(assets, resources=stores, instance=instance, raise_on_error=False)
    failed = next(event for event in result.all_events if event.is_step_failure)
    assert "version 1 of the training set, of model" in failed.step_failure_data.user_failure_data.description


def test_a_pipeline_that_cannot_be_kept_fails_before_the_search(make_project, write_loans, stores, instance):
    pipeline = """
from sklearn.base import BaseEstimator, TransformerMixin

class Own(TransformerMixin, BaseEstimator):
    def fit(self, frame, target=None):
        return self

    def transform(self, frame):
        return frame[["income", "share"]].to_numpy()

def make_pipeline():
    return Own()
"""
    project = make_project(pipeline=pipeline)
    write_loans(loans(100))
    assets = [build(project) for build in (*DATA, tuned_model_asset)]
    result = dg.materialize(assets, resources=stores, instance=instance, raise_on_error=False)
    failed = next(event for event in result.all_events if event.is_step_failure)
    assert "names types that are not on the list" in failed.step_failure_data.user_failure_data.description
    assert not any("trial 1/" in (event.message or "") for event in result.all_events)


def test_a_model_that_does_not_beat_its_baseline_is_registered_and_never_champion(
    make_project, write_loans, run, tracking, instance
):
    project = make_project()
    noise = loans(300)
    noise["outcome"] = noise["outcome"].sample(frac=1, random_state=5).to_numpy()
    write_loans(noise)
    found = run(project, DATA + MODEL)
    report = found[names.EVALUATION_REPORT]
    assert report["test_log_loss"] >= report["baseline_log_loss"], "there is nothing to learn"
    assert names.CHAMPION not in found
    assert tracking.registry.champion("lending") is None
    assert (
        tracking.registry.version("lending", 1).facts["model_digest"]
        == found[names.TUNED_MODEL]["model_digest"]
    )


def test_evaluation_alone_judges_the_newest_model(make_project, write_loans, run, tracking):
    project = make_project()
    write_loans(loans(300))
    trained = run(project, (*DATA, tuned_model_asset))
    report = run(project, (evaluation_report_asset,))
    assert report[names.EVALUATION_REPORT]["mlflow_run_id"] == trained[names.TUNED_MODEL]["mlflow_run_id"]


def test_each_model_asset_works_in_a_process_that_knows_another_mlflow(
    make_project, write_loans, run, tracking, tmp_path
):
    project = make_project()
    write_loans(loans(400))
    run(project, DATA)
    for asset in MODEL:
        mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'somebody_elses.db'}")
        run(project, (asset,))
    assert tracking.registry.champion("lending").version == 1
    assert not (tmp_path / "somebody_elses.db").exists()


def test_a_multiclass_project_with_numbers_as_classes_and_its_own_pipeline(
    make_project, write_loans, run, tracking
):
    schema = """
import pandera.pandas as pa

class Loans(pa.DataFrameModel):
    income: float
    amount: float = pa.Field(nullable=True)
    grade: int = pa.Field(isin=[1, 2, 3])
"""
    pipeline = """
from sklearn.impute import SimpleImputer

def make_pipeline():
    return SimpleImputer(strategy="median")
"""
    project = make_project(
        schema=schema,
        features_sql="select row_id, income, amount / income as share from loans",
        pipeline=pipeline,
        task="multiclass",
        target={"column": "grade"},
        split={"method": "stratified"},
        description="The grade of a loan.",
    )
    frame = loans(600)
    frame["grade"] = pd.qcut(frame["amount"] / frame["income"], 3, labels=False) + 1
    frame.loc[::50, "amount"] = None
    write_loans(frame[["income", "amount", "grade"]])
    found = run(project, DATA + MODEL)
    assert found[names.EVALUATION_REPORT]["test_accuracy"] > 0.85
    predicted = tracking.load_pyfunc("models:/lending@champion").predict(frame[["income", "amount"]].head(50))
    assert list(predicted.columns) == ["prediction", "probability_1", "probability_2", "probability_3"]
    assert set(predicted["prediction"]) <= {1, 2, 3}


def test_a_search_that_fails_ends_its_mlflow_run_as_failed(
    make_project, write_loans, stores, instance, tracking
):
    project = make_project(tuning={"trials": 1, "folds": 20}, split={"method": "stratified"})
    frame = loans(60)
    frame["outcome"] = ["late"] * 10 + ["paid"] * 50
    write_loans(frame)
    assets = [build(project) for build in (*DATA, tuned_model_asset)]
    result = dg.materialize(assets, resources=stores, instance=instance, raise_on_error=False)
    assert not result.success
    failed = next(event for event in result.all_events if event.is_step_failure)
    assert "20 folds need at least 20 rows of the rarest class" in (
        failed.step_failure_data.user_failure_data.description
    )
    [mlflow_run] = tracking.client.search_runs([tracking.experiment("lending")])
    assert mlflow_run.info.status == "FAILED"


def test_a_changed_artifact_is_refused(make_project, write_loans, run, stores, instance, tracking, state):
    project = make_project()
    write_loans(loans(300))
    run(project, (*DATA, tuned_model_asset))
    [model_file] = (state.mlflow / "artifacts").rglob("data/*/model.json")
    model_file.write_text(model_file.read_text("utf-8").replace("lending", "lendinG"), "utf-8")
    result = dg.materialize(
        [evaluation_report_asset(project)], resources=stores, instance=instance, raise_on_error=False
    )
    failed = next(event for event in result.all_events if event.is_step_failure)
    assert "model.json is not the file that was written" in (
        failed.step_failure_data.user_failure_data.description
    )
