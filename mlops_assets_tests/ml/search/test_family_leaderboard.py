"""What each family came to and costs."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.model.ensemble import Member
from mlops_assets.ml.model.tabular_model import ModelSpec, TabularModel
from mlops_assets.ml.search.family_leaderboard import build_leaderboard
from mlops_assets.ml.search.search import SearchSettings, tune
from mlops_assets.ml.search.splits import make_folds


def test_each_familys_best_the_ensemble_and_the_baseline_are_measured(problem: Callable[..., Any]):
    features, target, settings = problem("regression", rows=150)
    folds = make_folds("regression", target, folds=2, seed=0)
    search = SearchSettings(families=("xgboost", "linear"), metric="rmse", trials=3, ensemble=3)
    result = tune(features, target, folds, default_pipeline, search, settings)
    members = (*result.bests[0][:1], Member("linear", {"penalty": 1.0}, None, 0.5))
    spec = ModelSpec(
        project="garage",
        task="regression",
        target="price",
        table=None,
        columns=(),
        features=tuple(features.columns),
        classes=(),
        family="ensemble",
        params={},
        rounds=None,
        seed=0,
        members=members,
    )
    model = TabularModel.fit(spec, "", features, target, default_pipeline, settings)
    rows = build_leaderboard(model, result, features, target, settings, fit_seconds=1.5)
    found = {row.name: row for row in rows}
    names = ["xgboost", "linear", "linear baseline"]
    assert list(found) == (["ensemble", *names] if len(result.members) > 1 else names)
    for best, score in result.bests:
        assert found[best.family].score == score
        assert np.isfinite(score)
    assert found["linear baseline"].score == result.trials[1].score, "its parameters were tried"
    assert all(row.single_row_milliseconds > 0 and row.batch_rows_per_second > 0 for row in rows)
    assert found["xgboost"].size_bytes > found["linear"].size_bytes > 1000
