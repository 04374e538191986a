"""If one of these fails, scikit-learn changed how it keeps boosted trees, or moved a class."""

import numpy as np
import pytest
from sklearn.compose import make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from mlops_assets.compat.sklearn import (
    MAKE_COLUMN_SELECTOR,
    baseline_prediction,
    boosted_trees,
    keep_iterations,
)


@pytest.fixture
def matrix():
    return np.random.default_rng(0).normal(size=(200, 3))


def test_the_column_selector_has_the_path_that_saved_models_name():
    assert f"{make_column_selector.__module__}.{make_column_selector.__qualname__}" == MAKE_COLUMN_SELECTOR


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_model_with_fewer_iterations_predicts_what_it_predicted_at_that_stage(matrix, rounds):
    model = HistGradientBoostingRegressor(max_iter=5, random_state=0).fit(matrix, matrix[:, 0])
    staged = list(model.staged_predict(matrix))[rounds - 1]
    keep_iterations(model, rounds)
    assert len(boosted_trees(model)) == rounds
    assert model.predict(matrix).tolist() == staged.tolist()


def test_the_baseline_is_the_prediction_of_a_model_without_trees(matrix):
    model = HistGradientBoostingRegressor(max_iter=2, random_state=0).fit(matrix, matrix[:, 0])
    keep_iterations(model, 0)
    assert model.predict(matrix[:1]).tolist() == pytest.approx(baseline_prediction(model).tolist())


def test_each_class_has_a_tree_of_nodes_with_the_fields_that_are_converted(matrix):
    model = HistGradientBoostingClassifier(max_iter=2, random_state=0).fit(matrix, np.arange(200) % 3)
    trees = boosted_trees(model)
    assert [len(iteration) for iteration in trees] == [3, 3]
    fields = {
        "is_leaf",
        "left",
        "right",
        "feature_idx",
        "num_threshold",
        "missing_go_to_left",
        "value",
        "count",
    }
    assert fields <= set(trees[0][0].dtype.names)
