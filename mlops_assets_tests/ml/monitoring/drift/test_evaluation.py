"""Decisions on drift, and the classifier that finds what columns hide."""

import duckdb
import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.monitoring.drift.classifier import distinguish, usual_shift
from mlops_assets.ml.monitoring.drift.evaluation import (
    LEAST_WEIGHT,
    ColumnDrift,
    Thresholds,
    compare_columns,
    compare_rows,
    decide,
    importance_weights,
)
from mlops_assets.ml.monitoring.drift.histograms import Counts, Histograms, Variation, count
from mlops_assets.ml.monitoring.drift.reference import reference_histograms


def normal(rows: int, columns: int = 3, seed: int = 0) -> pd.DataFrame:
    drawn = np.random.default_rng(seed).normal(size=(rows, columns))
    return pd.DataFrame(drawn, columns=[f"x{place}" for place in range(columns)])


def compared(before: pd.DataFrame, after: pd.DataFrame, **options) -> list[ColumnDrift]:
    with duckdb.connect() as connection:
        reference = reference_histograms(connection, connection.from_df(before), list(before.columns))
        counts = count(connection.from_df(after), reference.bins.values())
    return decide(compare_columns("training", "feature", reference, counts, **options), Thresholds())


def test_a_shift_by_a_tenth_of_a_standard_deviation_drifts_and_equal_columns_do_not():
    after = normal(3_000, seed=1)
    after["x0"] += 0.13
    assert [each.drifted for each in compared(normal(50_000), after)] == [True, False, False]


def test_neither_a_large_nor_a_small_sample_decides_alone():
    after = normal(60_000, 1, seed=1)
    after["x0"] += 0.05
    [found] = compared(normal(60_000, 1), after)
    assert found.p_adjusted < 1e-9
    assert not found.drifted, "significant, but too small to matter"
    few = normal(60, 1, seed=1)
    few["x0"] += 0.25
    [found] = compared(normal(20_000, 1), few)
    assert found.effect_size > 0.07
    assert not found.drifted, "large, but it may be chance"
    [found] = compared(normal(20_000, 1), few.head(20))
    assert found.p_value is None
    assert found.note == "not tested: fewer than 30 independent rows"


def test_an_unimportant_column_drifts_by_a_larger_shift():
    after = normal(5_000, seed=1)
    after[["x0", "x1"]] += 0.12
    found = compared(normal(50_000), after, importances={"x0": 0.4, "x1": 0.0, "x2": -0.01})
    assert [each.drifted for each in found] == [True, False, False]
    assert [each.importance for each in found] == [1.0, 0.0, 0.0]
    assert found[1].weighted_effect == pytest.approx(found[1].effect_size * LEAST_WEIGHT)


def test_weights_are_one_from_the_mean_importance_on():
    shares, weights = importance_weights(["a", "b", "c", "new"], {"a": 3.0, "b": 1.0, "c": 0.8})
    assert shares == pytest.approx({"a": 0.625, "b": 0.2083, "c": 0.1667}, abs=1e-3)
    assert weights == pytest.approx({"a": 1.0, "b": 0.625, "c": 0.5, "new": 1.0})
    assert importance_weights(["a"], None) == ({}, {"a": 1.0})


def test_a_difference_that_periods_usually_have_is_no_drift():
    before = normal(50_000)
    with duckdb.connect() as connection:
        reference = reference_histograms(connection, connection.from_df(before), ["x0"])
        counts = count(connection.from_df(normal(5_000, seed=1) + 0.3), reference.bins.values())
    for usual, drifted in ((0.05, True), (0.15, False)):
        seasonal = Histograms(
            reference.rows, reference.size, reference.bins, reference.counts, {"x0": Variation(usual, 0.0)}
        )
        [found] = decide(compare_columns("training", "feature", seasonal, counts), Thresholds())
        assert found.drifted is drifted
        assert ("usual variation between periods, 0.15" in found.note) is not drifted


def test_repeated_rows_of_an_entity_are_no_evidence():
    counts = Counts(0, 0, (5_000, 5_000))
    with duckdb.connect() as connection:
        frame = pd.DataFrame({"x": ["a", "b"] * 500, "who": range(1_000)})
        repeated = pd.concat([frame] * 10)
        found = reference_histograms(connection, connection.from_df(repeated), ["x"], entity=["who"])
    assert found.counts["x"].bins == (*counts.bins, 0)
    once = Histograms(10_000, 10_000, found.bins, found.counts)
    after = {"x": Counts(0, 0, (560, 440, 0))}
    p_values = [compare_columns("training", "feature", each, after)[0].p_value for each in (found, once)]
    assert p_values[0] > 5 * p_values[1]


def test_the_classifier_finds_a_changed_correlation_of_equal_columns():
    before, after = normal(2_000), normal(2_000, seed=1)
    after["x1"] = 0.8 * after["x0"] + 0.6 * after["x1"]
    found = distinguish(before, after, ["x0", "x1", "x2"])
    assert found.auc > 0.6
    assert found.low < found.auc < found.high
    assert not any(each.drifted for each in compared(before, after))
    [row] = decide([compare_rows("training", found)], Thresholds())
    assert row.drifted
    assert row.column is None
    [usual] = decide([compare_rows("training", found, usual=1.0)], Thresholds())
    assert not usual.drifted


def test_a_shift_beyond_the_range_of_the_reference_drifts_whatever_is_usual():
    with duckdb.connect() as connection:
        reference = reference_histograms(connection, connection.from_df(normal(5_000, 1)), ["x0"])
        counts = count(connection.from_df(normal(500, 1, seed=1) + 9), reference.bins.values())
    growing = Histograms(
        reference.rows, reference.size, reference.bins, reference.counts, {"x0": Variation(5.0, 5.0)}
    )
    [found] = decide(compare_columns("training", "feature", growing, counts), Thresholds())
    assert found.drifted


def test_the_classifier_does_not_distinguish_equal_rows_of_any_type():
    random = np.random.default_rng(0)
    rows = normal(1_600).assign(
        place=random.choice(["a", "b", None], 1_600), day=pd.Timestamp("2025-01-01"), x8=1e308, x9=np.inf
    )
    found = distinguish(rows.head(800), rows.tail(800), list(rows.columns))
    assert 0.4 < found.low < 0.5 < found.high < 0.6
    assert found.p_value > 0.05
    assert distinguish(rows.head(100), rows, ["x0"]) is None


def test_the_classifier_can_not_recognise_entities():
    who = np.arange(600)
    before = pd.DataFrame({"who": who, "x": who * 1.0})
    after = pd.DataFrame({"who": who, "x": who * 1.0})
    found = distinguish(before, after, ["x"], entity=["who"])
    assert abs(found.auc - 0.5) < 0.05


def test_the_usual_shift_is_that_between_periods():
    periods = [normal(600, seed=seed) + 0.6 * seed for seed in range(4)]
    assert usual_shift(periods, ["x0", "x1", "x2"], against="previous") > 0.5
    assert usual_shift(periods[:2], ["x0"], against="previous") == 0
