"""The search of a project: the candidates that it tries first, and its rows."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from mlops_assets.components.model_project.assets.tuned_model import _read_rows
from mlops_assets.components.model_project.training.search import (
    TRIED,
    search_folds,
    tried_by_champion,
)
from mlops_assets.core import names
from mlops_assets.ml.search.training_data import TrainingData
from mlops_assets.stores.tracking.registry import Version
from mlops_assets_tests.support.shop import SETTINGS

FRAME = pd.DataFrame(
    {
        names.ROW_ID: range(6),
        names.SPLIT: [names.TRAIN] * 4 + [names.HOLDOUT] * 2,
        "income": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "purpose": ["car", "home", "car", "home", "car", "boat"],
        "outcome": ["paid", "late", "paid", "late", "paid", "paid"],
    }
)
TRIALS = json.dumps([["xgboost", {"eta": 0.1}], ["linear", {"penalty": 2.0}]])


def champion(**facts: str) -> Version:
    return Version("shop", 3, "run", "models:/shop/3", {TRIED: TRIALS, **facts})


def test_the_champion_of_a_static_project_is_tried_first():
    assert tried_by_champion(champion(), None) == [("xgboost", {"eta": 0.1}), ("linear", {"penalty": 2.0})]


@pytest.mark.parametrize(
    ("of", "at", "counts"), [("2025-03", "2025-06", 2), ("2025-06", "2025-06", 0), ("2025-06", "2025-03", 0)]
)
def test_a_cutoff_does_not_use_later_champions(of: str, at: str, counts: int):
    assert len(tried_by_champion(champion(cutoff=of), at)) == counts


def test_without_a_champion_or_its_candidates_nothing_is_tried_first():
    assert tried_by_champion(None, None) == []
    assert tried_by_champion(Version("shop", 3, "run", "models:/shop/3", {}), None) == []


def test_holdout_rows_do_not_influence_the_fit(make_project):
    project = make_project()
    changed = FRAME.copy()
    changed.loc[4:, ["income", "purpose", "outcome"]] = [[1e9, "yacht", "lost"], [np.nan, None, "stolen"]]
    before, after = (_read_rows(project, frame, None) for frame in (FRAME, changed))
    assert after.classes == before.classes == ("late", "paid")
    assert after.labelled is None
    assert len(before.train.target) == 4
    pd.testing.assert_frame_equal(after.train.features, before.train.features)
    for name, values in asdict(before.train).items():
        if isinstance(values, np.ndarray):
            np.testing.assert_array_equal(getattr(after.train, name), values)


@pytest.mark.parametrize("horizon", [1, 2, 3])
def test_the_folds_of_an_event_project_are_a_horizon_apart(make_project, horizon: int):
    project = make_project(**{**SETTINGS, "target": {"column": "quiet", "horizon": horizon}})
    periods = np.repeat([f"2024-{month:02}" for month in range(1, 9)], 2)
    target = np.tile([0, 1], 8)
    train = TrainingData(np.arange(16), pd.DataFrame({"recent": target}), target, None, periods)
    folds = search_folds(project, train)
    assert len(folds) == 2
    for fitted, predicted in folds:
        [holdout] = set(periods[predicted])
        newest = max(periods[fitted])
        assert project.time.periods.shift(newest, horizon) == holdout, "an overlapping target would leak"
