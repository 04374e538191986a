"""The search: its trials, and resuming after an interruption."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.storages.journal import JournalFileBackend, JournalStorage

from mlops_assets.core.errors import ModelError
from mlops_assets.ml.families import FAMILIES
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.search.search import tune
from mlops_assets.ml.search.splits import make_folds
from mlops_assets.ml.search.trials import TrialSummary
from mlops_assets_tests.support.searches import SEARCH, KilledError, kill_after, proposals


def test_the_defaults_of_each_family_are_tried_first(search):
    result = search(replace(SEARCH, trials=3))
    assert [(trial.family, trial.params) for trial in result.trials[:2]] == [
        (name, FAMILIES[name].defaults()) for name in SEARCH.families
    ]
    assert len(result.trials) == 3


def test_a_metric_where_higher_is_better_is_maximized(search):
    result = search(replace(SEARCH, metric="r2", trials=4))
    assert result.score == max(trial.score for trial in result.trials if trial.state == "complete")


def test_scores_are_in_the_reported_unit(search):
    plain, scaled = (search(replace(SEARCH, trials=2, unit_size=size)) for size in (1.0, 10.0))
    assert scaled.score == pytest.approx(plain.score / 10)


def test_the_portfolio_of_a_family_follows_its_defaults(search):
    family = FAMILIES["xgboost"]
    known = [family.defaults(), *family.portfolio()]
    result = search(replace(SEARCH, families=("xgboost",), trials=len(known) + 1))
    assert [trial.params for trial in result.trials[:-1]] == known
    assert result.trials[-1].params not in known


def test_no_trial_repeats_another(search):
    tried = [repr((trial.family, trial.params)) for trial in search().trials]
    assert len(set(tried)) == SEARCH.trials


def test_a_search_is_reproducible(search):
    assert proposals(search()) == proposals(search())


def test_threads_change_neither_trials_nor_predictions(problem: Callable[..., Any]):
    wanted = replace(SEARCH, families=(*SEARCH.families, "hist_gradient_boosting"), trials=8)
    found = []
    for threads in (1, 3):
        features, target, settings = problem("regression", rows=120, threads=threads)
        folds = make_folds("regression", target, folds=4, seed=0)
        found.append(tune(features, target, folds, default_pipeline, wanted, settings))
    one, several = found
    assert {trial.state for trial in one.trials} == {"complete", "pruned"}
    assert proposals(one) == proposals(several)
    np.testing.assert_array_equal(one.out_of_fold, several.out_of_fold)


def test_bad_trials_are_pruned_and_marked(search):
    result = search(replace(SEARCH, families=("linear",), trials=20))
    states = {trial.state for trial in result.trials}
    assert states == {"complete", "pruned"}
    assert [trial.state for trial in result.trials[:3]] == ["complete"] * 3


@pytest.mark.parametrize("trials", [1, 3, 7])
def test_a_resumed_search_equals_an_uninterrupted_one(search, tmp_path: Path, trials: int):
    journal = tmp_path / "search.journal"
    with pytest.raises(KilledError):
        search(journal=journal, on_trial=kill_after(trials))
    study = optuna.load_study(study_name="search", storage=JournalStorage(JournalFileBackend(str(journal))))
    study.ask()  # a trial that was running when the process died
    reported: list[TrialSummary] = []
    resumed = search(journal=journal, on_trial=reported.append)
    assert proposals(resumed) == proposals(search())
    assert [trial.number for trial in resumed.trials] == list(range(1, len(resumed.trials) + 1))
    assert reported == resumed.trials
    assert resumed.resumed_seconds == pytest.approx(sum(trial.seconds for trial in resumed.trials[:trials]))
    assert search().resumed_seconds == 0


def test_a_queued_trial_of_an_interrupted_search_runs_once(search, tmp_path: Path):
    journal = tmp_path / "search.journal"
    study = optuna.create_study(study_name="search", storage=JournalStorage(JournalFileBackend(str(journal))))
    defaults = FAMILIES["xgboost"].defaults()
    study.enqueue_trial(
        {"family": "xgboost", **{f"xgboost_{name}": value for name, value in defaults.items()}}
    )
    assert proposals(search(journal=journal)) == proposals(search())


def test_a_finished_search_reports_its_trials_again(search, tmp_path: Path):
    journal = tmp_path / "search.journal"
    first = search(journal=journal)
    assert search(journal=journal) == first  # with its times, which a second fit would change


def test_a_longer_search_resumes_from_the_journal(search, tmp_path: Path):
    journal = tmp_path / "search.journal"
    few = search(replace(SEARCH, trials=5), journal=journal)
    assert proposals(search(journal=journal))[:5] == proposals(few)


def test_there_is_a_winner_when_the_time_limit_is_reached(search):
    result = search(replace(SEARCH, trials=50, timeout_seconds=1e-9))
    assert len(result.trials) == 1
    assert np.isfinite(result.score)


def test_a_metric_that_is_undefined_on_a_fold_is_an_error(problem: Callable[..., Any]):
    features, target, settings = problem("binary", rows=90)
    target = np.sort(target)
    folds = [(np.arange(0, 90, 2), np.arange(30))]
    with pytest.raises(ModelError, match="roc_auc is undefined on fold 1 of 1: a class has no rows"):
        tune(features, target, folds, default_pipeline, replace(SEARCH, metric="roc_auc"), settings)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_classification_is_searched_too(problem: Callable[..., Any], task: Any):
    features, target, settings = problem(task, rows=150)
    folds = make_folds(task, target, folds=3, seed=0)
    search = replace(SEARCH, metric="log_loss", trials=3)
    result = tune(features, target, folds, default_pipeline, search, settings)
    assert 0 < result.score < np.log(settings.classes)


def test_a_time_limit_is_stored_as_the_number_of_trials_that_it_allowed(search, tmp_path: Path):
    journal, wanted = tmp_path / "search.journal", replace(SEARCH, trials=50, timeout_seconds=0.3)
    allowed = search(wanted, journal=journal, on_trial=lambda trial: sleep(0.1))
    assert 1 <= len(allowed.trials) < 50
    assert search(wanted, journal=journal) == allowed
    assert proposals(search(replace(SEARCH, trials=len(allowed.trials)))) == proposals(allowed)
    longer = search(replace(wanted, trials=len(allowed.trials) + 1, timeout_seconds=60), journal=journal)
    assert len(longer.trials) == len(allowed.trials) + 1


def test_an_earlier_winner_is_tried_first_if_its_family_and_parameters_exist(search, tmp_path: Path):
    champion = FAMILIES["xgboost"].defaults() | {"max_depth": 4}
    first = (("xgboost", champion), ("xgboost", {"gamma": 1.0}), ("forest", {}))
    journal = tmp_path / "search.journal"
    result = search(replace(SEARCH, trials=3, first=first), journal=journal)
    assert [trial.params for trial in result.trials] == [
        champion,
        FAMILIES["xgboost"].defaults(),
        FAMILIES["linear"].defaults(),
    ]
    assert search(replace(SEARCH, trials=3), journal=journal) == result, "the journal stores the first trials"
