"""Champion or challenger: every way to decide, and its reason."""

import math
from typing import Any

import pytest

from mlops_assets.ml.comparison import MIN_COMMON_ROWS, Decision, decide

STAYS = "the champion stays"


def test_who_does_not_beat_the_baseline_is_never_promoted():
    assert decide(
        "rmse", challenger=0.5, baseline=0.5, champion=9.0, challenger_on_common=0.1, common_rows=100
    ) == (Decision(False, "rmse 0.5 does not beat the baseline's 0.5"))


def test_an_undefined_score_beats_nothing():
    assert decide("roc_auc", challenger=math.nan, baseline=0.5).reason == (
        "roc_auc nan does not beat the baseline's 0.5"
    )
    assert not decide("roc_auc", challenger=0.9, baseline=math.nan).promote


def test_without_a_champion_it_is_enough_to_beat_the_baseline():
    assert decide("r2", challenger=0.8, baseline=0.7) == Decision(
        True, "r2 0.8 beats the baseline's 0.7; there was no champion"
    )


@pytest.mark.parametrize(("rows", "promote"), [(MIN_COMMON_ROWS - 1, False), (MIN_COMMON_ROWS, True)])
def test_too_few_common_rows_decide_nothing(rows: int, promote: bool):
    decision = decide(
        "rmse", challenger=0.4, baseline=0.6, champion=0.5, challenger_on_common=0.3, common_rows=rows
    )
    assert decision.promote is promote
    assert (f"only {rows} holdout rows were not trained on by the champion" in decision.reason) is not promote


@pytest.mark.parametrize(
    ("metric", "ours", "theirs", "promote"),
    [
        ("rmse", 0.4, 0.5, True),
        ("rmse", 0.5, 0.4, False),
        ("rmse", 0.5, 0.5, False),
        ("roc_auc", 0.5, 0.4, True),
        ("roc_auc", 0.4, 0.5, False),
        ("roc_auc", math.nan, 0.5, False),
        ("roc_auc", 0.5, math.nan, False),
    ],
)
def test_the_better_one_on_common_rows_serves(metric, ours: float, theirs: float, promote: bool):
    challenger, baseline = (0.9, 0.1) if metric == "roc_auc" else (0.1, 0.9)
    decision = decide(
        metric,
        challenger=challenger,
        baseline=baseline,
        champion=theirs,
        challenger_on_common=ours,
        common_rows=1_234,
    )
    assert decision.promote is promote
    assert decision.reason.startswith(
        f"{metric} {ours:.4g} against the champion's {theirs:.4g} on 1,234 rows"
    )
    assert decision.reason.endswith(STAYS) is not promote


def over(low: float, high: float, **more: Any) -> Decision:
    """A challenger that is a little worse than a linear baseline, and better than a constant."""
    known = {"challenger": 0.55, "baseline": 0.54, "over_constant": (-0.2, -0.1), **more}
    return decide("log_loss", over_baseline=(low, high), **known)


def test_a_challenger_that_cannot_be_told_from_the_baseline_serves_if_it_beats_a_constant():
    decision = over(-0.01, 0.03)
    assert decision == Decision(
        True,
        "log_loss 0.55 can't be told from the baseline's 0.54 (95 % interval of the difference: -0.01 to "
        "0.03); there was no champion",
    )


@pytest.mark.parametrize(("low", "high"), [(0.001, 0.03), (-0.03, -0.001), (math.nan, math.nan)])
def test_one_that_can_be_told_from_a_better_baseline_does_not_serve(low: float, high: float):
    assert over(low, high) == Decision(False, "log_loss 0.55 does not beat the baseline's 0.54")


@pytest.mark.parametrize("constant", [(-0.2, 0.01), (0.1, 0.2), (math.nan, math.nan), None])
def test_one_that_is_not_surely_better_than_a_constant_never_serves(constant: tuple[float, float] | None):
    assert not over(-0.01, 0.03, over_constant=constant).promote


def test_without_an_interval_the_baseline_must_be_beaten():
    assert not decide("log_loss", challenger=0.55, baseline=0.54, over_constant=(-0.2, -0.1)).promote


def test_beside_a_champion_one_that_cannot_be_told_from_the_baseline_must_still_be_better():
    worse = over(-0.01, 0.03, champion=0.5, challenger_on_common=0.55, common_rows=100)
    better = over(-0.01, 0.03, champion=0.6, challenger_on_common=0.55, common_rows=100)
    assert (worse.promote, better.promote) == (False, True)
