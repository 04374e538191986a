"""The search: what it tries, and that being killed changes nothing."""

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
from mlops_assets.ml.search.search import SearchResult, SearchSettings, tune
from mlops_assets.ml.search.splits import make_folds
from mlops_assets.ml.search.trials import TrialSummary

SEARCH = SearchSettings(families=("xgboost", "linear"), metric="rmse", trials=8)


@pytest.fixture
def search(problem: Callable[..., Any]) -> Callable[..., SearchResult]:
    """Search on a small regression."""
    features, target, settings = problem("regression", rows=120)
    folds = make_folds("regression", target, folds=3, seed=0)

    def run(search: SearchSettings = SEARCH, **arguments: Any) -> SearchResult:
        return tune(features, target, folds, default_pipeline, search, settings, **arguments)

    return run


def proposals(result: SearchResult) -> list[tuple[str, dict[str, Any], float, str]]:
    return [(trial.family, trial.params, trial.score, trial.state) for trial in result.trials]


class KilledError(Exception):
    """Instead of a process that dies."""


def kill_after(trials: int) -> Callable[[TrialSummary], None]:
    seen: list[TrialSummary] = []

    def on_trial(trial: TrialSummary) -> None:
        seen.append(trial)
        if len(seen) == trials:
            raise KilledError

    return on_trial


def test_each_familys_defaults_are_tried_first(search):
    result = search(replace(SEARCH, trials=3))
    assert [(trial.family, trial.params) for trial in result.trials[:2]] == [
        (name, FAMILIES[name].defaults()) for name in SEARCH.families
    ]
    assert len(result.trials) == 3


def test_the_winner_is_the_best_complete_trial(search):
    result = search()
    best = min((trial for trial in result.trials if trial.state == "complete"), key=lambda trial: trial.score)
    assert (result.family, result.params, result.score) == (best.family, best.params, best.score)
    assert (result.rounds is None) is (result.family == "linear")


def test_a_metric_that_grows_is_maximized(search):
    result = search(replace(SEARCH, metric="r2", trials=4))
    assert result.score == max(trial.score for trial in result.trials if trial.state == "complete")


def test_scores_are_in_the_reported_unit(search):
    plain, scaled = (search(replace(SEARCH, trials=2, unit_size=size)) for size in (1.0, 10.0))
    assert scaled.score == pytest.approx(plain.score / 10)


def test_a_familys_portfolio_follows_its_defaults(search):
    result = search(replace(SEARCH, families=("xgboost",), trials=4))
    family = FAMILIES["xgboost"]
    assert [trial.params for trial in result.trials[:3]] == [family.defaults(), *family.portfolio()]
    assert result.trials[3].params not in family.portfolio()


def test_no_trial_repeats_another(search):
    tried = [repr((trial.family, trial.params)) for trial in search().trials]
    assert len(set(tried)) == SEARCH.trials


def test_a_search_repeats_itself(search):
    assert proposals(search()) == proposals(search())


def test_hopeless_trials_are_pruned_and_say_so(search):
    result = search(replace(SEARCH, families=("linear",), trials=20))
    states = {trial.state for trial in result.trials}
    assert states == {"complete", "pruned"}
    assert [trial.state for trial in result.trials[:3]] == ["complete"] * 3


@pytest.mark.parametrize("trials", [1, 3, 7])
def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been(search, tmp_path: Path, trials: int):
    journal = tmp_path / "search.journal"
    with pytest.raises(KilledError):
        search(journal=journal, on_trial=kill_after(trials))
    study = optuna.load_study(study_name="search", storage=JournalStorage(JournalFileBackend(str(journal))))
    study.ask()  # a trial that was running when the process died
    told: list[TrialSummary] = []
    resumed = search(journal=journal, on_trial=told.append)
    assert proposals(resumed) == proposals(search())
    assert [trial.number for trial in resumed.trials] == list(range(len(resumed.trials)))
    assert told == resumed.trials


def test_a_search_that_was_killed_before_a_trial_began_does_not_try_it_twice(search, tmp_path: Path):
    journal = tmp_path / "search.journal"
    study = optuna.create_study(study_name="search", storage=JournalStorage(JournalFileBackend(str(journal))))
    defaults = FAMILIES["xgboost"].defaults()
    study.enqueue_trial(
        {"family": "xgboost", **{f"xgboost_{name}": value for name, value in defaults.items()}}
    )
    assert proposals(search(journal=journal)) == proposals(search())


def test_a_search_whose_journal_ends_in_a_torn_line_goes_on(search, tmp_path: Path):
    journal = tmp_path / "search.journal"
    with pytest.raises(KilledError):
        search(journal=journal, on_trial=kill_after(3))
    journal.write_bytes(journal.read_bytes()[:-20])
    assert proposals(search(journal=journal)) == proposals(search())


def test_a_journal_that_is_damaged_in_the_middle_is_told_with_its_line(
    search, tmp_path: Path, record_property: Callable[[str, object], None]
):
    journal = tmp_path / "search.journal"
    search(replace(SEARCH, trials=1), journal=journal)
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2][:10] + b"\n"
    journal.write_bytes(b"".join(lines))
    damaged = journal.read_bytes()
    with pytest.raises(ModelError, match="line 3, is damaged") as told:
        search(journal=journal)
    record_property("told", str(told.value))
    assert journal.read_bytes() == damaged, "nothing of it is lost"


