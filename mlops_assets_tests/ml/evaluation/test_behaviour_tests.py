"""Behavioural tests tell a model that does what it must from one that was made wrong on purpose."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.evaluation.behaviour_tests import (
    MOST_ROWS,
    BehaviourResult,
    BehaviourTest,
    Direction,
    Example,
    Invariance,
    Subject,
    run_behaviour,
)

ROWS = pd.DataFrame(
    {"size": [1.0, 2.0, 3.0, np.nan], "rooms": [1, 2, 3, 4], "colour": ["red", "blue", "red", None]}
)


def regression(score: Callable[[pd.DataFrame], pd.Series]) -> Subject:
    """A model of prices in thousands."""
    return Subject(
        task="regression",
        classes=(),
        unit="thousands",
        unit_size=1_000.0,
        score=lambda rows: score(rows).to_numpy(dtype=float),
        choose=lambda rows: [],
    )


def classifier(probability: Callable[[pd.DataFrame], np.ndarray]) -> Subject:
    return Subject(
        task="binary",
        classes=("late", "paid"),
        unit="",
        unit_size=1.0,
        score=probability,
        choose=lambda rows: ["paid" if each >= 0.5 else "late" for each in probability(rows)],
    )


def result(test: BehaviourTest, subject: Subject, rows: pd.DataFrame = ROWS) -> BehaviourResult:
    [found] = run_behaviour([test], subject, rows, seed=0)
    return found


def by_size(rows: pd.DataFrame) -> pd.Series:
    return 1_000.0 * rows["size"].fillna(0.0)


def by_colour(rows: pd.DataFrame) -> pd.Series:
    return by_size(rows) + 500.0 * (rows["colour"] == "red")


def test_a_column_that_must_not_matter_fails_a_model_that_looks_at_it():
    test = Invariance("invariance_colour", "colour", at_most=0.1)
    assert result(test, regression(by_size)).passed
    found = result(test, regression(by_colour))
    assert (found.passed, found.holding, found.rows) == (False, 0.0, 4)
    assert "setting colour to red or blue moves the prediction by at most 0.1 (thousands)" in found.asked
    assert "the largest move is 0.500 (thousands)" in found.found
    assert result(replace(test, at_most=0.5), regression(by_colour)).passed


def test_a_share_of_the_rows_may_be_moved():
    test = Invariance("invariance_colour", "colour", at_most=0.1, values=("red",), share=0.5)
    found = result(test, regression(by_colour))
    assert (found.passed, found.holding) == (True, 0.5), "two of four rows are red already"
    assert not result(replace(test, share=0.51), regression(by_colour)).passed


def test_a_column_may_be_moved_instead_of_set():
    jumpy = regression(lambda rows: 1_000.0 * (rows["size"] > 2.05))
    test = Invariance("invariance_size", "size", at_most=0.5, by=0.1)
    assert result(test, jumpy).holding == 0.75, "the row of size 2 jumps"
    assert result(replace(test, by=0.01), jumpy).passed


def test_of_more_than_two_classes_the_largest_move_counts():
    subject = replace(
        classifier(lambda rows: np.empty(0)),
        task="multiclass",
        classes=("a", "b", "c"),
        score=lambda rows: np.column_stack(
            [np.full(len(rows), 0.4), 0.6 * (rows["colour"] == "red"), 0.6 * (rows["colour"] != "red")]
        ),
    )
    found = result(Invariance("invariance_colour", "colour", at_most=0.3), subject)
    assert (found.passed, found.holding) == (False, 0.0)


def test_more_must_raise_and_a_model_with_the_wrong_sign_fails():
    test = Direction("direction_size", "size", by=1.0, prediction="rises")
    found = result(test, regression(by_size))
    assert (found.passed, found.rows) == (True, 3), "a row without a size has nothing to add to"
    assert "on average it rises by 1.00 (thousands)" in found.found
    wrong = result(test, regression(lambda rows: -by_size(rows)))
    assert (wrong.passed, wrong.holding) == (False, 0.0)
    assert "on average it falls by 1.00 (thousands)" in wrong.found
    assert result(replace(test, prediction="falls"), regression(lambda rows: -by_size(rows))).passed


def test_a_model_that_ignores_the_column_does_not_rise():
    found = result(Direction("direction_rooms", "rooms", by=1, prediction="rises"), regression(by_size))
    assert (found.passed, found.holding) == (False, 1.0)
    assert "on average it does not move" in found.found


def test_a_small_step_the_other_way_may_be_tolerated():
    wavy = regression(lambda rows: by_size(rows) - 1_200.0 * (rows["size"] == 3.0))
    test = Direction("direction_size", "size", by=1.0, prediction="rises")
    assert result(test, wavy).holding == pytest.approx(2 / 3)
    assert result(replace(test, tolerance=0.2), wavy).passed
    assert result(replace(test, share=0.6), wavy).passed


def test_the_probability_of_the_first_class_falls_where_that_of_the_second_rises():
    subject = classifier(lambda rows: rows["rooms"].to_numpy() / 10)
    rises = Direction("direction_rooms", "rooms", by=1, prediction="rises")
    assert result(rises, subject).passed
    assert result(replace(rises, of_class="paid"), subject).passed
    assert not result(replace(rises, of_class="late"), subject).passed


@pytest.mark.parametrize(
    ("expected", "passed"),
    [
        ({"low": 2.0}, True),
        ({"low": 2.1}, False),
        ({"high": 1.9}, False),
        ({"low": 1.9, "high": 2.1}, True),
    ],
)
def test_an_example_lies_in_its_range(expected: dict[str, float], passed: bool):
    found = result(Example("example_flat", {"size": 2.0, "rooms": 3}, **expected), regression(by_size))
    assert (found.passed, found.holding, found.found) == (passed, float(passed), "it is 2.00 (thousands)")
    assert found.asked.startswith("a row with size 2.0 and rooms 3: the prediction is ")


def test_an_example_has_its_class():
    subject = classifier(lambda rows: rows["rooms"].to_numpy() / 10)
    assert result(Example("example_big", {"rooms": 6}, label="paid"), subject).passed
    found = result(Example("example_small", {"rooms": 2}, label="paid"), subject)
    assert (found.passed, found.asked, found.found) == (
        False,
        "a row with rooms 2: is predicted as paid",
        "it is late",
    )


def test_of_many_rows_a_bounded_number_is_looked_at():
    seen: list[int] = []

    def score(rows: pd.DataFrame) -> pd.Series:
        seen.append(len(rows))
        return rows["size"]

    rows = pd.DataFrame({"size": np.arange(3 * MOST_ROWS, dtype=float)})
    found = result(Direction("direction_size", "size", by=1, prediction="rises"), regression(score), rows)
    assert found.rows == max(seen) == MOST_ROWS
