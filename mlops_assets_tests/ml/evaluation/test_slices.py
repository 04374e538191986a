"""Slices: cut as people would, told from the rest only when they are worse, and not found in noise."""

import math

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.evaluation.column_groups import cut
from mlops_assets.ml.evaluation.slices import LEAST_ROWS, find_weakest, holm, score_slices

ROWS = 4_000


def mean_of(losses: np.ndarray):
    return lambda rows: (float(losses[rows].mean()), float(losses[rows].min()), float(losses[rows].max()))


@pytest.fixture
def features() -> pd.DataFrame:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({f"x{index}": random.normal(size=ROWS) for index in range(6)})
    frame["colour"] = random.choice(["red", "blue", "green"], ROWS)
    return frame


def test_numbers_are_cut_into_quantiles_and_named_by_what_is_in_them():
    made = cut(pd.Series([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, np.nan]), name="age", quantiles=3)
    assert made.labels == ["1 to 3", "4 to 6", "7 to 9", "missing"]
    assert made.groups.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert made.is_ordered


def test_equal_numbers_are_never_parted():
    made = cut(pd.Series([0.0] * 80 + list(range(1, 21))), name="visits")
    assert made.labels[0] == "0"
    assert (made.groups[:80] == made.groups[0]).all()
    assert made.groups[80:].min() > made.groups[0]


def test_texts_are_cut_by_their_most_frequent_values():
    made = cut(pd.Series([*list("aaabbc"), None, *list("defghij")]), name="kind", values=3)
    assert made.labels == ["a", "b", "other values", "missing"]
    assert np.bincount(made.groups).tolist() == [3, 2, 8, 1]
    assert not made.is_ordered


def test_few_numbers_are_values_and_so_are_truths():
    assert cut(pd.Series([1.0, 2.0, 1.0]), name="rooms").labels == ["1", "2"]
    assert cut(pd.Series([True, False, True]), name="is_new").labels == ["True", "False"]


def test_only_the_slice_that_is_worse_is_marked(features):
    losses = np.random.default_rng(2).gamma(2.0, 1.0, ROWS)
    losses[features["colour"] == "red"] *= 1.5
    found = {
        each.value: each
        for each in score_slices([cut(features["colour"], name="colour")], losses, mean_of(losses))
    }
    assert [value for value, each in found.items() if each.is_worse] == ["red"]
    red = losses[features["colour"] == "red"]
    assert found["red"].score == pytest.approx(red.mean())
    assert found["red"].ratio == pytest.approx(red.mean() / losses.mean())


def test_a_slice_of_few_rows_is_counted_and_not_judged():
    values = pd.Series(["rare"] * (LEAST_ROWS - 1) + ["common"] * 200)
    losses = np.where(values == "rare", 100.0, np.linspace(0, 1, len(values)))
    rare = next(
        each
        for each in score_slices([cut(values, name="kind")], losses, mean_of(losses))
        if each.value == "rare"
    )
    assert rare.rows == LEAST_ROWS - 1
    assert math.isnan(rare.score)
    assert math.isnan(rare.chance)
    assert not rare.is_worse


def test_a_weak_corner_of_two_columns_is_found_and_measured_on_other_rows(features):
    losses = np.random.default_rng(3).gamma(2.0, 1.0, ROWS)
    corner = (features["x2"] > 0.9) & (features["colour"] == "blue")
    losses[corner] *= 4.0
    found = find_weakest(features, losses, mean_of(losses), seed=0)
    assert found is not None
    worst = found.slices[0]
    assert worst.column in ("x2 and colour", "colour and x2")
    assert "blue" in worst.value
    assert (found.searched, found.measured) == (ROWS // 2, ROWS // 2)
    assert worst.rows < found.measured / 4
    assert worst.score > 2.5 * losses.mean()


def test_in_noise_thousands_of_slices_are_looked_at_and_none_is_found(features):
    found = [
        find_weakest(
            features, losses := np.random.default_rng(seed).gamma(2.0, 1.0, ROWS), mean_of(losses), seed=seed
        )
        for seed in range(20)
    ]
    assert all(each is not None and each.candidates > 300 for each in found)
    assert sum(bool(each.slices) for each in found if each) <= 3, "one in twenty is what chance allows"


def test_two_slices_are_not_the_same_rows_twice(features):
    losses = np.random.default_rng(4).gamma(2.0, 1.0, ROWS)
    features["twin"] = features["x0"] * 2
    losses[features["x0"] > 1] *= 3
    found = find_weakest(features, losses, mean_of(losses), seed=0)
    assert found is not None
    assert [each.column for each in found.slices] == ["x0"] or [each.column for each in found.slices] == [
        "twin"
    ]


def test_of_few_rows_nothing_is_searched(features):
    assert find_weakest(features.head(399), np.ones(399), mean_of(np.ones(399)), seed=0) is None


def test_losses_that_are_all_the_same_have_no_weak_slice(features):
    found = find_weakest(features, np.ones(ROWS), mean_of(np.ones(ROWS)), seed=0)
    assert found is not None
    assert found.slices == []


def test_p_values_are_adjusted_step_by_step():
    adjusted = holm([0.01, 0.04, 0.03, float("nan")])
    assert adjusted[:3] == pytest.approx([0.03, 0.06, 0.06])
    assert math.isnan(adjusted[3])
