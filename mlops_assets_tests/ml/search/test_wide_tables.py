"""The first trials of a search over many columns."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.families import FAMILIES, FAMILY_NAMES, Settings
from mlops_assets.ml.families.wide_tables import first_defaults, first_portfolio
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.search.search import tune
from mlops_assets.ml.search.splits import make_folds
from mlops_assets_tests.support.searches import SEARCH

WIDE, NARROW, LONG = (1_000, 400), (1_000, 250), (2_000, 400)


@pytest.mark.parametrize("shape", [NARROW, LONG])
def test_tables_with_few_columns_or_many_rows_have_the_usual_first_trials(shape):
    for name in ("xgboost", "linear", "hist_gradient_boosting"):
        assert first_defaults(name, *shape) == FAMILIES[name].defaults()
        assert first_portfolio(name, *shape) == FAMILIES[name].portfolio()


def test_trees_of_wide_tables_are_shallow():
    trials = [first_defaults("xgboost", *WIDE), *first_portfolio("xgboost", *WIDE)]
    assert [trial["max_depth"] for trial in trials] == [4, 3, 5]
    assert all(set(trial) == set(FAMILIES["xgboost"].defaults()) for trial in trials)
    assert "linear" in FAMILY_NAMES
    assert first_defaults("linear", *WIDE) == FAMILIES["linear"].defaults()


def test_a_search_over_many_columns_starts_with_them():
    random = np.random.default_rng(0)
    features = pd.DataFrame(random.normal(size=(60, 260))).add_prefix("x")
    target = features["x0"].to_numpy() + random.normal(size=60)
    settings = replace(Settings("regression", 1, seed=0, threads=1), max_rounds=5)
    search = replace(SEARCH, families=("xgboost",), trials=2)
    folds = make_folds("regression", target, folds=2, seed=0)
    result = tune(features, target, folds, default_pipeline, search, settings)
    shape = features.shape
    assert [trial.params for trial in result.trials] == [
        first_defaults("xgboost", *shape),
        first_portfolio("xgboost", *shape)[0],
    ]
