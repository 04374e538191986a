"""Measured performance against the figures at registration, and its slices."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from mlops_assets.ml.evaluation.groups.column_groups import MISSING, OTHERS, ColumnGroups, group_column
from mlops_assets.ml.metrics.tasks import Measure
from mlops_assets.ml.monitoring.density_ratio import log_density_ratios
from mlops_assets.ml.monitoring.performance import (
    MEAN_ERROR,
    Figure,
    ScoredRows,
    compare_with_registration,
    measure_performance,
)
from mlops_assets.ml.monitoring.slice_groups import group_alike

BINARY = Measure("binary", "roc_auc")


def figure(value, error, *, metric="roc_auc", column=None, group=None, rows=1_000):
    return Figure(metric, value, value - 2 * error, value + 2 * error, error, rows, column, group)


def compared(now, then, margins):
    return compare_with_registration(now, {each.place: each for each in then}, margins)


@pytest.mark.parametrize(
    ("value", "error", "holds"),
    [
        (0.80, 0.005, True),
        (0.79, 0.001, True),  # significant, not relevant
        (0.70, 0.060, True),  # relevant, not significant
        (0.70, 0.005, False),
        (0.95, 0.005, True),  # better
    ],
)
def test_performance_holds_unless_it_is_significantly_and_relevantly_worse(value, error, holds):
    [found] = compared([figure(value, error)], [figure(0.8, 0.005)], {"roc_auc": 0.02})
    assert found.holds is holds


def test_errors_are_worse_when_they_are_larger():
    for value, holds in ((1.2, False), (0.8, True)):
        now, then = (figure(each, 0.01, metric="rmse") for each in (value, 1.0))
        assert compared([now], [then], {"rmse": 0.05})[0].holds is holds


def test_a_mean_error_is_worse_in_both_directions_and_better_near_zero():
    then = [figure(-0.05, 0.005, metric=MEAN_ERROR)]
    for value, holds in ((-0.1, False), (0.1, False), (0.0, True), (0.05, True)):
        assert compared([figure(value, 0.005, metric=MEAN_ERROR)], then, {MEAN_ERROR: 0.03})[0].holds is holds


def test_figures_without_margin_or_without_a_value_at_registration_are_only_reported():
    now = [figure(0.5, 0.01, metric="f1"), figure(0.5, 0.01, column="region", group="new")]
    found = compared(now, [figure(0.9, 0.01, metric="f1")], {"roc_auc": 0.02})
    assert [each.holds for each in found] == [None, None]
    assert found[0].registered.value == 0.9
    assert found[1].registered is None
    undefined = compared([figure(float("nan"), 0.01)], [figure(0.9, 0.01)], {"roc_auc": 0.02})
    assert undefined[0].holds is None


def test_many_slices_need_stronger_evidence_than_all_rows():
    then = [figure(0.8, 0.0), *(figure(0.8, 0.0, column="c", group=str(group)) for group in range(20))]
    now = [
        figure(0.767, 0.0125),
        *(figure(0.767, 0.0125, column="c", group=str(group)) for group in range(1)),
    ]
    now += [figure(0.8, 0.0125, column="c", group=str(group)) for group in range(1, 20)]
    found = compared(now, then, {"roc_auc": 0.02})
    assert found[0].p_adjusted == pytest.approx(0.0041, abs=2e-4)
    assert found[1].p_adjusted == pytest.approx(20 * 0.00415, abs=4e-3)
    assert (found[0].holds, found[1].holds) == (False, True)


def test_metrics_mean_error_and_slices_are_measured():
    random = np.random.default_rng(0)
    probability = expit(random.normal(0, 1.5, 600))
    truth = (random.random(600) < probability).astype(int)
    groups = ColumnGroups("region", np.repeat([0, 1, 2], [300, 290, 10]), ["a", "b", "c"], is_ordered=False)
    found = measure_performance(BINARY, ScoredRows(truth, probability, slices=[groups]))
    of_all = {each.metric: each for each in found if each.slice_column is None}
    assert set(of_all) == {*BINARY.metrics, MEAN_ERROR}
    assert of_all[MEAN_ERROR].value == pytest.approx(probability.mean() - truth.mean())
    assert of_all["brier"].value == pytest.approx(((probability - truth) ** 2).mean())
    assert of_all["roc_auc"].low < of_all["roc_auc"].value < of_all["roc_auc"].high
    sliced = [(each.slice_value, each.metric, each.rows) for each in found if each.slice_column]
    assert sliced == [("a", "roc_auc", 300), ("b", "roc_auc", 290)], "ten rows are too few"


def test_a_quantile_has_no_mean_error():
    rows = ScoredRows(np.arange(40.0), np.arange(40.0) + 1)
    found = measure_performance(Measure("regression", "pinball", quantile=0.9), rows)
    assert {each.metric for each in found} == {"pinball", "mae"}


def test_current_rows_are_grouped_as_the_reference_is():
    reference = pd.Series([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    grouped = group_column(reference, name="size")
    alike = group_alike(reference, grouped, pd.Series([-5, 2, 2.5, 99, np.nan]))
    assert [alike.labels[group] for group in alike.groups] == [
        grouped.labels[0],
        grouped.labels[0],
        grouped.labels[1],
        grouped.labels[-1],
        MISSING,
    ]
    texts = pd.Series(["a", "a", "b", None])
    alike = group_alike(texts, group_column(texts, name="kind"), pd.Series(["b", "new", None, "a"]))
    assert [alike.labels[group] for group in alike.groups] == ["b", OTHERS, MISSING, "a"]
    whole = pd.Series([1, 2, 2], dtype="int64")
    alike = group_alike(whole, group_column(whole, name="size"), pd.Series([2.0, np.nan, 1.0]))
    assert [alike.labels[group] for group in alike.groups] == ["2", MISSING, "1"], "a null makes floats of it"
    alike = group_alike(reference, grouped, pd.Series(["7", "small"]))
    assert [alike.labels[group] for group in alike.groups] == [
        grouped.labels[grouped.groups[6]],
        OTHERS,
    ], "texts by now"


def test_a_sensitive_column_keeps_its_numbered_groups():
    texts = pd.Series(["secret"] * 3 + ["other"] * 2)
    grouped = group_column(texts, name="town", numbered=True)
    alike = group_alike(texts, grouped, pd.Series(["other", "secret", "unknown"]))
    assert [alike.labels[group] for group in alike.groups] == ["group 2", "group 1", OTHERS]


@settings(max_examples=40)
@given(
    st.lists(st.one_of(st.none(), st.integers(-3, 30)), min_size=1, max_size=40),
    st.lists(st.one_of(st.none(), st.integers(-3, 30)), max_size=20),
)
def test_rows_of_the_reference_keep_their_groups(reference, others):
    column = pd.Series(reference, dtype=float)
    grouped = group_column(column, name="x")
    both = pd.concat([column, pd.Series(others, dtype=float)], ignore_index=True)
    alike = group_alike(column, grouped, both)
    assert [alike.labels[group] for group in alike.groups[: len(column)]] == [
        grouped.labels[group] for group in grouped.groups
    ]
    assert len(alike.groups) == len(both)


def test_density_ratios_are_those_of_a_shifted_normal_distribution():
    random = np.random.default_rng(0)
    features = {name: random.normal(size=4_000) for name in "ab"}
    reference, current = pd.DataFrame(features), pd.DataFrame(features).sample(frac=1, random_state=1)
    then, now = log_density_ratios(reference, current)
    assert np.abs(then).max() < 0.2
    current = current.assign(a=current["a"] + 1)
    then, now = log_density_ratios(reference, current)
    for found, rows in ((then, reference), (now, current)):
        assert np.median(np.abs(found - (rows["a"] - 0.5))) < 0.15


def test_density_ratios_of_few_rows_and_odd_columns_are_defined():
    few = pd.DataFrame({"x": [1.0, np.nan], "c": ["a", None], "b": [True, False]})
    few["t"], few["n"] = pd.to_datetime(["2024-01-01", None]), pd.array([True, None], dtype="boolean")
    then, now = log_density_ratios(few, few)
    assert (then == 0).all()
    many = pd.concat([few] * 20, ignore_index=True).assign(constant=1.0, empty=np.nan)
    then, now = log_density_ratios(many, many.assign(x=np.inf))
    assert np.isfinite([*then, *now]).all()
