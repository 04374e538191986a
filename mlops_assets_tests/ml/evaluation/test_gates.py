"""Gates: every way to pass and to fail, and what is told."""

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


def test_a_minimum_is_a_floor_or_a_ceiling_by_the_metric():
    scores = {"roc_auc": 0.8, "log_loss": 0.5}
    assert minimum_metrics(scores, {"roc_auc": 0.8, "log_loss": 0.5}).passed
    failed = minimum_metrics(scores, {"roc_auc": 0.81, "log_loss": 0.5})
    assert not failed.passed
    assert failed.told == (
        "roc_auc 0.8, which must be at least 0.81; log_loss 0.5, which must be at most 0.5"
    )
    assert not minimum_metrics(scores, {"log_loss": 0.49}).passed


def test_an_undefined_or_missing_metric_reaches_no_minimum():
    assert not minimum_metrics({"rmse": math.nan}, {"rmse": 1e9}).passed
    assert not minimum_metrics({}, {"rmse": 1e9}).passed


def test_who_does_not_beat_the_baseline_fails():
    failed = better_than_baseline("rmse", 0.5, 0.5)
    assert not failed.passed
    assert failed.told == "rmse 0.5 does not beat the baseline's 0.5"
    assert better_than_baseline("r2", 0.8, 0.7).told == "r2 0.8 beats the baseline's 0.7"


@pytest.mark.parametrize(("challenger", "baseline"), [(math.nan, 0.5), (0.9, math.nan)])
def test_an_undefined_score_beats_nothing(challenger: float, baseline: float):
    assert not better_than_baseline("roc_auc", challenger, baseline).passed


def test_a_margin_must_be_exceeded():
    assert better_than_baseline("rmse", 0.4, 0.5, margin=0.09).passed
    assert not better_than_baseline("rmse", 0.4, 0.5, margin=0.11).passed


@pytest.mark.parametrize(
    ("over_constant", "over_baseline", "margin", "passed"),
    [
        ((0.1, 0.2), (-0.02, 0.01), 0.0, True),
        ((0.1, 0.2), (-0.02, -0.01), 0.0, False),  # surely worse than the line
        ((0.6, 0.7), (-0.012, -0.008), 0.0, True),  # surely, and by next to nothing
        ((-0.1, 0.2), (-0.02, 0.01), 0.0, False),  # perhaps no better than a constant
        ((0.1, 0.2), (-0.02, 0.01), 0.001, False),  # somebody asked for more than a line
        (None, None, 0.0, False),
    ],
)
def test_a_line_that_can_not_be_told_from_the_model_is_enough(over_constant, over_baseline, margin, passed):
    found = better_than_baseline(
        "roc_auc",
        0.80,
        0.81,
        margin=margin,
        over_constant=over_constant and Interval(*over_constant),
        over_baseline=over_baseline and Interval(*over_baseline),
    )
    assert found.passed is passed
    assert ("can't be told from" in found.told) is passed


@pytest.mark.parametrize(("rows", "passed"), [(MIN_COMMON_ROWS - 1, False), (MIN_COMMON_ROWS, True)])
def test_too_few_common_rows_decide_nothing(rows: int, passed: bool):
    found = not_worse_than_champion("rmse", 0.3, 0.5, Interval(-0.3, -0.1), rows=rows)
    assert found.passed is passed
    assert (f"only {rows} holdout rows were not trained on by the champion" in found.told) is not passed


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
def test_the_whole_interval_decides_in_the_metrics_direction(metric, over, margin, passed):
    found = not_worse_than_champion(metric, 0.5, 0.5, Interval(*over), rows=100, margin=margin)
    assert found.passed is passed
    assert found.told.endswith("the champion stays") is not passed


def test_an_undefined_interval_is_no_reason_to_replace_the_champion():
    assert not not_worse_than_champion("roc_auc", 0.9, 0.5, UNDEFINED, rows=100).passed


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_wider_margin_never_keeps_out_who_passed_a_narrower_one(low: float, width: float, margin: float):
    over = Interval(low, low + width)
    narrow = not_worse_than_champion("r2", 0.5, 0.5, over, rows=100, margin=margin)
    wide = not_worse_than_champion("r2", 0.5, 0.5, over, rows=100, margin=margin + 0.1)
    assert wide.passed or not narrow.passed


def test_a_challenger_may_need_less_than_the_champion_and_not_more():
    assert compatible_features(["a"], ["a", "b"]).passed
    failed = compatible_features(["a", "c"], ["a", "b"])
    assert not failed.passed
    assert failed.told == "needs c, which callers of the champion don't bring"


def test_training_data_may_be_as_old_as_declared():
    assert fresh_training_data(30.0, 30).passed
    assert not fresh_training_data(30.1, 30).passed


def test_what_is_undefined_is_left_out_of_the_json():
    found = minimum_metrics({"rmse": math.nan}, {"rmse": 1.0})
    assert found.to_json()["figures"] == {}


SLICES = [
    {"column": "region", "value": "north", "score": 0.7},
    {"column": "region", "value": "south", "score": 0.9},
    {"column": "region", "value": "west", "score": None},
]


@pytest.mark.parametrize(("metric", "limit", "passed"), [("roc_auc", 0.1, True), ("roc_auc", 0.05, False)])
def test_the_worst_slice_decides(metric, limit: float, passed: bool):
    found = close_slices(metric, 0.8 - 1e-9, SLICES, limit)
    assert found.passed is passed
    assert "where region north" in found.told


def test_a_slice_with_a_larger_error_is_the_worse_one():
    assert "where region south" in close_slices("rmse", 0.8, SLICES, 1.0).told


def test_without_slices_nothing_was_shown():
    assert not close_slices("rmse", 0.8, [], 1.0).passed


def test_groups_may_lie_apart_as_declared_in_every_column():
    apart = {"sex: selected": 0.08, "age: selected": 0.2, "age: true positives": 0.9}
    assert not fair_groups(apart, {"selected": 0.1}).passed
    assert fair_groups(apart, {"selected": 0.2}).passed
    unknown = fair_groups(apart, {"select": 0.2})
    assert not unknown.passed
    assert unknown.told == "select was not measured; measured were selected, true positives"


def test_only_tests_of_severity_error_bind():
    tests = [
        {"name": "more_is_more", "severity": "error", "passed": True, "found": "so it is"},
        {"name": "example", "severity": "warn", "passed": False, "found": "it is not"},
    ]
    assert expected_behaviour(tests).passed
    failed = expected_behaviour([tests[0], {**tests[1], "severity": "error"}])
    assert not failed.passed
    assert failed.told == "example: it is not"


@pytest.mark.parametrize("gate", [fast_enough, small_enough])
def test_costs_have_a_limit_and_unknown_ones_exceed_it(gate):
    assert gate(5.0, 5.0).passed
    assert not gate(5.1, 5.0).passed
    assert not gate(math.nan, 5.0).passed
