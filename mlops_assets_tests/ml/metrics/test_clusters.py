"""Standard errors, tests and effective sizes of clusters of correlated rows."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_ind

from mlops_assets.ml.metrics.clusters import (
    cluster_codes,
    count_clusters,
    difference_p_value,
    effective_size,
    mean_half_width,
    small_sample_factor,
    standard_error,
)


def grouped(seed: int, clusters: int, size: int, correlation: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Values with a correlation within clusters, and the cluster of each."""
    random = np.random.default_rng(seed)
    codes = np.repeat(np.arange(clusters), size)
    shared, own = random.normal(size=clusters)[codes], random.normal(size=clusters * size)
    return np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own, codes


def test_codes_count_the_labels_and_singletons_are_the_rows():
    assert cluster_codes(np.array(["b", "a", "b"]), 3).tolist() == [1, 0, 1]
    assert cluster_codes(np.array(["b", "a", "c"]), 3).tolist() == [0, 1, 2]
    assert cluster_codes(None, 2).tolist() == [0, 1]
    assert count_clusters(np.array([], dtype=int)) == 0


def test_the_factor_is_large_for_few_clusters_and_one_for_many():
    assert small_sample_factor(5, 0.95) == pytest.approx(1.118 * 2.776 / 1.96, abs=0.01)
    assert small_sample_factor(10_000, 0.95) == pytest.approx(1.0, abs=1e-3)


def test_the_standard_error_of_independent_rows_is_the_usual_one():
    values = np.random.default_rng(0).normal(size=50)
    assert standard_error(values, np.arange(50)) == pytest.approx(values.std(ddof=1) / math.sqrt(50))
    assert math.isnan(standard_error(values, np.zeros(50, dtype=int)))


def test_the_standard_error_of_clusters_of_equal_size_is_that_of_their_means():
    values, codes = grouped(0, 30, 10)
    means = values.reshape(30, 10).mean(axis=1)
    assert standard_error(values, codes) == pytest.approx(means.std(ddof=1) / math.sqrt(30))


def test_nineteen_of_twenty_intervals_of_a_mean_contain_it():
    held = 0
    for seed in range(300):
        values, codes = grouped(seed, 12, 20)
        held += abs(values.mean()) <= mean_half_width(values, codes, 0.95)
    assert 0.92 * 300 <= held <= 0.98 * 300


def test_the_test_of_two_groups_is_welchs_for_independent_rows():
    random = np.random.default_rng(0)
    values, mask = random.normal(size=400), np.arange(400) < 100
    values[mask] += 0.1
    welch = ttest_ind(values[mask], values[~mask], equal_var=False, alternative="greater").pvalue
    assert difference_p_value(values, mask, np.arange(400)) == pytest.approx(welch, rel=0.1)


@pytest.mark.parametrize("within", [False, True], ids=["between clusters", "within clusters"])
def test_chance_differences_of_clusters_are_rarely_significant(within: bool):
    by_row = by_cluster = 0
    for seed in range(300):
        values, codes = grouped(seed, 40, 25)
        mask = np.arange(1_000) % 2 == 0 if within else codes < 20
        by_row += difference_p_value(values, mask, np.arange(1_000)) < 0.05
        by_cluster += difference_p_value(values, mask, codes) < 0.05
    assert by_cluster < 0.08 * 300
    assert within or by_row > 0.2 * 300


def test_a_difference_between_too_few_clusters_is_undefined():
    values, codes = grouped(0, 3, 40)
    assert math.isnan(difference_p_value(values, codes == 0, codes))
    assert math.isnan(difference_p_value(np.ones(120), np.arange(120) < 60, np.arange(120)))


def test_correlated_rows_count_less_and_independent_rows_in_full():
    hits = np.random.default_rng(0).random(200) < 0.4
    assert effective_size(hits, np.arange(200)) == 200
    codes = np.repeat(np.arange(20), 10)
    same = np.repeat(np.arange(20) % 3 == 0, 10)
    assert 10 < effective_size(same, codes) < 20
    assert effective_size(np.ones(200, dtype=bool), codes) == 20, "no variance is observed"
    assert effective_size(hits, codes) <= 200