def test_a_finished_search_is_only_told_again(search, tmp_path: Path):
    journal = tmp_path / "search.journal"
    first = search(journal=journal)
    assert search(journal=journal) == first  # with its times, which a second fit would change


def test_more_trials_go_on_from_the_journal(search, tmp_path: Path):
    journal = tmp_path / "search.journal"
    few = search(replace(SEARCH, trials=5), journal=journal)
    assert proposals(search(journal=journal))[:5] == proposals(few)


def test_when_time_is_up_there_is_still_a_winner(search):
    result = search(replace(SEARCH, trials=50, timeout_seconds=1e-9))
    assert len(result.trials) == 1
    assert np.isfinite(result.score)


def test_a_metric_that_is_undefined_on_a_fold_is_an_error(problem: Callable[..., Any]):
    features, target, settings = problem("binary", rows=90)
    target = np.sort(target)
    folds = [(np.arange(0, 90, 2), np.arange(30))]
    with pytest.raises(ModelError, match="roc_auc is undefined on fold 1 of 1: a class has no row there"):
        tune(features, target, folds, default_pipeline, replace(SEARCH, metric="roc_auc"), settings)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_classes_are_searched_too(problem: Callable[..., Any], task: Any):
    features, target, settings = problem(task, rows=150)
    folds = make_folds(task, target, folds=3, seed=0)
    search = replace(SEARCH, metric="log_loss", trials=3)
    result = tune(features, target, folds, default_pipeline, search, settings)
    assert 0 < result.score < np.log(settings.classes)


@pytest.fixture
def bent(problem: Callable[..., Any]) -> Callable[..., SearchResult]:
    """Search where a line and trees each know something that the other does not."""
    features, target, settings = problem("regression", rows=120)
    target = target + 3.0 * np.nan_to_num(features["size"] > 5)
    folds = make_folds("regression", target, folds=3, seed=0)
    settings = replace(settings, max_rounds=200)

    def run(search: SearchSettings = SEARCH, **arguments: Any) -> SearchResult:
        return tune(features, target, folds, default_pipeline, search, settings, **arguments)

    return run


def test_an_ensemble_is_better_than_the_best_trial_and_made_of_several(bent):
    alone, several = bent(), bent(replace(SEARCH, ensemble=4))
    assert len(alone.members) == 1
    assert 2 <= len(several.members) <= 4
    assert several.score < alone.score
    assert several.family == "ensemble"
    assert sum(member.weight for member in several.members) == pytest.approx(1)
    assert {best.family for best, _ in several.bests} == set(SEARCH.families)


def test_out_of_fold_predictions_are_of_rows_that_were_not_fitted_on(search):
    result = search(replace(SEARCH, trials=2))
    assert sorted(result.rows) == list(range(120))
    assert result.out_of_fold.shape == (120,)


@pytest.mark.parametrize("lost", [False, True])
def test_an_ensemble_of_a_search_that_was_killed_is_the_same(bent, tmp_path: Path, lost: bool):
    journal, wanted = tmp_path / "search.journal", replace(SEARCH, ensemble=4)
    with pytest.raises(KilledError):
        bent(wanted, journal=journal, on_trial=kill_after(5))
    kept = sorted((tmp_path / "search.predictions").glob("*.npy"))
    assert kept
    if lost:
        kept[0].unlink()
    resumed, undisturbed = bent(wanted, journal=journal), bent(wanted)
    assert len(undisturbed.members) > 1
    assert resumed.members == undisturbed.members
    np.testing.assert_array_equal(resumed.out_of_fold, undisturbed.out_of_fold)


def test_a_budget_of_seconds_is_kept_as_the_trials_that_it_allowed(search, tmp_path: Path):
    journal, wanted = tmp_path / "search.journal", replace(SEARCH, trials=50, timeout_seconds=0.3)
    allowed = search(wanted, journal=journal, on_trial=lambda trial: sleep(0.1))
    assert 1 <= len(allowed.trials) < 50
    assert search(wanted, journal=journal) == allowed
    assert proposals(search(replace(SEARCH, trials=len(allowed.trials)))) == proposals(allowed)
    longer = search(replace(wanted, trials=len(allowed.trials) + 1, timeout_seconds=60), journal=journal)
    assert len(longer.trials) == len(allowed.trials) + 1


def test_what_won_before_is_tried_first_if_it_still_can_be(search, tmp_path: Path):
    champion = FAMILIES["xgboost"].defaults() | {"max_depth": 4}
    first = (("xgboost", champion), ("xgboost", {"gamma": 1.0}), ("forest", {}))
    journal = tmp_path / "search.journal"
    result = search(replace(SEARCH, trials=3, first=first), journal=journal)
    assert [trial.params for trial in result.trials] == [
        champion,
        FAMILIES["xgboost"].defaults(),
        FAMILIES["linear"].defaults(),
    ]
    assert search(replace(SEARCH, trials=3), journal=journal) == result, "the journal knows what came first"
