"""Doubts about targets: rare classes, caps, long tails and few rows, at their boundaries."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.doubts.target import capped_target, class_imbalance, long_tail, too_few_rows


def classes(**counts: int) -> pd.Series:
    return pd.Series([label for label, count in counts.items() for _ in range(count)])


@pytest.mark.parametrize(
    ("counts", "rare"),
    [
        ({"paid": 950, "late": 50}, False),
        ({"paid": 951, "late": 49}, True),
        ({"a": 500, "b": 466, "c": 34}, False),
        ({"a": 500, "b": 467, "c": 33}, True),
        ({"only": 90}, False),
    ],
)
def test_a_class_below_a_tenth_of_an_equal_share_is_rare(counts, rare):
    assert (class_imbalance(classes(**counts), "outcome") is not None) is rare


def test_a_rare_class_is_named_with_its_share_and_what_to_declare():
    found = class_imbalance(classes(paid=970, late=30), "outcome")
    assert str(found) == (
        "class late of outcome has 30 of 1,000 rows (3.0 %): compare models by tuning.metric: "
        "average_precision instead of accuracy, and declare tuning.class_weight: balanced or "
        "tuning.decision: {metric: f1}"
    )
    several = class_imbalance(classes(a=500, b=480, c=20), "kind")
    assert several is not None
    assert "split.method: stratified" in several.advice


def values(capped: int, *, at: float = 5.0) -> pd.Series:
    """A thousand values below a cap, and as many rows at it as wanted."""
    return pd.Series([*np.linspace(1, 4.9, 1_000 - capped), *[at] * capped])


@pytest.mark.parametrize(("capped", "doubted"), [(9, False), (10, True)])
def test_one_per_cent_of_the_rows_at_the_maximum_is_a_cap(capped, doubted):
    assert (capped_target(values(capped), "price") is not None) is doubted


def test_a_cap_is_named_with_the_setting():
    found = capped_target(values(50, at=5.00001), "price")
    assert str(found) == (
        "50 of 1,000 rows (5.0 %) have the maximum of price, 5.00001: if values beyond it are impossible or "
        "were cut off, declare target.maximum: 5.00001"
    )
    floor = capped_target(-values(50), "loss")
    assert floor is not None
    assert "declare target.minimum: -5" in floor.advice


def test_a_declared_bound_is_not_doubted_and_the_other_end_is():
    tips = pd.Series([*np.linspace(0.1, 4.9, 900), *[0.0] * 50, *[5.0] * 50])
    declared = capped_target(tips, "tip", [0])
    assert declared is not None
    assert "target.maximum: 5" in declared.advice
    assert capped_target(tips, "tip", [0, 5]) is None


def test_ratings_and_a_frequent_largest_value_of_few_are_no_cap():
    assert capped_target(pd.Series([1, 2, 3, 4, 5] * 200), "stars") is None
    assert capped_target(pd.Series([*range(1, 51)] * 30), "age") is None, "each value is as frequent"


def test_a_long_tail_is_one_per_cent_of_the_rows_with_half_of_the_squared_deviations():
    ones = np.tile([-1.0, 1.0], 495)

    def tail(size: float):
        return long_tail(pd.Series([*ones, *[size] * 10]), "value")

    median_of_ones = 1.0  # with the tail, the median is 1: deviations are 0 and 2
    even = np.sqrt(495 * 4 / 10) + median_of_ones
    assert tail(even - 0.1) is None
    found = tail(even + 0.1)
    assert found is not None
    assert "value has a long tail: 10 of 1,000 rows have 50." in found.finding
    assert "tuning.metric: mae" in found.advice


def test_usual_distributions_have_no_long_tail():
    random = np.random.default_rng(0)
    assert long_tail(pd.Series(random.normal(size=5_000)), "x") is None
    assert long_tail(pd.Series(random.exponential(size=5_000)), "x") is None
    assert long_tail(pd.Series(random.lognormal(0, 2, 5_000)), "x") is not None
    assert long_tail(pd.Series([0.0] * 199 + [9.0]), "x") is not None
    assert long_tail(pd.Series([0.0] * 198 + [9.0]), "x") is None, "too few rows"
    assert long_tail(pd.Series([3.0] * 500), "x") is None


@pytest.mark.parametrize(
    ("train", "holdout", "features", "message"),
    [
        (200, 50, 40, None),
        (
            200,
            49,
            4,
            "49 holdout rows are too few for a reliable score: a share of 80 % has a 95 % interval",
        ),
        (199, 50, 40, "199 training rows for 40 features are too few"),
    ],
)
def test_fifty_holdout_rows_and_five_training_rows_a_feature_are_enough(train, holdout, features, message):
    found = too_few_rows(train, holdout, features)
    assert (found is None) if message is None else found is not None and message in found.finding
