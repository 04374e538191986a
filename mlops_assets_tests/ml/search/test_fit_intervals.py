"""Intervals and sets contain new values as often as declared, overall and in each group."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.ml.search.fit_intervals import fit_intervals, fit_sets, least_rows

SHARED = {"seed": 0, "subject": "houses"}


def rows(count, *, seed, spread=lambda x, noisy: 1.0):
    """Predictions, true values and a feature: a fifth of the rows is noisy."""
    random = np.random.default_rng(seed)
    predictions, noisy = random.uniform(1, 10, count), random.random(count) < 0.2
    truth = predictions + random.standard_t(4, count) * spread(predictions, noisy)
    return truth, predictions, pd.DataFrame({"kind": np.where(noisy, "noisy", "plain").astype(object)})


def coverage(intervals, truth, predictions, features):
    lower, upper = intervals.bounds(predictions, features)
    return (lower <= truth) & (truth <= upper)


@pytest.mark.parametrize(("count", "level"), [(9, 0.9), (30, 0.9), (200, 0.9), (200, 0.5)])
def test_new_rows_are_covered_as_often_as_declared_however_few_the_rows(count, level):
    shares = []
    for seed in range(60):
        intervals = fit_intervals(*rows(count, seed=seed), coverage=level, groups=[], **SHARED)
        shares.append(coverage(intervals, *rows(2000, seed=1000 + seed)).mean())
    finite = np.ceil(level * (count + 1) - 1e-9) / (count + 1)  # the exact expectation
    assert np.mean(shares) == pytest.approx(finite, abs=4 * np.std(shares) / 60**0.5 + 0.005)


def test_the_spread_follows_the_prediction_only_if_the_errors_do():
    constant = fit_intervals(*rows(2000, seed=0), coverage=0.9, groups=[], **SHARED)
    growing = fit_intervals(*rows(2000, seed=0, spread=lambda x, _: x / 3), coverage=0.9, groups=[], **SHARED)
    assert constant.x == ()
    assert growing.y[-1] > 5 * growing.y[0]
    new = rows(20_000, seed=1, spread=lambda x, _: x / 3)
    inside = coverage(growing, *new)
    for low, high in ((1, 3), (3, 6), (6, 10)):
        among = (low <= new[1]) & (new[1] < high)
        assert inside[among].mean() == pytest.approx(0.9, abs=0.03)


def test_rows_of_a_group_do_not_fit_the_spread_of_each_other():
    def grouped(random, count):
        predictions, errors = random.uniform(0, 10, count), random.normal(size=count)
        truth = np.repeat(predictions + errors, 20)
        return truth, np.repeat(predictions, 20), pd.DataFrame({"x": np.repeat(predictions, 20)})

    random, shares, spreads = np.random.default_rng(0), [], []
    for _ in range(12):
        together = np.repeat(np.arange(60), 20)
        intervals = fit_intervals(*grouped(random, 60), coverage=0.9, groups=[], together=together, **SHARED)
        spreads.append(bool(intervals.x))
        shares.append(coverage(intervals, *grouped(random, 500)).mean())
    assert sum(spreads) < 6, "the errors do not depend on the prediction"
    assert np.mean(shares) == pytest.approx(0.9, abs=0.03)


def test_declared_groups_are_each_covered():
    def spread(_, noisy):
        return np.where(noisy, 5.0, 1.0)

    new = rows(20_000, seed=1, spread=spread)
    noisy = (new[2]["kind"] == "noisy").to_numpy()
    shares = {}
    for groups in ((), ("kind",)):
        intervals = fit_intervals(*rows(3000, seed=0, spread=spread), coverage=0.9, groups=groups, **SHARED)
        inside = coverage(intervals, *new)
        assert inside.mean() == pytest.approx(0.9, abs=0.02)
        shares[groups] = inside[noisy].mean()
    assert shares[()] < 0.7
    assert shares["kind",] == pytest.approx(0.9, abs=0.02)


def test_a_group_with_too_few_rows_shares_the_quantile_of_the_small_groups():
    truth, predictions, features = rows(300, seed=0)
    features.loc[:7, "kind"] = "tiny"
    features.loc[8:9, "kind"] = np.nan
    intervals = fit_intervals(truth, predictions, features, coverage=0.9, groups=["kind"], **SHARED)
    assert {group.values for group in intervals.quantiles.groups} == {("noisy",), ("plain",)}
    small = np.abs(truth - predictions)[:10]
    assert intervals.x == ()
    assert intervals.quantiles.others == pytest.approx(np.sort(small)[9])


@pytest.mark.parametrize(("level", "least"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99)])
def test_too_few_rows_for_the_coverage_are_an_error(level, least):
    assert least_rows(level) == least
    exact = rows(least, seed=0)
    assert np.isfinite(fit_intervals(*exact, coverage=level, groups=[], **SHARED).quantiles.others)
    fewer = rows(least - 1, seed=0)
    with pytest.raises(DataError, match=f"houses: a coverage of {level:g} requires at least {least} out-of"):
        fit_intervals(*fewer, coverage=level, groups=[], **SHARED)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.arange(300.0), "kind has 300 different values, too many for groups of intervals"),
        (pd.date_range("2025-01-01", periods=300).astype(object), "feature kind has dates"),
    ],
)
def test_features_that_define_no_groups_are_an_error(values, message):
    truth, predictions, _ = rows(300, seed=0)
    features = pd.DataFrame({"kind": values})
    with pytest.raises(DataError, match=message):
        fit_intervals(truth, predictions, features, coverage=0.9, groups=["kind"], **SHARED)


def classified(count, seed):
    """Classes of which the third is rare, and the probabilities that they were drawn by."""
    random = np.random.default_rng(seed)
    weights = np.exp(random.normal(0, 1.2, (count, 3)) + np.array([1.0, 0.5, -2.0]))
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    truth = (random.random(count)[:, None] > probabilities.cumsum(axis=1)).sum(axis=1)
    return truth, probabilities, pd.DataFrame(index=range(count))


@pytest.mark.parametrize("by_class", [False, True])
def test_classes_are_in_the_sets_as_often_as_declared(by_class):
    sets = fit_sets(*classified(12_000, 0), coverage=0.9, groups=[], by_class=by_class, subject="houses")
    truth, probabilities, features = classified(20_000, 1)
    inside = sets.members(probabilities, probabilities.argmax(axis=1), features)
    covered = inside[np.arange(len(truth)), truth]
    assert covered.mean() == pytest.approx(0.9, abs=0.015)
    rare = covered[truth == 2].mean()
    assert rare == pytest.approx(0.9, abs=0.04) if by_class else rare < 0.7


def test_a_class_with_too_few_rows_for_sets_by_class_is_an_error():
    truth, probabilities, features = classified(60, 0)
    truth[truth == 2] = 0
    with pytest.raises(DataError, match="at least 9 out-of-fold rows of the rarest class, found 0"):
        fit_sets(truth, probabilities, features, coverage=0.9, groups=[], by_class=True, subject="houses")
