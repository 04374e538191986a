"""Past trainings, read from a real tracking store."""

import math

import pytest

from mlops_assets.stores.tracking.training_history import past_trainings
from mlops_assets_tests.support.trainings import train


def test_trainings_are_listed_newest_first_with_version_and_champion(tracking):
    train(tracking, rmse=1.0, cutoff="2024-05", start=1_000, register=True)
    best = train(tracking, rmse=0.5, cutoff="2024-06", start=2_000, register=True)
    train(tracking, rmse=None, cutoff="2024-07", start=3_000)
    tracking.registry.promote("lending", 2)
    unevaluated, found, first = past_trainings(tracking, "lending")
    assert (found.version, found.champion, first.version, first.champion) == (2, True, 1, False)
    assert (found.metric, found.score, found.low, found.high, found.baseline) == ("rmse", 0.5, 0.4, 0.6, 2.0)
    assert found.metrics == {"r2": 0.5, "rmse": 0.5}
    assert (found.cutoff, found.family, found.mlflow_run_id) == ("2024-06", "xgboost", best)
    assert (found.data_version, found.data_digest, found.dagster_run_id) == (4, "abc", "run 2000")
    assert found.trained_at.isoformat() == "1970-01-01T00:00:02+00:00"
    assert (unevaluated.version, unevaluated.metric, unevaluated.metrics) == (None, "", {})
    assert math.isnan(unevaluated.score)


def test_trials_are_excluded_and_all_pages_are_read(tracking, monkeypatch):
    monkeypatch.setattr("mlops_assets.stores.tracking.training_history._PAGE_SIZE", 2)
    for start in range(5):
        train(tracking, rmse=1.0, cutoff="2024-05", start=start)
    tracking.client.create_run(tracking.experiment("lending"), tags={"mlflow.parentRunId": "x"})
    assert len(past_trainings(tracking, "lending")) == 5


@pytest.mark.parametrize("known", [True, False])
def test_an_untrained_project_has_no_trainings(tracking, known):
    if known:
        tracking.experiment("lending")
    assert past_trainings(tracking, "lending") == []
