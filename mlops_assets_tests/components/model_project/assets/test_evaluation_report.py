"""evaluation_report: analyses of a deliberately poor model, in metadata, MLflow and the page."""

import json
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from mlops_assets.components.model_project.assets.evaluation_report import evaluation_report_asset
from mlops_assets.components.model_project.assets.tuned_model import tuned_model_asset
from mlops_assets.core import names
from mlops_assets_tests.support.loan_assets import LOAN_DATA, LOAN_MODEL, materialize
from mlops_assets_tests.support.loans import SCHEMA, loans
from mlops_assets_tests.support.shop import MONTHS

pytestmark = pytest.mark.usefixtures("drawn_figures")
FIRST, SECOND, THIRD, FOURTH, FIFTH = MONTHS[:5]
REPORTED = LOAN_MODEL[:3]
EXAMPLE = {"income": 3_000, "amount": 8_900, "purpose": "car"}
DECLARED: dict[str, Any] = {
    "tuning": {"trials": 1, "folds": 2, "threads": 1, "families": ["linear"]},
    "prediction_sets": {"coverage": 0.8, "groups": ["purpose"]},
    "intended_use": "To test.",
    "limits": ["Made up."],
    "evaluation": {"slices": ["purpose", "amount"], "sensitive": ["purpose"]},
    "behaviour": {
        "invariance": [
            {"column": "purpose", "at_most": 0.05, "severity": "error"},
            {"column": "income", "name": "a_cent", "by": 0.01, "at_most": 0.01},
        ],
        "direction": [{"column": "amount", "by": 500.0, "prediction": "rises"}],
        "examples": [{"name": "a_large_loan", "row": EXAMPLE, "label": "paid"}],
    },
}


def unfair_loans() -> pd.DataFrame:
    """Large loans are paid, but all loans for cars are labelled as late."""
    frame = loans(800)
    random = np.random.default_rng(0)
    paid = frame["amount"] / frame["income"] + random.normal(0, 0.3, len(frame)) > 1.0
    frame["outcome"] = np.where(paid & (frame["purpose"] != "car"), "paid", "late")
    frame.loc[:4, "amount"] = -1.0
    return frame


