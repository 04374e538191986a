"""Gates: every way to pass and to fail, and the message of each."""

import math

import pytest

from mlops_assets.ml.evaluation.gates import (
    close_slices,
    compatible_features,
    expected_behaviour,
    fair_groups,
    fast_enough,
    fresh_training_data,
    minimum_metrics,
    small_enough,
)


def test_a_limit_is_a_minimum_or_a_maximum_depending_on_the_metric():
    scores = {"roc_auc": 0.8, "log_loss": 0.5}
    assert minimum_metrics(scores, {"roc_auc": 0.8, "log_loss": 0.5}).passed
    failed = minimum_metrics(scores, {"roc_auc": 0.81, "log_loss": 0.5})
    assert not failed.passed
    assert failed.message == "roc_auc 0.8 (minimum 0.81); log_loss 0.5 (maximum 0.5)"
    assert not minimum_metrics(scores, {"log_loss": 0.49}).passed


def test_the_coverage_of_intervals_has_a_minimum():
    assert minimum_metrics({"coverage": 0.9}, {"coverage": 0.88}).passed
    failed = minimum_metrics({"coverage": 0.85}, {"coverage": 0.88})
    assert (failed.passed, failed.message) == (False, "coverage 0.85 (minimum 0.88)")


def test_an_undefined_or_missing_metric_fails_its_limit():
    assert not minimum_metrics({"rmse": math.nan}, {"rmse": 1e9}).passed
    assert not minimum_metrics({}, {"rmse": 1e9}).passed


def test_a_challenger_may_require_fewer_columns_than_the_champion_and_no_others():
    assert compatible_features(["a"], ["a", "b"]).passed
    failed = compatible_features(["a", "c"], ["a", "b"])
    assert not failed.passed
    assert failed.message == "requires columns that clients of the current champion do not send: c"


def test_training_data_older_than_declared_fails():
    assert fresh_training_data(30.0, 30).passed
    assert not fresh_training_data(30.1, 30).passed


def test_undefined_figures_are_left_out_of_the_json():
    found = minimum_metrics({"rmse": math.nan}, {"rmse": 1.0})
    assert found.to_json()["figures"] == {}


def test_the_ledger_stores_the_message_under_message():
    assert minimum_metrics({"r2": 0.8}, {"r2": 0.7}).to_json() == {
        "gate": "minimum_metrics",
        "passed": True,
        "message": "r2 0.8 (minimum 0.7)",
        "figures": {"r2": 0.8},
    }


SLICES = [
    {"column": "region", "value": "north", "score": 0.7},
    {"column": "region", "value": "south", "score": 0.9},
    {"column": "region", "value": "west", "score": None},
]


@pytest.mark.parametrize(("metric", "limit", "passed"), [("roc_auc", 0.1, True), ("roc_auc", 0.05, False)])
def test_the_worst_slice_determines_the_result(metric, limit: float, passed: bool):
    found = close_slices(metric, 0.8 - 1e-9, SLICES, limit)
    assert found.passed is passed
    assert "worst slice: region north" in found.message


def test_the_slice_with_the_larger_error_is_the_worst():
    assert "worst slice: region south" in close_slices("rmse", 0.8, SLICES, 1.0).message


def test_without_an_evaluated_slice_the_gate_fails():
    assert not close_slices("rmse", 0.8, [], 1.0).passed


def test_group_differences_must_be_within_the_limit_in_every_column():
    apart = {"sex": {"selected": 0.08}, "age": {"selected": 0.2, "true positives": 0.9}}
    assert not fair_groups(apart, {"selected": 0.1}).passed
    assert fair_groups(apart, {"selected": 0.2}).passed
    unknown = fair_groups(apart, {"select": 0.2})
    assert not unknown.passed
    assert unknown.message == "not measured: select; measured: selected, true positives"


@pytest.mark.parametrize(
    ("ratio", "passed", "shown"),
    [(0.95, True, "0.95"), (0.8, True, "0.8"), (0.5, False, "0.5"), (None, False, "is undefined")],
)
def test_a_fairness_ratio_has_a_minimum_and_an_undefined_one_fails(ratio, passed, shown):
    found = fair_groups({"sex": {"demographic parity ratio": ratio}}, {"demographic parity ratio": 0.8})
    assert found.passed == passed
    assert found.message == f"sex: demographic parity ratio {shown} (minimum 0.8)"
    assert found.to_json()["figures"].keys() == (
        set() if ratio is None else {"sex: demographic parity ratio"}
    )


def test_a_measure_that_one_of_the_columns_lacks_fails():
    found = fair_groups({"sex": {"error": 0.01}, "age": {}}, {"error": 0.1})
    assert not found.passed
    assert found.message == "sex: error 0.01 (maximum 0.1); age: error is undefined (maximum 0.1)"


def test_only_tests_of_severity_error_must_pass():
    tests = [
        {"name": "more_is_more", "severity": "error", "passed": True, "found": "so it is"},
        {"name": "example", "severity": "warn", "passed": False, "found": "it is not"},
    ]
    assert expected_behaviour(tests).passed
    failed = expected_behaviour([tests[0], {**tests[1], "severity": "error"}])
    assert not failed.passed
    assert failed.message == "example: it is not"


@pytest.mark.parametrize("gate", [fast_enough, small_enough])
def test_an_unknown_latency_or_size_fails(gate):
    assert gate(5.0, 5.0).passed
    assert not gate(5.1, 5.0).passed
    assert not gate(math.nan, 5.0).passed
