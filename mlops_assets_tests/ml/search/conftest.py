"""Searches on small regressions."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.search.search import SearchResult, SearchSettings, tune
from mlops_assets.ml.search.splits import make_folds
from mlops_assets_tests.support.searches import SEARCH


@pytest.fixture
def search(problem: Callable[..., Any]) -> Callable[..., SearchResult]:
    """Search on a small regression."""
    features, target, settings = problem("regression", rows=120)
    folds = make_folds("regression", target, folds=3, seed=0)

    def run(search: SearchSettings = SEARCH, **arguments: Any) -> SearchResult:
        return tune(features, target, folds, default_pipeline, search, settings, **arguments)

    return run


@pytest.fixture
def bent(problem: Callable[..., Any]) -> Callable[..., SearchResult]:
    """Search on a target to which a linear model and trees contribute different information."""
    features, target, settings = problem("regression", rows=120)
    target = target + 3.0 * np.nan_to_num(features["size"] > 5)
    folds = make_folds("regression", target, folds=3, seed=0)
    settings = replace(settings, max_rounds=200)

    def run(search: SearchSettings = SEARCH, **arguments: Any) -> SearchResult:
        return tune(features, target, folds, default_pipeline, search, settings, **arguments)

    return run
