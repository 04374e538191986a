"""champion: promotion of better challengers, and predictions of the deployed model."""

import json
import math
import shutil

import dagster as dg
import mlflow
import pandas as pd
import pytest

from mlops_assets.core import names
from mlops_assets_tests.support.daemon import checks
from mlops_assets_tests.support.loan_assets import LOAN_DATA, LOAN_MODEL, recorded
from mlops_assets_tests.support.loans import SCHEMA as LOANS_SCHEMA
from mlops_assets_tests.support.loans import loans
from mlops_assets_tests.support.shop import MONTHS

FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH = MONTHS[:6]


def test_a_classification_project_runs_to_a_champion_that_predicts_raw_rows(
    trained_loans, instance, tracking, state, monkeypatch
):
    found = {
        name: recorded(instance, trained_loans, name) for name in (names.CHAMPION, names.EVALUATION_REPORT)
    }
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


def test_an_equal_challenger_does_not_replace_the_champion(trained_loans, run, tracking):
    found = run(trained_loans, LOAN_MODEL)
    assert found[names.REGISTERED_MODEL]["version"] == 2
    assert found[names.CHAMPION]["version"] == 1
    assert "the champion is unchanged" in found[names.CHAMPION]["decision"]
    assert tracking.registry.champion("lending").version == 1


def test_a_better_challenger_becomes_champion(make_project, write_loans, run, tracking):
    write_loans(loans(600))
    half_blind = "select row_id, income, round(2 * amount / income) / 2 + 1.0 as share, purpose from loans"
    run(make_project(features_sql=half_blind), LOAN_DATA + LOAN_MODEL)
    assert tracking.registry.champion("lending").version == 1
    found = run(make_project(), LOAN_DATA[2:] + LOAN_MODEL)
    assert "on 114 rows unseen by both" in found[names.CHAMPION]["decision"]
    assert tracking.registry.champion("lending").version == 2


def test_another_split_is_compared_on_rows_unseen_by_the_champion(trained_loans, make_project, run):
    found = run(make_project(split={"seed": 5}), LOAN_DATA[2:] + LOAN_MODEL)
    decision = found[names.CHAMPION]["decision"]
    rows = int(decision.split(" on ")[1].split(" rows")[0].replace(",", ""))
    assert 20 < rows < 80, "a fifth of a fifth of 1,000 rows"


def test_training_rows_of_the_champion_are_recognised_under_another_contract(make_project, write_loans, run):
    write_loans(loans(1000).assign(amount=lambda frame: frame["amount"].round()))
    run(make_project(), LOAN_DATA + LOAN_MODEL)
    income, amount = "    income: float = pa.Field(gt=0)\n", "    amount: float = pa.Field(gt=0)\n"
    swapped = LOANS_SCHEMA.replace(income + amount, amount.replace("float", "int") + income)
    assert swapped != LOANS_SCHEMA
    found = run(make_project(schema=swapped, split={"seed": 5}), LOAN_DATA[1:] + LOAN_MODEL)
    rows = int(found[names.CHAMPION]["decision"].split(" on ")[1].split(" rows")[0].replace(",", ""))
    assert 20 < rows < 80, "a fifth of a fifth of 1,000 rows"


def test_the_champion_predicts_integers_and_whole_numbers(make_project, write_loans, run, tracking):
    schema = LOANS_SCHEMA.replace("amount: float", "amount: int", 1)
    write_loans(loans(400).assign(amount=lambda frame: frame["amount"].round().astype(int)))
    found = run(make_project(schema=schema), LOAN_DATA + LOAN_MODEL)
    assert found[names.CHAMPION]["version"] == 1
    served = tracking.load_pyfunc("models:/lending@champion")
    whole = loans(5).drop(columns="outcome").round().astype({"income": int, "amount": int})
    assert served.predict(whole)["probability"].between(0, 1).all()


