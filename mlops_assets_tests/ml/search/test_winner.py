"""The winner of a search: the best trial or an ensemble."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mlops_assets_tests.support.searches import SEARCH, KilledError, kill_after


def test_the_winner_is_the_best_complete_trial(search):
    result = search()
    best = min((trial for trial in result.trials if trial.state == "complete"), key=lambda trial: trial.score)
    assert (result.family, result.params, result.score) == (best.family, best.params, best.score)
    assert (result.rounds is None) is (result.family == "linear")


def test_an_ensemble_has_several_members_and_a_better_score_than_the_best_trial(bent):
    alone, several = bent(), bent(replace(SEARCH, ensemble=4))
    assert len(alone.members) == 1
    assert 2 <= len(several.members) <= 4
    assert several.score < alone.score
    assert several.family == "ensemble"
    assert sum(member.weight for member in several.members) == pytest.approx(1)
    assert {best.family for best, _ in several.bests} == set(SEARCH.families)


def test_out_of_fold_predictions_cover_each_row_once(search):
    result = search(replace(SEARCH, trials=2))
    assert sorted(result.rows) == list(range(120))
    assert result.out_of_fold.shape == (120,)


@pytest.mark.parametrize("lost", [False, True])
def test_an_ensemble_of_a_resumed_search_is_the_same(bent, tmp_path: Path, lost: bool):
    journal, wanted = tmp_path / "search.journal", replace(SEARCH, ensemble=4)
    with pytest.raises(KilledError):
        bent(wanted, journal=journal, on_trial=kill_after(5))
    kept = sorted((tmp_path / "search.predictions").glob("*.npy"))
    assert kept
    if lost:
        kept[0].unlink()
    resumed, uninterrupted = bent(wanted, journal=journal), bent(wanted)
    assert len(uninterrupted.members) > 1
    assert resumed.members == uninterrupted.members
    np.testing.assert_array_equal(resumed.out_of_fold, uninterrupted.out_of_fold)
