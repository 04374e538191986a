"""tuned_model: reproducible search and fit, and their errors."""

import dagster as dg

from mlops_assets.components.model_project.assets.tuned_model import tuned_model_asset
from mlops_assets.core import names
from mlops_assets_tests.support.loan_assets import LOAN_DATA, recorded
from mlops_assets_tests.support.loans import loans


def test_the_same_data_code_and_seed_give_the_same_model(trained_loans, run, instance):
    first = recorded(instance, trained_loans, names.TUNED_MODEL)
    again = run(trained_loans, [tuned_model_asset])[names.TUNED_MODEL]
    assert again["mlflow_run_id"] != first["mlflow_run_id"]
    assert again["model_digest"] == first["model_digest"]


def test_a_pipeline_that_can_not_be_saved_fails_before_the_search(
    make_project, write_loans, stores, instance
):
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
    assets = [build(project) for build in (*LOAN_DATA, tuned_model_asset)]
    result = dg.materialize(assets, resources=stores, instance=instance, raise_on_error=False)
    failed = next(event for event in result.all_events if event.is_step_failure)
    assert "contains types that are not allowed" in failed.step_failure_data.user_failure_data.description
    assert not any("trial 1/" in (event.message or "") for event in result.all_events)


def test_a_failed_search_marks_its_mlflow_run_as_failed(
    make_project, write_loans, stores, instance, tracking
):
    project = make_project(tuning={"trials": 1, "folds": 20}, split={"method": "stratified"})
    frame = loans(60)
    frame["outcome"] = ["late"] * 10 + ["paid"] * 50
    write_loans(frame)
    assets = [build(project) for build in (*LOAN_DATA, tuned_model_asset)]
    result = dg.materialize(assets, resources=stores, instance=instance, raise_on_error=False)
    assert not result.success
    failed = next(event for event in result.all_events if event.is_step_failure)
    assert "20 folds require at least 20 rows of the rarest class" in (
        failed.step_failure_data.user_failure_data.description
    )
    [mlflow_run] = tracking.client.search_runs([tracking.experiment("lending")])
    assert mlflow_run.info.status == "FAILED"
