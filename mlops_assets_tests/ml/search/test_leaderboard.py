"""The leaderboard: each family with its score and its costs, stored as JSON."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_assets.core.errors import ModelError
from mlops_assets.ml.families import FAMILIES
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.model.ensemble import ENSEMBLE, Member
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.search.leaderboard import (
    LeaderboardEntry,
    build_leaderboard,
    read_leaderboard,
    write_leaderboard,
)
from mlops_assets.ml.search.search import SearchSettings, tune
from mlops_assets.ml.search.splits import make_folds


@pytest.mark.parametrize(("trials", "linear"), [(2, []), (3, ["linear"])])
def test_the_best_of_each_family_the_ensemble_and_once_the_linear_baseline_are_measured(
    problem: Callable[..., Any], trials: int, linear: list[str]
):
    """The second trial has the parameters of the baseline; the third is a better linear model."""
    features, target, settings = problem("regression", rows=150)
    folds = make_folds("regression", target, folds=2, seed=0)
    search = SearchSettings(families=("xgboost", "linear"), metric="rmse", trials=trials, ensemble=3)
    result = tune(features, target, folds, default_pipeline, search, settings)
    members = (*result.bests[0][:1], Member("linear", {"penalty": 1.0}, None, 0.5))
    model = TabularModel.fit(spec_of(features, members), "", features, target, default_pipeline, settings)
    rows = build_leaderboard(model, result, features, target, settings, fit_seconds=1.5)
    found = {row.name: row for row in rows}
    names = ["xgboost", *linear, "linear baseline"]
    assert list(found) == (["ensemble", *names] if len(result.members) > 1 else names)
    for best, score in result.bests:
        assert (
            found["linear baseline" if best.family == "linear" and not linear else best.family].score == score
        )
        assert np.isfinite(score)
    assert found["linear baseline"].score == result.trials[1].score, "its parameters were tried"
    assert all(row.single_row_milliseconds > 0 and row.batch_rows_per_second > 0 for row in rows)
    assert found["xgboost"].size_bytes > found["linear baseline"].size_bytes > 1000


def test_members_of_an_ensemble_are_not_fitted_again(
    problem: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
):
    features, target, settings = problem("regression", rows=150)
    folds = make_folds("regression", target, folds=2, seed=0)
    search = SearchSettings(families=("xgboost", "extra_trees"), metric="rmse", trials=2, ensemble=3)
    result = tune(features, target, folds, default_pipeline, search, settings)
    members = tuple(replace(best, weight=0.5) for best, _ in result.bests)
    result = replace(result, family=ENSEMBLE, members=members)
    model = TabularModel.fit(spec_of(features, members), "", features, target, default_pipeline, settings)
    fitted: list[str] = []
    for name in ("xgboost", "extra_trees", "linear"):
        family = FAMILIES[name]
        monkeypatch.setattr(type(family), "fit", counted(type(family).fit, fitted))
    rows = build_leaderboard(model, result, features, target, settings, fit_seconds=1.5)
    assert [row.name for row in rows] == [ENSEMBLE, "xgboost", "extra_trees", "linear baseline"]
    assert fitted == ["linear"]
    assert all(row.fit_seconds > 0 for row in rows)


def spec_of(features: pd.DataFrame, members: tuple[Member, ...]) -> ModelSpec:
    return ModelSpec(
        project="garage",
        task="regression",
        target="price",
        table=None,
        columns=(),
        features=tuple(features.columns),
        classes=(),
        family=ENSEMBLE,
        params={},
        rounds=None,
        seed=0,
        members=members,
    )


def counted(fit: Callable[..., Any], names: list[str]) -> Callable[..., Any]:
    """A fit that lists the name of its family."""

    def fit_and_count(family: Any, *arguments: Any) -> Any:
        names.append(family.name)
        return fit(family, *arguments)

    return fit_and_count


def test_a_leaderboard_is_stored_under_fixed_keys_with_null_for_an_unknown_number():
    entries = [
        LeaderboardEntry("xgboost", "xgboost", 0.4, 0.5, 1.5, 2.5, 1e5, 2048, note="not stored"),
        LeaderboardEntry("linear baseline", "linear"),
    ]
    text = write_leaderboard(entries)
    numbers = ("score", "fit_seconds", "single_row_milliseconds", "batch_rows_per_second", "size_bytes")
    assert json.loads(text) == [
        {"name": "xgboost", "family": "xgboost"}
        | dict(zip(numbers, (0.4, 1.5, 2.5, 1e5, 2048), strict=True)),
        {"name": "linear baseline", "family": "linear"} | dict.fromkeys(numbers),
    ]
    xgboost, linear = read_leaderboard(text)
    assert (xgboost.score, xgboost.size_bytes, xgboost.note) == (0.4, 2048, "")
    assert math.isnan(linear.score)
    assert math.isnan(xgboost.holdout)


def test_unknown_keys_of_a_stored_leaderboard_are_ignored_and_missing_numbers_are_nan():
    stored = [
        {
            "name": "ensemble",
            "family": "ensemble",
            "score": 0.41,
            "fit_seconds": 12,
            "size_bytes": None,
            "seed": 3,
        },
        {"name": "linear baseline", "family": "linear"},
    ]
    ensemble, linear = read_leaderboard(json.dumps(stored))
    assert (ensemble.name, ensemble.score, ensemble.fit_seconds) == ("ensemble", 0.41, 12.0)
    assert all(math.isnan(value) for value in (ensemble.size_bytes, ensemble.holdout, linear.score))


@pytest.mark.parametrize(
    "text", ["{", '{"name": 1}', '[{"family": "linear"}]', '[{"name": "a", "family": "b", "score": "x"}]']
)
def test_a_file_that_is_not_a_leaderboard_is_an_error(text):
    with pytest.raises(ModelError, match=r"leaderboard.json of the run can't be read"):
        read_leaderboard(text)
