"""Doubts about equal rows: copies on both sides, contradictions, and rows that are equal by chance."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.doubts.duplicates import contradictory_rows, duplicate_rows


def measured(rows: int = 1_000) -> tuple[pd.DataFrame, pd.Series]:
    random = np.random.default_rng(0)
    features = pd.DataFrame({"size": random.normal(size=rows), "kind": random.choice(["a", "b"], rows)})
    return features, pd.Series(random.choice(["no", "yes"], rows))


def with_copies(count: int, *, flipped: bool = False) -> tuple[pd.DataFrame, pd.Series]:
    """A thousand rows, the last of which are copies of the first."""
    features, target = measured(1_000 - count)
    copied = target[:count].map({"no": "yes", "yes": "no"}) if flipped else target[:count]
    return (
        pd.concat([features, features[:count]], ignore_index=True),
        pd.concat([target, copied], ignore_index=True),
    )


@pytest.mark.parametrize(("count", "doubted"), [(9, False), (10, True)])
def test_one_per_cent_of_copies_is_a_doubt(count, doubted):
    assert (duplicate_rows(*with_copies(count), "late") is not None) is doubted


def test_copies_on_both_sides_of_the_split_are_counted():
    features, target = with_copies(40)
    holdout = np.arange(1_000) >= 800
    found = duplicate_rows(features, target, "late", holdout)
    assert found is not None
    assert found.finding == (
        "40 of 200 holdout rows (20.0 %) equal a training row in all features and late, so a model can "
        "remember them"
    )
    assert "declare `unique`" in found.advice
    together = (np.arange(1_000) >= 960) | (np.arange(1_000) < 40)
    assert duplicate_rows(features, target, "late", together) is None, "both copies are in the holdout"


def test_missing_values_are_equal():
    features, target = with_copies(40)
    features.loc[[0, 960], "size"] = None
    found = duplicate_rows(features, target, "late")
    assert found is not None
    assert found.finding.startswith("40 of 1,000 rows")


def test_equal_features_with_another_class_are_a_contradiction():
    found = contradictory_rows(*with_copies(20, flipped=True), "late")
    assert found is not None
    assert found.finding == "40 of 1,000 rows (4.0 %) have the features of another row and another late"
    assert contradictory_rows(*with_copies(20), "late") is None
    assert contradictory_rows(*with_copies(4, flipped=True), "late") is None, "8 rows are below 1 %"


def test_rounded_numbers_are_equal_by_chance():
    random = np.random.default_rng(0)
    score, days = random.normal(size=3_000).round(3), random.integers(1, 30, 3_000)
    target = pd.Series(np.where(score > 1, "yes", "no"))
    features = pd.DataFrame({"score": score, "days": days, "flag": target})
    assert features.duplicated().mean() > 0.005
    assert duplicate_rows(features, target, "late") is None
    copied = pd.concat([features, features[:600]], ignore_index=True)
    assert duplicate_rows(copied, pd.concat([target, target[:600]], ignore_index=True), "late") is not None


def test_rows_of_few_categories_are_equal_by_chance():
    random = np.random.default_rng(0)
    features = pd.DataFrame({name: random.choice(["a", "b", "c"], 1_000) for name in "xyz"})
    features["copy"] = features["x"]
    target = pd.Series(random.choice([0, 1], 1_000))
    assert duplicate_rows(features, target, "y") is None
    assert contradictory_rows(features, target, "y") is None
