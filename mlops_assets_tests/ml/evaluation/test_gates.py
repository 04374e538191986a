"""Gates: every way to pass and to fail, and the message of each."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.ml.evaluation.gates import (
    MIN_COMMON_ROWS,
    better_than_baseline,
    close_slices,
    compatible_features,
    expected_behaviour,
    fair_groups,
    fast_enough,
    fresh_training_data,
    minimum_metrics,
    not_worse_than_champion,
    small_enough,
)
from mlops_assets.ml.metrics.bootstrap import UNDEFINED, Interval


def test_a_limit_is_a_minimum_or_a_maximum_depending_on_the_metric():
    scores = {"roc_auc": 0.8, "log_loss": 0.5}
    assert minimum_metrics(scores, {"roc_auc": 0.8, "log_loss": 0.5}).passed
    failed = minimum_metrics(scores, {"roc_auc": 0.81, "log_loss": 0.5})
    assert not failed.passed
    assert failed.message == "roc_auc 0.8 (minimum 0.81); log_loss 0.5 (maximum 0.5)"
    assert not minimum_metrics(scores, {"log_loss": 0.49}).passed


def test_an_undefined_or_missing_metric_fails_its_limit():
    assert not minimum_metrics({"rmse": math.nan}, {"rmse": 1e9}).passed
    assert not minimum_metrics({}, {"rmse": 1e9}).passed


def test_a_challenger_that_does_not_beat_the_baseline_fails():
    failed = better_than_baseline("rmse", 0.5, 0.5)
    assert not failed.passed
    assert failed.message == "rmse 0.5 does not beat the baseline (0.5)"
    assert better_than_baseline("r2", 0.8, 0.7).message == "r2 0.8 beats the baseline (0.7)"


@pytest.mark.parametrize(("challenger", "baseline"), [(math.nan, 0.5), (0.9, math.nan)])
def test_an_undefined_score_does_not_pass(challenger: float, baseline: float):
    assert not better_than_baseline("roc_auc", challenger, baseline).passed


def test_the_improvement_over_the_baseline_must_exceed_the_margin():
    assert better_than_baseline("rmse", 0.4, 0.5, margin=0.09).passed
    assert not better_than_baseline("rmse", 0.4, 0.5, margin=0.11).passed


@pytest.mark.parametrize(
    ("over_constant", "over_baseline", "margin", "passed"),
    [
        ((0.1, 0.2), (-0.02, 0.01), 0.0, True),
        ((0.1, 0.2), (-0.02, -0.01), 0.0, False),  # significantly worse than the linear baseline
        ((0.6, 0.7), (-0.012, -0.008), 0.0, True),  # significantly worse, by a negligible amount
        ((-0.1, 0.2), (-0.02, 0.01), 0.0, False),  # not significantly better than the constant baseline
        ((0.1, 0.2), (-0.02, 0.01), 0.001, False),  # a margin requires an improvement
        (None, None, 0.0, False),
    ],
)
def test_a_challenger_equivalent_to_the_linear_baseline_passes(over_constant, over_baseline, margin, passed):
    found = better_than_baseline(
        "roc_auc",
        0.80,
        0.81,
        margin=margin,
        over_constant=over_constant and Interval(*over_constant),
        over_baseline=over_baseline and Interval(*over_baseline),
    )
    assert found.passed is passed
    assert ("is equivalent to the baseline" in found.message) is passed


@pytest.mark.parametrize(("rows", "passed"), [(MIN_COMMON_ROWS - 1, False), (MIN_COMMON_ROWS, True)])
def test_too_few_common_rows_fail_the_comparison(rows: int, passed: bool):
    found = not_worse_than_champion("rmse", 0.3, 0.5, Interval(-0.3, -0.1), rows=rows)
    assert found.passed is passed
    assert (f"only {rows} holdout rows are unseen by the champion" in found.message) is not passed


@pytest.mark.parametrize(
    ("metric", "over", "margin", "passed"),
    [
        ("roc_auc", (0.01, 0.03), 0.0, True),
        ("roc_auc", (-0.01, 0.03), 0.0, False),
        ("roc_auc", (-0.01, 0.03), 0.02, True),
        ("roc_auc", (-0.03, -0.01), 0.02, False),
        ("rmse", (-0.03, -0.01), 0.0, True),
        ("rmse", (-0.03, 0.01), 0.0, False),
        ("rmse", (-0.03, 0.01), 0.02, True),
        ("rmse", (0.01, 0.03), 0.02, False),
    ],
)
def test_the_whole_interval_must_lie_on_the_better_side(metric, over, margin, passed):
    found = not_worse_than_champion(metric, 0.5, 0.5, Interval(*over), rows=100, margin=margin)
    assert found.passed is passed
    assert found.message.endswith("the champion is unchanged") is not passed


@pytest.mark.parametrize(
    ("interval", "margin", "outcome"),
    [
        ((0.01, 0.03), 0.0, "significant improvement"),
        ((-0.01, 0.03), 0.0, "improvement not significant; the champion is unchanged"),
        ((-0.01, 0.03), 0.02, "non-inferior within 0.02"),
        ((-0.03, 0.01), 0.02, "not shown to be non-inferior within 0.02; the champion is unchanged"),
    ],
)
def test_the_message_states_both_scores_the_interval_and_the_outcome(interval, margin, outcome):
    found = not_worse_than_champion("roc_auc", 0.8, 0.79, Interval(*interval), rows=1_234, margin=margin)
    assert found.message == (
        "roc_auc 0.8, champion 0.79, on 1,234 rows unseen by both; "
        f"95 % CI of the difference {interval[0]} to {interval[1]}: {outcome}"
    )


def test_an_undefined_interval_does_not_replace_the_champion():
    assert not not_worse_than_champion("roc_auc", 0.9, 0.5, UNDEFINED, rows=100).passed


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_challenger_that_passes_a_margin_also_passes_a_wider_one(low: float, width: float, margin: float):
    over = Interval(low, low + width)
    narrow = not_worse_than_champion("r2", 0.5, 0.5, over, rows=100, margin=margin)
    wide = not_worse_than_champion("r2", 0.5, 0.5, over, rows=100, margin=margin + 0.1)
    assert wide.passed or not narrow.passed


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
    assert better_than_baseline("r2", 0.8, 0.7).to_json() == {
        "gate": "better_than_baseline",
        "passed": True,
        "message": "r2 0.8 beats the baseline (0.7)",
        "figures": {"challenger": 0.8, "baseline": 0.7},
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
