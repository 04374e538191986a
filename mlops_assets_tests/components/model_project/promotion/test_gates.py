"""The gates of a project: which are declared, their results, and when they are evaluated again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from deltalake import DeltaTable

from mlops_assets.components.model_project.project.metadata_names import NUMBERS
from mlops_assets.components.model_project.promotion.gate_checks import declared_gates, gate_check_results
from mlops_assets.components.model_project.promotion.gates import describe_failures, evaluate_gates, run_gates
from mlops_assets.core.errors import DataError, TrackingError
from mlops_assets.stores.tracking.registry import Version
from mlops_assets.stores.tracking.trained_model import TrainedModel
from mlops_assets_tests.support.governed_shop import events_of, register_again

ALL = {
    "minimum": {"roc_auc": 0.8},
    "compatible_features": True,
    "max_age_days": 30,
    "slice_gap": 0.1,
    "fairness": {"selection rate": 0.2},
    "latency_milliseconds": 20,
    "size_megabytes": 1,
}
METRICS = {
    "test_log_loss": 0.3,
    "test_roc_auc": 0.9,
    "baseline_log_loss": 0.4,
    "constant_log_loss": 0.6,
    "over_constant_low": -0.4,
    "over_constant_high": -0.2,
    "over_baseline_low": -0.15,
    "over_baseline_high": -0.05,
    "single_row_milliseconds": 5.0,
    "size_bytes": 250_000.0,
}
VERSION = Version("lending", 1, "run", "models:/m-1", {})


def gates_of(project, tracking, run_id="run", **metrics):
    trained = TrainedModel(run_id, "models:/m-1", {}, {**METRICS, **metrics})
    results = run_gates(project, tracking, None, VERSION, trained, None)
    return {result["gate"]: (result["passed"], result["figures"]) for result in results}


@pytest.fixture
def project(make_project):
    def make(**gates):
        evaluation = {"slices": ["purpose"], "sensitive": ["purpose"]}
        tuning = {"metric": "log_loss", "families": ["linear"]}
        return make_project(gates=gates, tuning=tuning, evaluation=evaluation)

    return make


def test_two_gates_are_always_declared_and_the_others_by_their_settings(project):
    assert declared_gates(project()) == ["better_than_baseline", "not_worse_than_champion"]
    assert declared_gates(project(**ALL)) == [
        *("minimum_metrics", "better_than_baseline", "not_worse_than_champion", "compatible_features"),
        *("fresh_training_data", "close_slices", "fair_groups", "fast_enough", "small_enough"),
    ]


def test_the_first_version_is_compared_with_its_baseline_alone(project, tracking):
    passed, figures = gates_of(project(), tracking)["better_than_baseline"]
    assert passed
    assert figures == {
        "challenger": 0.3,
        "baseline": 0.4,
        "constant": 0.6,
        "margin": pytest.approx(0.01),
        "low": -0.15,
        "high": -0.05,
        "over_constant_low": -0.4,
        "over_constant_high": -0.2,
    }
    worse = gates_of(project(), tracking, over_baseline_high=0.02)
    assert worse["better_than_baseline"][0] is False


def test_a_negative_margin_requires_an_improvement_over_the_baseline(project, tracking):
    assert gates_of(project(baseline_margin=-0.04), tracking)["better_than_baseline"][0] is True
    assert gates_of(project(baseline_margin=-0.06), tracking)["better_than_baseline"][0] is False


def test_a_version_evaluated_by_an_earlier_rule_is_evaluated_again(project, tracking):
    earlier = {name: value for name, value in METRICS.items() if name != "constant_log_loss"}
    trained = TrainedModel("run-7", "models:/m-1", {}, earlier)
    with pytest.raises(TrackingError, match="run-7 was evaluated without constant_log_loss") as raised:
        run_gates(project(), tracking, None, VERSION, trained, None)
    assert raised.value.hint == "materialize evaluation_report again"


def test_costs_and_minimum_metrics_are_read_from_the_run(project, tracking):
    declared = project(minimum={"roc_auc": 0.95}, latency_milliseconds=4, size_megabytes=0.3)
    found = gates_of(declared, tracking)
    assert found["minimum_metrics"] == (False, {"roc_auc": 0.9})
    assert found["fast_enough"] == (False, {"milliseconds": 5.0})
    assert found["small_enough"] == (True, {"megabytes": 0.25})


def test_a_version_without_the_deciding_metric_is_an_error_and_no_failed_gate(project, tracking):
    trained = TrainedModel("run-7", "models:/m-1", {}, {"test_roc_auc": 0.9})
    with pytest.raises(TrackingError, match="lending: MLflow run run-7 has no log_loss") as raised:
        run_gates(project(), tracking, None, VERSION, trained, None)
    assert "materialize evaluation_report again" in raised.value.hint


def test_slices_and_fairness_are_read_from_the_report_of_the_run(project, tracking, tmp_path: Path):
    declared = project(slice_gap=0.1)
    run_id = tracking.start("lending", "dagster-run")
    with pytest.raises(TrackingError, match=f"lending: MLflow run {run_id} has no report/"):
        gates_of(declared, tracking, run_id)
    slices = [{"column": "purpose", "value": "car", "rows": 100, "score": 0.45}]
    report = tmp_path / "report"
    report.mkdir()
    (report / NUMBERS).write_text(json.dumps({"slices": slices, "fairness": []}))
    tracking.log_files(run_id, report, "report")
    passed, figures = gates_of(declared, tracking, run_id)["close_slices"]
    assert (passed, list(figures.values())) == (False, [pytest.approx(0.15)])
    tracking.end_run("FINISHED")


def test_the_age_is_that_of_the_rows_although_a_commit_without_rows_was_the_newest_version(
    project, tracking, warehouse
):
    """Before, the recorded version was not found in the history, and the gate raised StopIteration."""
    key = ("lending", "validated_loans")
    with warehouse.connect() as connection:
        warehouse.write(key, connection.sql("select 1 as a"))
    table = DeltaTable(str(warehouse.root.joinpath(*key)))
    table.alter.set_table_properties({"delta.logRetentionDuration": "interval 900 days"})
    trained = TrainedModel("run", "models:/m-1", {}, METRICS)

    def age_gate(number: int) -> dict:
        version = replace(VERSION, facts={"inputs": json.dumps({"/".join(key): number})})
        results = run_gates(project(max_age_days=30), tracking, warehouse, version, trained, None)
        return next(result for result in results if result["gate"] == "fresh_training_data")

    assert age_gate(warehouse.version(key))["passed"] is True
    with pytest.raises(DataError, match=r"version 0 of lending.validated_loans, which version 1 was trained"):
        age_gate(0)


def test_failures_are_described_and_gates_that_were_not_evaluated_have_passed(project, tracking):
    declared = project(minimum={"roc_auc": 0.95})
    trained = TrainedModel("run", "models:/m-1", {}, METRICS)
    results = run_gates(declared, tracking, None, VERSION, trained, None)
    assert describe_failures(results) == results[0]["message"]
    assert describe_failures(results[1:]) == ""
    checks = gate_check_results(declared, declared.key("registered_model"), results)
    assert {check.check_name: check.passed for check in checks} == {
        "gate_minimum_metrics": False,
        "gate_better_than_baseline": True,
        "gate_not_worse_than_champion": True,
    }
    assert checks[-1].description == "not evaluated: there was no champion"


def evaluate_again(shop, version):
    trained = shop.tracking.model_of_run(version.run_id)
    return evaluate_gates(shop.project, shop.warehouse, shop.tracking, version, trained, "run-2")


def test_gates_are_not_evaluated_again_for_a_version_that_was_champion(champion_shop):
    shop, before = champion_shop, events_of(champion_shop)
    shop.declare(settings={"gates": {"minimum": {"accuracy": 1.0}}})
    results = evaluate_again(shop, shop.tracking.registry.version("shop", 1))
    recorded = shop.champion_ledger.ledger.entries()[1].event.details["gates"]
    assert results == recorded, "the results of the first evaluation"
    assert events_of(shop) == before


def test_gates_are_evaluated_again_by_a_new_rule(champion_shop, monkeypatch: pytest.MonkeyPatch):
    shop = champion_shop
    second = register_again(shop)
    shop.declare(settings={"gates": {"champion_margin": 10.0}})
    evaluate_again(shop, second)
    monkeypatch.setattr("mlops_assets.components.model_project.promotion.gates.RULES_VERSION", "gates 99")
    evaluate_again(shop, second)
    assert events_of(shop)[4:] == [("gated", 2), ("gated", 2)]


def test_gates_are_evaluated_again_only_if_the_champion_or_the_settings_changed(champion_shop):
    shop = champion_shop
    second = register_again(shop)
    shop.declare(settings={"gates": {"champion_margin": 10.0}})

    results = evaluate_again(shop, second)
    assert [result["passed"] for result in results] == [True, True]
    assert events_of(shop)[3:] == [("registered", 2), ("gated", 2)]

    assert evaluate_again(shop, second) == results
    assert len(events_of(shop)) == 5, "nothing has changed"

    shop.declare(settings={"gates": {"champion_margin": 10.0, "minimum": {"accuracy": 1.0}}})
    evaluate_again(shop, second)
    assert events_of(shop)[5:] == [("rejected", 2)]

    attribution = replace(shop.champion_ledger.ledger.entries()[2].event, kind="retired")
    shop.champion_ledger.record(attribution)
    evaluate_again(shop, second)
    assert events_of(shop)[7:] == [("rejected", 2)], "there is no champion any more"
