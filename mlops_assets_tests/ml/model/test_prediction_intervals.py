"""Bounds and sets from stored quantiles."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.model.prediction_intervals import (
    GroupQuantile,
    PredictionIntervals,
    PredictionSets,
    Quantiles,
    set_texts,
)

GROUPS = (
    GroupQuantile(("north", 1.0), 2.0, 50),
    GroupQuantile(("south", None), 3.0, 40),
    GroupQuantile((None, 1.0), 4.0, 30),
)
QUANTILES = Quantiles(1.0, ("region", "floor"), GROUPS)


def frame(regions, floors):
    return pd.DataFrame({"region": pd.Series(regions, dtype=object), "floor": np.array(floors, dtype=float)})


def test_each_row_has_the_quantile_of_its_group_and_others_that_of_all_others():
    regions = ["north", "south", np.nan, "north", "west", "south"]
    floors = [1.0, np.nan, 1.0, 2.0, 1.0, 1.0]
    found = QUANTILES.of(frame(regions, floors))
    np.testing.assert_array_equal(found, [2.0, 3.0, 4.0, 1.0, 1.0, 1.0])


def test_a_value_of_another_type_belongs_to_no_group():
    quantiles = Quantiles(1.0, ("floor",), (GroupQuantile((1.0,), 2.0, 50),))
    found = quantiles.of(pd.DataFrame({"floor": pd.Series(["1.0", 1.0], dtype=object)}))
    np.testing.assert_array_equal(found, [1.0, 2.0])


def test_bounds_are_the_quantile_times_the_spread_at_the_prediction():
    intervals = PredictionIntervals(0.9, 120, QUANTILES, (0.0, 10.0), (1.0, 3.0))
    predictions = np.array([-5.0, 5.0, 20.0])
    lower, upper = intervals.bounds(predictions, frame(["north", "west", "south"], [1.0, 1.0, np.nan]))
    np.testing.assert_allclose(upper - predictions, [2.0 * 1.0, 1.0 * 2.0, 3.0 * 3.0])
    np.testing.assert_allclose(predictions - lower, upper - predictions)


def test_intervals_and_sets_are_read_from_json_unchanged():
    intervals = PredictionIntervals(0.9, 120, QUANTILES, (0.0, 10.0), (1.0, 3.0))
    assert PredictionIntervals.of_json(json.loads(json.dumps(asdict(intervals)))) == intervals
    sets = PredictionSets(0.8, 60, (QUANTILES, Quantiles(0.4)))
    assert PredictionSets.of_json(json.loads(json.dumps(asdict(sets)))) == sets


PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.45, 0.45, 0.1], [0.34, 0.33, 0.33]])


def members(*quantiles):
    features = pd.DataFrame(index=range(3))
    return PredictionSets(0.9, 60, quantiles).members(PROBABILITIES, np.zeros(3, dtype=int), features)


def test_a_set_has_the_classes_that_are_likely_enough():
    expected = [[True, False, False], [True, True, False], [True, False, False]]
    np.testing.assert_array_equal(members(Quantiles(0.6)), expected)


def test_a_set_is_never_without_the_predicted_class():
    np.testing.assert_array_equal(members(Quantiles(0.1)), np.tile([True, False, False], (3, 1)))


def test_a_rare_class_with_a_quantile_of_its_own_is_in_more_sets():
    found = members(Quantiles(0.4), Quantiles(0.4), Quantiles(0.9))
    np.testing.assert_array_equal(found[:, 2], [True, True, True])
    np.testing.assert_array_equal(found[:, 1], [False, False, False])


@pytest.mark.parametrize(
    ("labels", "texts"),
    [
        (["no", "a, b", 'ü"'], ['["no"]', '["a, b", "ü\\""]']),
        ([0, 1, 2], ["[0]", "[1, 2]"]),
        ([False, True, 0.5], ["[false]", "[true, 0.5]"]),
    ],
)
def test_a_set_is_a_json_list_of_its_labels(labels, texts):
    rows = np.array([[True, False, False], [False, True, True]])
    found = set_texts(rows, labels)
    assert found.tolist() == texts
    assert [json.loads(text) for text in found] == [labels[:1], labels[1:]]
    assert len(set_texts(rows[:0], labels)) == 0
