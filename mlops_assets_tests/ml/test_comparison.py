"""Champion or challenger: every way to decide, and its reason."""

import math

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