def test_a_lost_training_set_is_reported(trained_loans, write_loans, stores, instance, state):
    project = trained_loans
    shutil.rmtree(state.warehouse / project.name / "training_set")
    write_loans(loans(1010))
    assets = [build(project) for build in LOAN_DATA + LOAN_MODEL]
    result = dg.materialize(assets, resources=stores, instance=instance, raise_on_error=False)
    failed = next(event for event in result.all_events if event.is_step_failure)
    assert "version 1 of the training set, of model" in failed.step_failure_data.user_failure_data.description


def test_model_assets_ignore_the_global_tracking_uri(make_project, write_loans, run, tracking, tmp_path):
    project = make_project()
    write_loans(loans(400))
    run(project, LOAN_DATA)
    for asset in LOAN_MODEL:
        mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'global.db'}")
        run(project, (asset,))
    assert tracking.registry.champion("lending").version == 1
    assert not (tmp_path / "global.db").exists()


def test_a_multiclass_project_with_numeric_classes_and_a_custom_pipeline(
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
    found = run(project, LOAN_DATA + LOAN_MODEL)
    assert found[names.EVALUATION_REPORT]["test_accuracy"] > 0.85
    predicted = tracking.load_pyfunc("models:/lending@champion").predict(frame[["income", "amount"]].head(50))
    assert list(predicted.columns) == ["prediction", "probability_1", "probability_2", "probability_3"]
    assert set(predicted["prediction"]) <= {1, 2, 3}


def test_a_challenger_of_a_later_cutoff_is_compared_on_its_holdout(champion_shop):
    champion_shop.write(SIXTH)
    champion_shop.ingest(SIXTH)
    assert champion_shop.train(SIXTH).success
    rows = len(champion_shop.frame("features", FIFTH))
    decision = champion_shop.metadata("champion")["decision"]
    assert f"on {rows} rows unseen by both" in decision
    assert champion_shop.metadata("registered_model", SIXTH)["version"] == 2


def test_a_challenger_of_an_earlier_cutoff_never_replaces_the_champion(champion_shop):
    assert champion_shop.train(FOURTH).success
    metadata = champion_shop.metadata("champion")
    assert (metadata["challenger"], metadata["version"], metadata["moved"]) == (2, 1, False)
    assert champion_shop.tracking.registry.champion("shop").version == 1
    assert champion_shop.daemon.settle() == {"shop/status_page": [None]}


def test_retraining_on_the_same_data_gives_the_same_model_and_keeps_the_champion(champion_shop):
    before = champion_shop.metadata("tuned_model", FIFTH)["model_digest"]
    assert champion_shop.train(FIFTH).success
    assert champion_shop.metadata("tuned_model", FIFTH)["model_digest"] == before
    metadata = champion_shop.metadata("champion")
    assert metadata["version"] == 1
    assert metadata["decision"].endswith("the champion is unchanged")
    assert not math.isnan(float(metadata["decision"].split(", champion ")[1].split(",")[0]))


def test_the_deployed_model_predicts_like_the_logged_model(champion_shop):
    result = champion_shop.daemon.run("shop/champion", "shop/registered_model", partition=FIFTH)
    assert checks(result)["predicts"].passed
    served = champion_shop.tracking.load_pyfunc("models:/shop@champion")
    found = served.predict(
        champion_shop.frame("features", FIFTH)[["recent", "days_since", "amount", "channel"]]
    )
    assert found["probability"].to_numpy() == pytest.approx(
        champion_shop.frame("predictions", FIFTH)["probability"].to_numpy()
    )


def test_a_champion_whose_columns_are_missing_fails_its_check_by_name(champion_shop):
    newest = max(champion_shop.warehouse.partitions(["shop", "features"]))
    model = champion_shop.tracking.load(champion_shop.tracking.registry.version("shop", 1))
    lost = next(column.name for column in model.spec.columns if column.required)
    with champion_shop.warehouse.connect() as connection:
        rows = champion_shop.warehouse.relation(connection, ["shop", "features"], partition=newest)
        rows = rows.project(f"* exclude (_partition, {lost})")
        champion_shop.warehouse.write(["shop", "features"], rows, partition=newest)
    check = checks(champion_shop.daemon.run("shop/champion"))["predicts"]
    assert not check.passed
    assert f"requires columns that features does not have: {lost};" in check.description
