"""Row weights, class weights, monotone constraints and a quantile, from defs.yaml to the report."""

from types import SimpleNamespace

import dagster as dg
import numpy as np
import pytest
from sklearn.metrics import log_loss

from mlops_assets.components.model_project.evaluation.evaluate import evaluate
from mlops_assets.components.model_project.evaluation.holdout_evaluation import EvaluatedModel
from mlops_assets.components.model_project.maintenance.reproduce_job import reproduce
from mlops_assets.ml.model.class_weights import class_weight_threshold
from mlops_assets.ml.reports.evaluation_page import evaluation_summary, render_report
from mlops_assets.ml.search.baselines import CONSTANT_BASELINE, MODEL
from mlops_assets_tests.support.loan_assets import LOAN_DATA, LOAN_MODEL, check, materialize
from mlops_assets_tests.support.loans import SCHEMA, loans

WEIGHTED = SCHEMA.replace("    purpose: str = pa", "    exposure: float\n    purpose: str = pa")
TUNING = {"trials": 1, "folds": 2, "threads": 1, "families": ["linear"]}


def write_loans(folder, **columns) -> None:
    (folder / "data").mkdir(exist_ok=True)
    frame = loans(500)
    exposure = np.where(frame["outcome"] == "late", 3.0, 1.0) + np.arange(500) % 2
    frame.assign(exposure=exposure, **columns).to_csv(folder / "data" / "loans.csv", index=False)


@pytest.fixture
def weighted(make_project, stores, instance: dg.DagsterInstance, tracking, warehouse, tmp_path):
    """A project with all of it for classes, and its evaluation."""
    project = make_project(
        schema=WEIGHTED,
        features_sql="select *, amount / income as share from loans",
        weight="exposure",
        monotone={"share": "decreasing", "income": "increasing"},
        tuning={**TUNING, "class_weight": {"paid": 4}},
        evaluation={"slices": ["purpose"]},
    )
    write_loans(tmp_path)
    result = materialize([build(project) for build in LOAN_DATA + LOAN_MODEL[:3]], stores, instance)
    assert result.success
    trained = tracking.trained_model(project.name, dagster_run_id=result.run_id, cutoff=None)
    model = EvaluatedModel.read(project, tracking, trained, warehouse)
    evaluation, _ = evaluate(project, tracking, trained, warehouse)
    return SimpleNamespace(
        project=project, result=result, model=model, evaluation=evaluation, run_id=trained.run_id
    )


def test_a_project_is_weighted_and_constrained_from_the_training_set_to_the_report(
    weighted, tracking, warehouse
):
    model, evaluation, spec = weighted.model, weighted.evaluation, weighted.model.model.spec
    truth, weights = model.holdout.target, model.holdout.weights
    columns = model.rows(columns=["exposure", "income"])
    assert weights == pytest.approx(columns["exposure"].to_numpy())
    assert "exposure" not in [*spec.features, *(column.name for column in spec.columns)]

    expected = log_loss(truth, model.predictions, sample_weight=weights)
    assert evaluation.scores[MODEL]["log_loss"] == pytest.approx(expected)
    assert expected != pytest.approx(log_loss(truth, model.predictions), rel=1e-3)
    share = np.average(model.train.target, weights=model.train.weights)
    constant = log_loss(truth, np.full(len(truth), share), sample_weight=weights)
    assert evaluation.scores[CONSTANT_BASELINE]["log_loss"] == pytest.approx(constant)
    assert evaluation.intervals[MODEL][0] < expected < evaluation.intervals[MODEL][1]
    car = model.column("purpose").to_numpy() == "car"
    of_cars = log_loss(truth[car], model.predictions[car], sample_weight=weights[car])
    assert next(each.score for each in evaluation.slices if each.value == "car") == pytest.approx(of_cars)

    assert spec.class_weights[1] == pytest.approx(4 * spec.class_weights[0])
    assert spec.threshold == pytest.approx(class_weight_threshold(spec.class_weights)) == pytest.approx(0.2)
    mean = np.average(model.predictions, weights=weights)
    assert mean == pytest.approx(np.average(truth, weights=weights), abs=0.06), "class weights are undone"

    assert [each.holds and each.in_structure for each in evaluation.monotone] == [True, True]
    found = check(weighted.result, "monotone_constraints")
    assert found.passed
    assert "2 for all possible rows" in (found.description or "")

    assert "(weighted by exposure)" in evaluation.baseline_gate.message
    assert "weighted by exposure" in evaluation_summary(evaluation)
    page = render_report(evaluation)
    assert "weighted by exposure" in page
    assert "All 2 constraints hold" in page
    numbers = evaluation.to_json()
    assert (numbers["weight"], [each["feature"] for each in numbers["monotone"]]) == (
        "exposure",
        ["income", "share"],
    )

    version = tracking.registry.versions(weighted.project.name)[-1]
    assert reproduce(weighted.project, warehouse, tracking, version).outcome == "identical"


def test_rows_without_a_positive_weight_are_named(make_project, stores, instance, tmp_path):
    project = make_project(schema=WEIGHTED, weight="exposure", tuning=TUNING)
    write_loans(tmp_path)
    path = tmp_path / "data" / "loans.csv"
    lines = path.read_text().splitlines()
    lines[3] = lines[3].rsplit(",", 1)[0] + ",0"
    path.write_text("\n".join(lines) + "\n")
    result = materialize([build(project) for build in LOAN_DATA], stores, instance)
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    message = failure.step_failure_data.error.to_string()
    assert "1 of 500 labelled rows have no positive weight in exposure (row_id and exposure: " in message
    assert "`exposure: float = pa.Field(gt=0)` in schema.py" in message


def test_a_quantile_is_predicted_scored_and_compared_with_the_share_of_rows(
    make_project, stores, instance, tracking, warehouse, tmp_path
):
    project = make_project(
        task="regression",
        target={"column": "amount", "quantile": 0.8},
        features_sql="select row_id, income, purpose from loans",
        schema=SCHEMA.replace("    share: float = pa.Field(gt=0)\n", ""),
        tuning=TUNING,
    )
    write_loans(tmp_path)
    result = materialize([build(project) for build in LOAN_DATA + LOAN_MODEL[:2]], stores, instance)
    assert result.success
    trained = tracking.trained_model(project.name, dagster_run_id=result.run_id, cutoff=None)
    evaluation, _ = evaluate(project, tracking, trained, warehouse)
    assert evaluation.metric == "pinball"
    assert list(evaluation.scores[MODEL]) == ["pinball", "mae"]
    share = np.mean(evaluation.truth <= evaluation.predictions)
    assert evaluation.quantile.share == pytest.approx(share) == pytest.approx(0.8, abs=0.1)
    assert evaluation.quantile.message in evaluation_summary(evaluation)
    assert check(result, "quantile_share").passed == evaluation.quantile.is_met
    assert "Pinball" in render_report(evaluation)
