"""registered_model: facts of a version, gates and the refitted model."""

import json

import pytest

from mlops_assets.components.model_project.assets.tuned_model import tuned_model_asset
from mlops_assets.components.model_project.evaluation.drift_reference import fitted_rows
from mlops_assets.core import names
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.loan_assets import LOAN_DATA, LOAN_MODEL, recorded
from mlops_assets_tests.support.loans import loans
from mlops_assets_tests.support.shop import MONTHS

FIRST, SECOND, THIRD, FOURTH, FIFTH = MONTHS[:5]


def test_a_version_has_the_facts_of_its_data_code_and_runs(trained_loans, instance, tracking):
    project, found = trained_loans, recorded(instance, trained_loans, names.TUNED_MODEL)
    version = tracking.registry.version("lending", 1)
    assert version.run_id == found["mlflow_run_id"]
    assert version.facts["model_digest"] == found["model_digest"]
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


def test_a_model_that_does_not_beat_its_baseline_is_registered_as_rejected(
    make_project, write_loans, run, tracking, state
):
    project = make_project()
    noise = loans(300)
    noise["outcome"] = noise["outcome"].sample(frac=1, random_state=5).to_numpy()
    write_loans(noise)
    found = run(project, LOAN_DATA + LOAN_MODEL)
    report = found[names.EVALUATION_REPORT]
    assert report["test_log_loss"] >= report["baseline_log_loss"], "there is nothing to learn"
    last = Ledger(Warehouse(state.warehouse), "lending").entries()[-1].event
    assert last.kind == "rejected"
    assert f"Comparison with the baselines: {last.reason}." in report["summary"], "the same words"
    assert names.CHAMPION not in found
    assert tracking.registry.champion("lending") is None
    assert (
        tracking.registry.version("lending", 1).facts["model_digest"]
        == found[names.TUNED_MODEL]["model_digest"]
    )


def test_a_refitted_model_of_a_static_project_was_fitted_on_the_holdout_too(trained_loans, tracking, state):
    store, facts = Warehouse(state.warehouse), tracking.registry.version("lending", 1).facts
    with store.connect() as connection:
        evaluated = len(fitted_rows(trained_loans, store, connection, facts))
        everything = len(
            fitted_rows(trained_loans, store, connection, {**facts, "serving_uri": "models:/m-1"})
        )
    assert (evaluated < everything, everything) == (True, 1_000)


def test_the_deployed_model_is_refitted_on_all_labelled_partitions(champion_shop):
    tracking = champion_shop.tracking
    version = tracking.registry.version("shop", 1)
    evaluated = version.as_evaluated
    assert version.facts["model_digest"] == version.facts["serving_digest"] != evaluated.facts["model_digest"]
    assert evaluated.facts["model_digest"] == champion_shop.metadata("tuned_model", FIFTH)["model_digest"]
    assert version.facts["cutoff"] == FIFTH
    deployed, logged = tracking.load(version), tracking.load(evaluated)
    assert deployed.spec == logged.spec, "the same search, features and classes"
    rows = champion_shop.frame("features", FIFTH)
    deployed_values, evaluated_values = (
        model.predict(rows)["probability"].to_numpy() for model in (deployed, logged)
    )
    assert abs(deployed_values - evaluated_values).max() > 1e-6
    assert champion_shop.frame("predictions", FIFTH)["probability"].to_numpy() == pytest.approx(
        deployed_values
    )
    report = champion_shop.metadata("evaluation_report", FIFTH)
    assert float(version.facts["test_log_loss"]) == pytest.approx(report["test_log_loss"], rel=1e-4)


def test_without_refit_the_evaluated_model_is_deployed(shop):
    shop.declare(settings={"training": {"refit": False}})
    assert shop.train(FIFTH).success
    version = shop.tracking.registry.version("shop", 1)
    assert version.as_evaluated == version
    assert version.facts["model_digest"] == shop.metadata("tuned_model", FIFTH)["model_digest"]
    assert "serving_digest" not in version.facts
