"""Comparison gates: superiority and non-inferiority by confidence intervals, and their messages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.ml.evaluation.comparison_gates import (
    MIN_COMMON_ROWS,
    better_than_baseline,
    not_worse_than_champion,
)
from mlops_assets.ml.metrics.bootstrap import UNDEFINED, Interval, paired_difference_interval
from mlops_assets.ml.metrics.metrics import compute_metric
from mlops_assets.ml.metrics.tasks import Measure


@pytest.mark.parametrize(
    ("over_baseline", "margin", "passed", "outcome"),
    [
        ((0.01, 0.03), None, True, "significant improvement"),
        ((-0.01, 0.03), None, True, "non-inferior within 0.0155"),  # 5 % of 0.81 - 0.5
        ((-0.02, 0.03), None, False, "not shown to be non-inferior within 0.0155"),
        ((-0.02, -0.01), None, False, "not shown to be non-inferior within 0.0155"),
        ((-0.02, 0.03), 0.03, True, "non-inferior within 0.03"),
        ((-0.01, 0.03), 0.0, False, "improvement not significant"),
        ((0.01, 0.03), 0.0, True, "significant improvement"),
        ((0.01, 0.03), -0.02, False, "improvement by more than 0.02 not significant"),
        ((0.021, 0.03), -0.02, True, "significant improvement by more than 0.02"),
    ],
)
def test_the_interval_of_the_gain_over_the_best_baseline_decides(over_baseline, margin, passed, outcome):
    found = better_than_baseline(
        "roc_auc",
        0.80,
        0.81,
        0.5,
        over_constant=Interval(0.1, 0.2),
        over_baseline=Interval(*over_baseline),
        margin=margin,
    )
    assert found.passed is passed
    hint = "" if passed else "; more holdout rows or a larger gates.baseline_margin allow for less precision"
    ends = f"{over_baseline[0]} to {over_baseline[1]}"
    assert found.message == (
        f"roc_auc 0.8, best baseline 0.81; 95 % CI of the difference {ends}: {outcome}{hint}"
    )


@pytest.mark.parametrize("metric", ["rmse", "log_loss"])
def test_where_lower_is_better_the_margin_is_above_the_baseline(metric):
    def passes(high: float) -> bool:
        over = {"over_constant": Interval(-0.6, -0.4), "over_baseline": Interval(-0.01, high)}
        return better_than_baseline(metric, 0.5, 0.5, 1.0, **over).passed

    assert passes(0.02)
    assert not passes(0.03), "more than 5 % of the improvement of the baseline over the constant"


def test_a_model_that_is_not_significantly_better_than_the_constant_fails_whatever_the_margin():
    found = better_than_baseline(
        "rmse",
        0.9,
        1.0,
        1.0,
        over_constant=Interval(-0.3, 0.1),
        over_baseline=Interval(-0.3, 0.1),
        margin=5.0,
    )
    assert not found.passed
    assert found.message == (
        "rmse 0.9 is not significantly better than the constant baseline (1); 95 % CI of the difference "
        "-0.3 to 0.1"
    )


def test_where_the_constant_is_the_best_baseline_the_margin_is_zero():
    over = {"over_constant": Interval(0.01, 0.1), "over_baseline": Interval(0.01, 0.1)}
    found = better_than_baseline("roc_auc", 0.55, 0.5, 0.5, **over)
    assert found.passed
    assert found.figures["margin"] == 0.0


@pytest.mark.parametrize("undefined", ["over_constant", "over_baseline"])
def test_an_undefined_interval_does_not_pass(undefined):
    over = {"over_constant": Interval(0.1, 0.2), "over_baseline": Interval(0.1, 0.2), undefined: UNDEFINED}
    assert not better_than_baseline("roc_auc", 0.9, 0.5, 0.5, **over).passed


@pytest.mark.parametrize(("clusters", "noted"), [(None, False), (10, False), (9, True)])
def test_an_interval_of_few_clusters_is_marked_as_unreliable(clusters, noted):
    over = {"over_constant": Interval(0.1, 0.2), "over_baseline": Interval(0.1, 0.2)}
    for found in (
        better_than_baseline("roc_auc", 0.9, 0.8, 0.5, **over, clusters=clusters),
        not_worse_than_champion("roc_auc", 0.9, 0.8, Interval(0.1, 0.2), rows=100, clusters=clusters),
    ):
        assert ("(unreliable: only 9 clusters)" in found.message) is noted


def test_a_model_far_below_the_linear_baseline_rarely_passes_on_few_rows():
    passes = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        truth = random.integers(0, 2, 150)
        shared = truth + random.normal(0, 0.75, 150)
        linear, model, constant = shared, shared + random.normal(0, 0.35, 150), np.full(150, 0.5)
        linear, model = (1 / (1 + np.exp(-each)) for each in (linear, model))
        over = [
            paired_difference_interval(Measure("binary", "roc_auc"), truth, model, other, resamples=200)
            for other in (constant, linear)
        ]
        scores = (
            compute_metric(Measure("binary", "roc_auc"), truth, each) for each in (model, linear, constant)
        )
        passes += better_than_baseline(
            "roc_auc", *scores, over_constant=over[0], over_baseline=over[1]
        ).passed
    assert passes <= 5


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
