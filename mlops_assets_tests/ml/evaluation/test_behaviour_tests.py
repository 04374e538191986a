"""Behavioural tests pass a correct model and fail one with a planted error."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.evaluation.behaviour_tests import (
    MAX_ROWS,
    BehaviourResult,
    BehaviourTest,
    Direction,
    Example,
    Invariance,
    evaluate_behaviour,
)
from mlops_assets.ml.evaluation.model_under_test import ModelUnderTest

ROWS = pd.DataFrame(
    {"size": [1.0, 2.0, 3.0, np.nan], "rooms": [1, 2, 3, 4], "colour": ["red", "blue", "red", None]}
)


def regression(score: Callable[[pd.DataFrame], pd.Series]) -> ModelUnderTest:
    """A model of prices, reported in thousands."""
    return ModelUnderTest(
        task="regression",
        classes=(),
        unit="thousands",
        unit_size=1_000.0,
        score=lambda rows: score(rows).to_numpy(dtype=float),
        predict_class=lambda rows: [],
    )


def classifier(probability: Callable[[pd.DataFrame], np.ndarray]) -> ModelUnderTest:
    return ModelUnderTest(
        task="binary",
        classes=("late", "paid"),
        unit="",
        unit_size=1.0,
        score=probability,
        predict_class=lambda rows: ["paid" if each >= 0.5 else "late" for each in probability(rows)],
    )


def result(test: BehaviourTest, model: ModelUnderTest, rows: pd.DataFrame = ROWS) -> BehaviourResult:
    [found] = evaluate_behaviour([test], model, rows, seed=0)
    return found


def by_size(rows: pd.DataFrame) -> pd.Series:
    return 1_000.0 * rows["size"].fillna(0.0)


def by_colour(rows: pd.DataFrame) -> pd.Series:
    return by_size(rows) + 500.0 * (rows["colour"] == "red")


def test_invariance_fails_a_model_that_depends_on_the_column():
    test = Invariance("invariance_colour", "colour", at_most=0.1)
    assert result(test, regression(by_size)).passed
    found = result(test, regression(by_colour))
    assert (found.passed, found.holding, found.rows) == (False, 0.0, 4)
    assert "setting colour to red or blue changes the prediction by at most 0.1 (thousands)" in found.asked
    assert "0 % of the rows pass; largest change 0.500 (thousands)" in found.found
    assert result(replace(test, at_most=0.5), regression(by_colour)).passed


def test_invariance_may_be_required_of_a_share_of_the_rows():
    test = Invariance("invariance_colour", "colour", at_most=0.1, values=("red",), share=0.5)
    found = result(test, regression(by_colour))
    assert (found.passed, found.holding) == (True, 0.5), "two of four rows are red already"
    assert not result(replace(test, share=0.51), regression(by_colour)).passed


def test_a_numeric_column_may_be_shifted_instead_of_set():
    jumpy = regression(lambda rows: 1_000.0 * (rows["size"] > 2.05))
    test = Invariance("invariance_size", "size", at_most=0.5, by=0.1)
    found = result(test, jumpy)
    assert found.holding == 0.75, "the row of size 2 jumps"
    assert found.asked.startswith("shifting size by ±0.1 changes the prediction by at most 0.5")
    assert result(replace(test, by=0.01), jumpy).passed


def test_invariance_of_more_than_two_classes_uses_the_largest_change():
    model = replace(
        classifier(lambda rows: np.empty(0)),
        task="multiclass",
        classes=("a", "b", "c"),
        score=lambda rows: np.column_stack(
            [np.full(len(rows), 0.4), 0.6 * (rows["colour"] == "red"), 0.6 * (rows["colour"] != "red")]
        ),
    )
    found = result(Invariance("invariance_colour", "colour", at_most=0.3), model)
    assert (found.passed, found.holding) == (False, 0.0)


def test_direction_fails_a_model_with_the_wrong_sign():
    test = Direction("direction_size", "size", by=1.0, prediction="rises")
    found = result(test, regression(by_size))
    assert (found.passed, found.rows) == (True, 3), "a row with a missing size is left out"
    assert found.found == "100 % of the rows pass; on average the prediction rises by 1.00 (thousands)"
    wrong = result(test, regression(lambda rows: -by_size(rows)))
    assert (wrong.passed, wrong.holding) == (False, 0.0)
    assert "on average the prediction falls by 1.00 (thousands)" in wrong.found
    assert result(replace(test, prediction="falls"), regression(lambda rows: -by_size(rows))).passed


def test_direction_fails_a_model_that_ignores_the_column():
    found = result(Direction("direction_rooms", "rooms", by=1, prediction="rises"), regression(by_size))
    assert (found.passed, found.holding) == (False, 1.0)
    assert "on average the prediction does not change" in found.found


def test_direction_tolerates_a_small_change_in_the_opposite_direction():
    wavy = regression(lambda rows: by_size(rows) - 1_200.0 * (rows["size"] == 3.0))
    test = Direction("direction_size", "size", by=1.0, prediction="rises")
    assert result(test, wavy).holding == pytest.approx(2 / 3)
    assert result(replace(test, tolerance=0.2), wavy).passed
    assert result(replace(test, share=0.6), wavy).passed


def test_direction_of_a_class_uses_the_probability_of_that_class():
    model = classifier(lambda rows: rows["rooms"].to_numpy() / 10)
    rises = Direction("direction_rooms", "rooms", by=1, prediction="rises")
    assert result(rises, model).passed
    assert result(replace(rises, of_class="paid"), model).passed
    found = result(replace(rises, of_class="late"), model)
    assert (found.passed, found.asked) == (False, "increasing rooms by 1 raises the probability of late")
    assert "on average the probability of late falls by 0.100" in found.found


@pytest.mark.parametrize(
    ("expected", "passed"),
    [
        ({"low": 2.0}, True),
        ({"low": 2.1}, False),
        ({"high": 1.9}, False),
        ({"low": 1.9, "high": 2.1}, True),
    ],
)
def test_an_example_passes_if_the_prediction_is_in_its_range(expected: dict[str, float], passed: bool):
    found = result(Example("example_flat", {"size": 2.0, "rooms": 3}, **expected), regression(by_size))
    assert (found.passed, found.holding, found.found) == (passed, float(passed), "it is 2.00 (thousands)")
    assert found.asked.startswith("for a row with size 2.0 and rooms 3, the prediction is ")


def test_an_example_passes_if_its_class_is_predicted():
    model = classifier(lambda rows: rows["rooms"].to_numpy() / 10)
    assert result(Example("example_big", {"rooms": 6}, label="paid"), model).passed
    found = result(Example("example_small", {"rooms": 2}, label="paid"), model)
    assert (found.passed, found.asked, found.found) == (
        False,
        "for a row with rooms 2, the class is paid",
        "it is late",
    )


def test_at_most_max_rows_are_tested():
    seen: list[int] = []

    def score(rows: pd.DataFrame) -> pd.Series:
        seen.append(len(rows))
        return rows["size"]

    rows = pd.DataFrame({"size": np.arange(3 * MAX_ROWS, dtype=float)})
    found = result(Direction("direction_size", "size", by=1, prediction="rises"), regression(score), rows)
    assert found.rows == max(seen) == MAX_ROWS


def test_results_quote_no_values_of_sensitive_columns():
    model = regression(by_colour)
    tests = [
        Invariance("colour", "colour", at_most=1.0),
        Example("small", {"size": 1.0, "colour": "red"}, low=0.0),
    ]
    found = evaluate_behaviour(tests, model, ROWS, seed=0, sensitive={"colour"})
    assert found[0].asked.startswith("setting colour to 2 values changes the prediction")
    assert found[1].asked.startswith("for a row with size 1.0, ")
