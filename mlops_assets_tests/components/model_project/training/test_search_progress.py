"""Progress messages of a search."""

from typing import Any

from mlops_assets.components.model_project.training.search_progress import SearchProgress
from mlops_assets.ml.search.trials import SearchSettings, TrialSummary


def trial(number: int, score: float, *, pruned: bool = False, seconds: float = 10.0) -> TrialSummary:
    return TrialSummary(number, "xgboost", {}, score, "pruned" if pruned else "complete", seconds)


def progress(**settings: Any) -> SearchProgress:
    search = {"families": ("xgboost",), "metric": "rmse", "trials": 40, **settings}
    now = iter(range(0, 10_000, 10))
    return SearchProgress(SearchSettings(**search), 5, clock=lambda: float(next(now)))


def test_each_trial_has_the_best_score_and_the_time_left():
    found = progress()
    assert found.after_trial(trial(1, 0.5)) == (
        "trial 1 of 40: xgboost rmse 0.5, best 0.5, about 6 min 30 s left"
    )
    assert found.after_trial(trial(2, 0.45, seconds=1.0)).startswith(
        "trial 2 of 40: xgboost rmse 0.45, best 0.45, about 3 min"
    )


def test_a_pruned_trial_has_no_score_and_is_not_the_best():
    found = progress()
    found.after_trial(trial(1, 0.5))
    assert found.after_trial(trial(2, 0.4, pruned=True)).startswith(
        "trial 2 of 40: xgboost pruned, best 0.5, about"
    )


def test_a_time_budget_limits_the_time_left():
    found = progress(metric="roc_auc", timeout_seconds=25)
    assert found.after_trial(trial(1, 0.8)).endswith("best 0.8, about 15 s left")
    found.after_trial(trial(2, 0.7))
    assert found.after_trial(trial(3, 0.9)).endswith("best 0.9")


def test_a_fold_of_the_first_trial_has_the_time_left():
    found = progress(trials=3)
    assert found.after_fold(1, "xgboost", 2, 40.0) == (
        "trial 1 of 3: xgboost, fold 2 of 5, about 4 min 20 s left"  # 60 s of this trial, 100 s of each other
    )


def test_a_fold_of_a_later_trial_has_the_best_score_and_averages_over_trials():
    found = progress(trials=3)
    found.after_trial(trial(1, 0.5, seconds=300))
    assert found.after_fold(2, "xgboost", 1, 20.0) == (
        "trial 2 of 3: xgboost, fold 1 of 5, best 0.5, about 4 min 40 s left"  # 80 s + (300 s + 100 s) / 2
    )


def test_the_time_limit_does_not_end_a_trial():
    found = progress(trials=30, timeout_seconds=60)
    assert found.after_fold(1, "xgboost", 2, 40.0).endswith("about 1 min 0 s left")


def test_short_folds_have_no_message():
    found = progress()
    assert found.after_fold(1, "xgboost", 1, 0.4) == ""
    found.clock = lambda: 0.0
    found.after_trial(trial(1, 0.5))
    found.clock = lambda: 2.0
    assert found.after_fold(2, "xgboost", 1, 6.0) == "", "the message of the trial was just before"
