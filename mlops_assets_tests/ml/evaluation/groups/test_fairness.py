"""Fairness metrics by group, and differences whose confidence intervals do not overlap."""

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import equalized_odds_difference

from mlops_assets.ml.evaluation.groups.column_groups import group_column
from mlops_assets.ml.evaluation.groups.fairness import (
    FALSE_POSITIVES,
    SELECTED,
    TRUE_POSITIVES,
    measure_fairness,
)


def people(rows: int = 2_000) -> tuple[pd.Series, np.ndarray]:
    random = np.random.default_rng(0)
    return pd.Series(random.choice(["north", "south"], rows)), random.integers(0, 2, rows)


def test_a_decision_that_depends_on_the_group_differs_significantly():
    region, truth = people()
    chosen = np.where((region == "north") & (np.arange(len(truth)) % 3 == 0), 0, truth)
    found = measure_fairness(
        "binary", group_column(region, name="region"), truth, chosen * 0.9, chosen, unit_size=1.0
    )
    worst = found.differences[0]
    assert (worst.measure, worst.lowest, worst.highest, worst.is_certain) == (
        TRUE_POSITIVES,
        "north",
        "south",
        True,
    )
    north = next(group for group in found.groups if group.value == "north")
    positives = (region == "north") & (truth == 1)
    assert north.measures[TRUE_POSITIVES] == pytest.approx(chosen[positives].mean())
    assert north.measures[FALSE_POSITIVES] == 0.0
    low, high = north.intervals[SELECTED]
    assert low < north.measures[SELECTED] < high
    expected = equalized_odds_difference(truth, chosen, sensitive_features=region)
    assert found.criteria["equalized odds difference"] == pytest.approx(expected)


def test_a_decision_independent_of_the_group_does_not_differ_significantly():
    region, truth = people()
    found = measure_fairness(
        "binary", group_column(region, name="region"), truth, truth * 0.9, truth, unit_size=1.0
    )
    assert not any(gap.is_certain for gap in found.differences)


def test_errors_of_a_regression_are_in_the_reported_unit():
    region, _ = people()
    truth = np.full(len(region), 5_000.0)
    predictions = truth + np.where(region == "north", 1_000.0, -500.0) + np.resize([10.0, -10.0], len(region))
    found = measure_fairness(
        "regression", group_column(region, name="region"), truth, predictions, predictions, unit_size=1_000.0
    )
    gap = next(gap for gap in found.differences if gap.measure == "mean error")
    assert (gap.size, gap.highest, gap.is_certain) == (pytest.approx(1.5, abs=0.01), "north", True)
    assert found.criteria == {}


def test_a_group_below_the_minimum_number_of_rows_is_shown_and_not_compared():
    region = pd.Series(["north"] * 100 + ["south"] * 100 + ["isle"] * 10)
    truth = np.resize([0, 1], len(region))
    chosen = np.where(region == "isle", 1 - truth, truth)
    found = measure_fairness(
        "binary", group_column(region, name="region"), truth, chosen * 1.0, chosen, unit_size=1.0
    )
    isle = next(group for group in found.groups if group.value == "isle")
    assert (isle.rows, isle.is_compared, isle.intervals) == (10, False, {})
    assert isle.measures["accuracy"] == 0.0
    assert all(gap.size == 0 for gap in found.differences)
    assert found.criteria["demographic parity difference"] == 0.0


def test_a_group_without_positives_has_no_true_positive_rate():
    region = pd.Series(["north"] * 50 + ["south"] * 50)
    truth = np.where(region == "north", 0, np.resize([0, 1], 100))
    found = measure_fairness(
        "binary", group_column(region, name="region"), truth, truth * 1.0, truth, unit_size=1.0
    )
    assert np.isnan(found.groups[0].measures[TRUE_POSITIVES])
    assert TRUE_POSITIVES not in {gap.measure for gap in found.differences}
    assert "equalized odds difference" not in found.criteria
    assert found.criteria["demographic parity difference"] == 0.5


def test_accuracy_is_compared_for_more_than_two_classes():
    region, _ = people()
    truth = np.resize([0, 1, 2], len(region))
    chosen = np.where(region == "south", 0, truth)
    found = measure_fairness(
        "multiclass", group_column(region, name="region"), truth, np.eye(3)[chosen], chosen, unit_size=1.0
    )
    [gap] = found.differences
    assert (gap.measure, gap.lowest, gap.is_certain) == ("accuracy", "south", True)


def test_a_text_that_is_spelled_like_the_missing_group_is_compared_with_it():
    _, truth = people(600)
    region = pd.Series([None, "missing", "south"] * 200)
    chosen = np.where(region == "missing", 0, truth)
    found = measure_fairness(
        "binary", group_column(region, name="region"), truth, chosen * 0.9, chosen, unit_size=1.0
    )
    assert [(group.value, group.rows) for group in found.groups] == [
        ('"missing"', 200),
        ("south", 200),
        ("missing", 200),
    ]
    rates = {group.value: group.measures[SELECTED] for group in found.groups}
    assert rates['"missing"'] == 0.0
    assert rates["missing"] == pytest.approx(truth[region.isna()].mean())
    assert found.criteria["demographic parity difference"] == pytest.approx(max(rates.values()))


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_differences_between_groups_of_few_clusters_are_rarely_certain(task: str):
    """Of 40 schools with 25 pupils each, half are in the north; only chance makes schools different."""
    by_row = by_school = 0
    for seed in range(18):
        random = np.random.default_rng(seed)
        schools = np.repeat(np.arange(40), 25)
        region = pd.Series(np.where(schools < 20, "north", "south"))
        effect = random.normal(size=40)[schools] + random.normal(size=1_000)
        truth = np.zeros(1_000) if task == "regression" else (random.random(1_000) < 0.5).astype(int)
        chosen = (effect > 0).astype(int)
        predicted = effect if task == "regression" else chosen * 0.9
        groups = group_column(region, name="region")
        for clusters in (None, schools):
            found = measure_fairness(task, groups, truth, predicted, chosen, unit_size=1.0, clusters=clusters)
            certain = any(gap.is_certain for gap in found.differences)
            by_row += certain and clusters is None
            by_school += certain and clusters is not None
    assert by_row > 4
    assert by_school <= 1
