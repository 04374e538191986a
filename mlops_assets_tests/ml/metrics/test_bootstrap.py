"""Bootstrap intervals: they hold what they claim, repeat themselves, and say when they can't be given."""

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mlops_assets.ml.metrics import bootstrap
from mlops_assets.ml.metrics.bootstrap import Interval, bootstrap_interval, paired_difference_interval
from mlops_assets.ml.metrics.metrics import compute_metric
from mlops_assets.ml.metrics.tasks import Measure, Task, metrics_of
from mlops_assets.ml.metrics.weighted_metrics import weighted_metric


def scored(rows: int, seed: int = 0, *, share: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes, and probabilities in hundredths that lean towards them."""
    random = np.random.default_rng(seed)
    outcomes = (random.random(rows) < share).astype(int)
    return outcomes, np.round(np.clip(random.normal(0.4 + 0.2 * outcomes, 0.2), 0.01, 0.99), 2)


def test_roc_auc_without_resampling_is_scikit_learns():
    truth, predictions = scored(5_000)
    value = weighted_metric(Measure("binary", "roc_auc"), truth, predictions)(np.ones((1, 5_000)))
    assert value[0] == pytest.approx(roc_auc_score(truth, predictions), abs=1e-12)


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_every_metric_lies_in_its_interval(task: Task):
    random = np.random.default_rng(1)
    classes = {"regression": 1, "binary": 2, "multiclass": 3}[task]
    truth = random.normal(5, 1, 300) if classes == 1 else random.integers(0, classes, 300)
    predictions = random.normal(truth, 0.5) if classes == 1 else random.dirichlet(np.ones(classes), 300)
    if classes == 2:
        predictions = predictions[:, 1]
    for metric in metrics_of(task):
        value = compute_metric(Measure(task, metric, classes=classes), truth, predictions)
        interval = bootstrap_interval(
            Measure(task, metric, classes=classes), truth, predictions, resamples=200
        )
        assert value in interval, metric
        assert interval.low < interval.high, metric


def test_the_interval_of_a_mean_has_the_width_of_a_normal_distribution():
    random = np.random.default_rng(2)
    errors = random.exponential(1.0, 4_000)
    interval = bootstrap_interval(Measure("regression", "mae"), np.zeros(4_000), errors, resamples=2_000)
    half = 1.96 * errors.std() / math.sqrt(4_000)
    assert interval.low == pytest.approx(errors.mean() - half, abs=0.1 * half)
    assert interval.high == pytest.approx(errors.mean() + half, abs=0.1 * half)


def test_nineteen_of_twenty_intervals_contain_the_true_accuracy():
    held = 0
    for seed in range(200):
        right = np.random.default_rng(seed).random(400) < 0.8
        interval = bootstrap_interval(
            Measure("binary", "accuracy"), right.astype(int), np.ones(400), resamples=300
        )
        held += 0.8 in interval
    assert 180 <= held <= 199


def test_units_scale_the_interval():
    truth, predictions = np.arange(50.0), np.arange(50.0) + np.sin(np.arange(50.0))
    plain = bootstrap_interval(Measure("regression", "rmse"), truth, predictions)
    scaled = bootstrap_interval(Measure("regression", "rmse", unit_size=1e3), 1e3 * truth, 1e3 * predictions)
    assert (scaled.low, scaled.high) == pytest.approx((plain.low, plain.high))


def test_higher_levels_are_wider_and_seeds_repeat():
    truth, predictions = scored(400)
    wide, narrow = (
        bootstrap_interval(Measure("binary", "roc_auc"), truth, predictions, level=level)
        for level in (0.99, 0.5)
    )
    assert wide.low < narrow.low < narrow.high < wide.high
    again = bootstrap_interval(Measure("binary", "roc_auc"), truth, predictions, level=0.5)
    other = bootstrap_interval(Measure("binary", "roc_auc"), truth, predictions, level=0.5, seed=1)
    assert again == narrow != other


def test_blocks_of_resamples_make_no_difference(monkeypatch: pytest.MonkeyPatch):
    truth, predictions = scored(200)
    whole = bootstrap_interval(Measure("binary", "roc_auc"), truth, predictions)
    monkeypatch.setattr("mlops_assets.ml.metrics.bootstrap._BLOCK", 1_400)
    assert bootstrap_interval(Measure("binary", "roc_auc"), truth, predictions) == whole


def test_models_on_the_same_rows_share_their_resamples(monkeypatch: pytest.MonkeyPatch):
    truth, predictions = scored(211)
    measure, others = Measure("binary", "roc_auc"), predictions[::-1]
    alone = []
    for each in (predictions, others):
        bootstrap._blocks_of_seed.cache_clear()
        alone.append(bootstrap_interval(measure, truth, each))
    drawn: list[int] = []
    counts = bootstrap._counts
    monkeypatch.setattr(bootstrap, "_counts", lambda *size: drawn.append(size[1]) or counts(*size))
    bootstrap._blocks_of_seed.cache_clear()
    assert [bootstrap_interval(measure, truth, each) for each in (predictions, others)] == alone
    assert sum(drawn) == bootstrap.RESAMPLES


@pytest.mark.parametrize(
    ("truth", "metric"),
    [([0, 0, 0, 0], "roc_auc"), ([1, 0, 0, 0], "average_precision"), ([1], "accuracy"), ([], "accuracy")],
    ids=["one class", "a class with one row", "one row", "no row"],
)
def test_intervals_without_enough_rows_are_undefined(truth: list[int], metric: str):
    interval = bootstrap_interval(
        Measure("binary", metric), np.array(truth, dtype=int), np.full(len(truth), 0.7)
    )
    assert not interval.is_defined
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_few_undefined_resamples_are_ignored():
    truth, predictions = np.arange(200) < 4, np.linspace(1, 0, 200)
    assert bootstrap_interval(Measure("binary", "roc_auc"), truth.astype(int), predictions).is_defined


@pytest.mark.parametrize("wrong", [{"level": 1.0}, {"level": 0.0}, {"resamples": 0}])
def test_a_level_outside_0_and_1_or_no_resample_is_an_error(wrong: dict[str, float]):
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        bootstrap_interval(Measure("binary", "accuracy"), np.array([0, 1]), np.array([0.2, 0.7]), **wrong)


def test_a_small_but_steady_difference_is_significant_although_the_intervals_overlap():
    truth, predictions = scored(2_000)
    worse = np.clip(predictions + np.random.default_rng(5).normal(0, 0.1, 2_000), 0, 1)
    ours, theirs = (
        bootstrap_interval(Measure("binary", "roc_auc"), truth, each) for each in (predictions, worse)
    )
    difference = paired_difference_interval(Measure("binary", "roc_auc"), truth, predictions, worse)
    assert ours.low < theirs.high
    assert difference.low > 0


def test_a_difference_changes_sign_with_the_order_and_is_zero_to_itself():
    truth, predictions = scored(300)
    others = predictions[::-1]
    there = paired_difference_interval(Measure("binary", "log_loss"), truth, predictions, others)
    back = paired_difference_interval(Measure("binary", "log_loss"), truth, others, predictions)
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))
    assert paired_difference_interval(Measure("binary", "f1"), truth, predictions, predictions) == Interval(
        0.0, 0.0
    )


def test_the_interval_of_a_subsample_is_scaled_to_all_rows(monkeypatch):
    random = np.random.default_rng(0)
    truth = random.normal(size=20_000)
    predictions = truth + random.normal(size=20_000)
    full = bootstrap_interval(Measure("regression", "rmse"), truth, predictions)
    monkeypatch.setattr("mlops_assets.ml.metrics.bootstrap.MOST_ROWS", 2_000)
    part = bootstrap_interval(Measure("regression", "rmse"), truth, predictions)
    rmse = float(np.sqrt(np.mean((truth - predictions) ** 2)))
    assert part.low < rmse < part.high
    assert part.high - part.low == pytest.approx(full.high - full.low, rel=0.25)


def clustered(seed: int, clusters: int, size: int, correlation: float) -> tuple[np.ndarray, np.ndarray]:
    """Errors whose correlation within a cluster is given, and the cluster of each row."""
    random = np.random.default_rng(seed)
    codes = np.repeat(np.arange(clusters), size)
    shared, own = random.normal(size=clusters)[codes], random.normal(size=clusters * size)
    return np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own, codes


def held(clusters: int, size: int, correlation: float, *, by_cluster: bool) -> float:
    """The share of 150 samples whose interval contains the true mean absolute error."""
    found = 0
    for seed in range(150):
        errors, codes = clustered(seed, clusters, size, correlation)
        interval = bootstrap_interval(
            Measure("regression", "mae"),
            np.zeros(len(errors)),
            errors,
            clusters=codes if by_cluster else None,
            resamples=200,
        )
        found += math.sqrt(2 / math.pi) in interval
    return found / 150


def test_intervals_of_clusters_contain_the_true_value_where_those_of_rows_do_not():
    assert held(40, 25, 0.9, by_cluster=False) < 0.5
    assert held(40, 25, 0.9, by_cluster=True) > 0.85


def test_clusters_of_one_row_each_are_independent_rows():
    truth, predictions = scored(300)
    names = np.array([f"customer {number}" for number in np.random.default_rng(0).permutation(300)])
    plain = bootstrap_interval(Measure("binary", "roc_auc"), truth, predictions)
    assert bootstrap_interval(Measure("binary", "roc_auc"), truth, predictions, clusters=names) == plain


def test_a_difference_of_two_models_resamples_the_clusters():
    errors, codes = clustered(0, 20, 50, 0.8)
    others = errors + np.random.default_rng(1).normal(size=20)[codes]
    rows, clusters = (
        paired_difference_interval(
            Measure("regression", "mae"), np.zeros(1_000), errors, others, clusters=groups
        )
        for groups in (None, codes)
    )
    assert clusters.high - clusters.low > 2 * (rows.high - rows.low)


def test_few_clusters_give_a_wider_interval_than_their_percentiles():
    assert held(5, 20, 0.5, by_cluster=True) > 0.87, "percentiles alone hold it in some 80 % of samples"


def test_one_cluster_has_no_interval():
    assert not bootstrap_interval(
        Measure("binary", "accuracy"), np.array([0, 1]), np.array([0.2, 0.7]), clusters=np.array([3, 3])
    ).is_defined


def test_an_interval_does_not_leave_the_range_of_its_metric():
    right = np.arange(20) > 0
    interval = bootstrap_interval(Measure("binary", "accuracy"), right.astype(int), np.ones(20))
    assert interval.high == 1.0


@pytest.mark.parametrize("size", [1, 10, 4_000])
def test_a_subsample_of_clusters_is_scaled_to_all_clusters(monkeypatch, size: int):
    errors, codes = clustered(0, 20_000 // size, size, 0.5)
    zeros = np.zeros(20_000)
    full = bootstrap_interval(Measure("regression", "mae"), zeros, errors, clusters=codes)
    monkeypatch.setattr("mlops_assets.ml.metrics.bootstrap.MOST_ROWS", 4_000)
    monkeypatch.setattr("mlops_assets.ml.metrics.bootstrap.LEAST_CLUSTERS", 100)
    part = bootstrap_interval(Measure("regression", "mae"), zeros, errors, clusters=codes)
    assert float(np.abs(errors).mean()) in part
    assert part.high - part.low == pytest.approx(full.high - full.low, rel=0.3)


def test_a_decision_threshold_moves_the_interval_of_each_model():
    truth, predictions = scored(400)
    strict = bootstrap_interval(Measure("binary", "recall"), truth, predictions, threshold=0.7)
    loose = bootstrap_interval(Measure("binary", "recall"), truth, predictions, threshold=0.3)
    assert strict.high < loose.low
    gain = paired_difference_interval(
        Measure("binary", "recall"), truth, predictions, predictions, thresholds=(0.3, 0.7)
    )
    assert gain.low > 0