def test_a_deliberately_poor_model_fails_its_behavioural_tests(
    make_project, write_loans, stores, instance, state, tracking
):
    project = make_project(**DECLARED)
    write_loans(unfair_loans())
    result = materialize([build(project) for build in LOAN_DATA + REPORTED], stores, instance)
    assert result.success
    checks = {
        found.check_name: found
        for found in result.get_asset_check_evaluations()
        if found.asset_key == project.key("evaluation_report")
    }
    failed = checks["invariance_purpose"]
    assert (failed.passed, failed.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "setting purpose to " in failed.description
    assert checks["invariance_a_cent"].passed
    assert checks["direction_amount"].passed
    example = checks["example_a_large_loan"]
    assert (example.passed, example.severity) == (False, dg.AssetCheckSeverity.WARN), "it buys a car"
    assert example.description.endswith("the class is paid; it is late")

    [event] = [
        event.step_materialization_data.materialization
        for event in result.all_events
        if event.is_step_materialization and event.asset_key == project.key("evaluation_report")
    ]
    found = {name: value.value for name, value in event.metadata.items()}
    assert "| invariance_purpose | no (error) |" in found["behaviour"]
    assert "purpose" in found["slices"]
    assert "| purpose | " in found["fairness"]
    assert "linear baseline" in found["leaderboard"]
    assert found["coverage"].count("| purpose | ") == 3
    assert found["intervals"].startswith("The 80 % prediction sets contain the true value in ")
    assert checks["coverage"].severity == dg.AssetCheckSeverity.WARN
    assert checks["coverage"].metadata["coverage"].value > 0.7

    version = tracking.registry.version("lending", 1)
    assert version.facts["behaviour_failed"] == "invariance_purpose, example_a_large_loan"
    metrics = tracking.client.get_run(version.run_id).data.metrics
    assert metrics["behaviour_invariance_purpose_passed"] == 0.0
    assert metrics["behaviour_direction_amount"] == 1.0
    assert metrics["single_row_milliseconds"] > 0
    assert (metrics["test_coverage"] > 0.7, 1 <= metrics["test_set_size"] <= 2) == (True, True)
    assert metrics["size_bytes"] > 100

    report = state.reports / "lending" / version.run_id
    numbers = json.loads((report / "evaluation_report.json").read_text("utf-8"))
    assert {each["column"] for each in numbers["slices"]} == {"purpose", "amount"}
    assert sum(each["rows"] for each in numbers["slices"]) == 2 * numbers["holdout_rows"]
    assert numbers["fairness"][0]["criteria"]["demographic parity difference"] > 0.2
    assert [each["passed"] for each in numbers["behaviour"]] == [False, True, True, False]
    assert numbers["quality"] == [
        {"table": "loans", "validated": 795, "quarantined": 5, "rules": [["amount: greater_than(0)", 5]]}
    ]
    page = (report / "evaluation_report.html").read_text("utf-8")
    assert "2 of 4 tests failed." in page
    assert "<li>Made up.</li>" in page
    assert "<h2>Prediction sets</h2>" in page
    assert "From " in page.partition("<h2>Prediction sets</h2>")[2]


def test_intervals_are_in_model_report_and_predictions(make_project, write_loans, stores, instance, tracking):
    project = make_project(
        task="regression",
        target={"column": "amount", "minimum": 500, "unit": "USD", "unit_size": 10.0},
        tuning=DECLARED["tuning"],
        features_sql="select row_id, income, outcome, purpose from loans",
        schema=SCHEMA.replace("    share: float = pa.Field(gt=0)\n", "    outcome: str\n"),
    )
    write_loans(loans(300))
    result = materialize([build(project) for build in LOAN_DATA + REPORTED], stores, instance)
    assert result.success
    [event] = result.asset_materializations_for_node("lending__evaluation_report")
    assert event.metadata["intervals"].value.startswith(
        "The 90 % prediction intervals contain the true value"
    )
    version = tracking.registry.version("lending", 1)
    metrics = tracking.client.get_run(version.run_id).data.metrics
    assert metrics["test_coverage"] == pytest.approx(0.9, abs=0.12)
    model = tracking.load(version)
    rows = loans(300)[["income", "outcome", "purpose"]]
    found = model.predict(rows)
    assert list(model.output_types()) == ["prediction", "prediction_lower", "prediction_upper"]
    assert found["prediction_lower"].min() == 500, "clipped"
    width = (found["prediction_upper"] - found["prediction_lower"]).max() / 10
    assert 0 < metrics["test_interval_width"] <= width


def test_a_declared_coverage_needs_enough_rows_before_the_search(make_project, write_loans, stores, instance):
    project = make_project(tuning=DECLARED["tuning"], prediction_sets={"coverage": 0.999})
    write_loans(loans(200))
    result = materialize([build(project) for build in (*LOAN_DATA, tuned_model_asset)], stores, instance)
    failed = next(event for event in result.all_events if event.is_step_failure)
    message = failed.step_failure_data.user_failure_data.description
    assert "lending: a coverage of 0.999 requires at least 999 out-of-fold rows, found 1" in message
    assert not any("trial 1 of" in (event.message or "") for event in result.all_events)


def test_the_leaderboard_has_the_models_of_the_search(make_project, write_loans, stores, instance, tracking):
    project = make_project(tuning=DECLARED["tuning"])
    write_loans(loans(200))
    assert materialize(
        [build(project) for build in (*LOAN_DATA, tuned_model_asset)], stores, instance
    ).success
    trained = tracking.trained_model("lending")
    left = [{"name": "ensemble of 3", "family": "ensemble", "score": 0.123, "fit_seconds": 2.5}]
    tracking.client.log_text(trained.run_id, json.dumps(left), "search/leaderboard.json")
    result = materialize([build(project) for build in (evaluation_report_asset,)], stores, instance)
    assert result.success
    [event] = result.asset_materializations_for_node("lending__evaluation_report")
    assert "| ensemble of 3 | ensemble |" in event.metadata["leaderboard"].value


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"behaviour": {"direction": [{"column": "share", "by": 1.0, "prediction": "rises"}]}},
            "behaviour.direction.0.column is 'share', which is not a column",
        ),
        ({"evaluation": {"sensitive": ["sex"]}}, "evaluation.sensitive.0 is 'sex', which is not a column"),
    ],
)
def test_an_unknown_column_is_reported_before_the_search(
    make_project, write_loans, stores, instance, record_property, settings, expected
):
    project = make_project(**settings)
    write_loans(loans(60))
    result = materialize([build(project) for build in LOAN_DATA], stores, instance)
    failed = next(event for event in result.all_events if event.is_step_failure)
    assert failed.step_key == "lending__training_set"
    record_property("message", message := failed.step_failure_data.user_failure_data.description)
    assert expected in message


def test_the_report_alone_evaluates_the_newest_model(make_project, write_loans, run, tracking):
    project = make_project()
    write_loans(loans(300))
    trained = run(project, (*LOAN_DATA, tuned_model_asset))
    report = run(project, (evaluation_report_asset,))
    assert report[names.EVALUATION_REPORT]["mlflow_run_id"] == trained[names.TUNED_MODEL]["mlflow_run_id"]


def test_a_changed_artifact_is_rejected(make_project, write_loans, run, stores, instance, tracking, state):
    project = make_project()
    write_loans(loans(300))
    run(project, (*LOAN_DATA, tuned_model_asset))
    [model_file] = (state.mlflow / "artifacts").rglob("data/*/model.json")
    model_file.write_text(model_file.read_text("utf-8").replace("lending", "lendinG"), "utf-8")
    result = dg.materialize(
        [evaluation_report_asset(project)], resources=stores, instance=instance, raise_on_error=False
    )
    failed = next(event for event in result.all_events if event.is_step_failure)
    assert "model.json does not match the manifest" in (
        failed.step_failure_data.user_failure_data.description
    )


def test_the_report_names_holdout_and_training_partitions(champion_shop):
    metadata = champion_shop.metadata("evaluation_report", FIFTH)
    page = (
        champion_shop.state.reports / "shop" / metadata["mlflow_run_id"] / "evaluation_report.html"
    ).read_text()
    assert "tested on 2024-04, trained on 2024-01 to 2024-03" in page
