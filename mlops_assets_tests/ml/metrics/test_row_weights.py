"""Row weights: whole-number weights give the result of repeated rows, wherever rows are counted."""

import numpy as np
import pytest

from mlops_assets.ml.evaluation.groups.column_groups import ColumnGroups
from mlops_assets.ml.evaluation.groups.fairness import measure_fairness
from mlops_assets.ml.families import FAMILIES, FitRows, Settings
from mlops_assets.ml.metrics.bootstrap import bootstrap_interval, paired_difference_interval
from mlops_assets.ml.metrics.clusters import difference_p_value
from mlops_assets.ml.metrics.metrics import compute_metrics, predicted_classes, row_losses
from mlops_assets.ml.metrics.reliability import reliability
from mlops_assets.ml.metrics.tasks import Measure, Task, default_metric
from mlops_assets.ml.search.baselines import constant_predictions
from mlops_assets.ml.search.decision_threshold import Decision, choose_threshold
from mlops_assets_tests.support.families import TRIED_FAMILIES

CLASSES: dict[Task, int] = {"regression": 1, "binary": 2, "multiclass": 3}


def rows(task: Task, count: int = 120, seed: int = 0):
    """True values, predictions, weights, and the positions of the rows repeated by weight."""
    random = np.random.default_rng(seed)
    weights = random.integers(1, 5, count)
    if task == "regression":
        truth = random.normal(size=count)
        predictions = truth + random.normal(size=count)
    else:
        truth = random.integers(0, CLASSES[task], count)
        predictions = random.dirichlet(np.ones(CLASSES[task]), count)
        predictions = predictions[:, 1] if task == "binary" else predictions
    return truth, predictions, weights.astype(float), np.repeat(np.arange(count), weights)


@pytest.mark.parametrize(("task", "quantile"), [*((task, None) for task in CLASSES), ("regression", 0.9)])
def test_weighted_metrics_are_those_of_repeated_rows(task: Task, quantile):
    truth, predictions, weights, repeated = rows(task)
    measure = Measure(task, default_metric(task, quantile), CLASSES[task], quantile=quantile)
    weighted = compute_metrics(measure, truth, predictions, weights=weights)
    assert weighted == pytest.approx(compute_metrics(measure, truth[repeated], predictions[repeated]))
    assert weighted[measure.metric] != pytest.approx(
        compute_metrics(measure, truth, predictions)[measure.metric]
    )
    losses = row_losses(measure, truth, predictions)
    if measure.metric in ("pinball", "log_loss"):
        assert np.average(losses, weights=weights) == pytest.approx(weighted[measure.metric])


def test_the_pinball_loss_is_that_of_the_definition():
    measure = Measure("regression", "pinball", quantile=0.9)
    losses = row_losses(measure, np.array([1.0, 5.0]), np.array([3.0, 3.0]))
    assert losses == pytest.approx([0.1 * 2, 0.9 * 2])
    assert compute_metrics(measure, np.array([1.0, 5.0]), np.array([3.0, 3.0]))["pinball"] == 1.0


@pytest.mark.parametrize("task", CLASSES)
def test_equal_weights_do_not_change_an_interval_and_others_move_it_around_the_weighted_metric(task: Task):
    truth, predictions, weights, _ = rows(task)
    measure = Measure(task, default_metric(task), CLASSES[task])
    plain = bootstrap_interval(measure, truth, predictions)
    equal = bootstrap_interval(measure, truth, predictions, weights=np.full(len(truth), 3.0))
    assert (equal.low, equal.high) == pytest.approx((plain.low, plain.high))
    weighted = bootstrap_interval(measure, truth, predictions, weights=weights)
    assert compute_metrics(measure, truth, predictions, weights=weights)[measure.metric] in weighted
    assert weighted != plain
    with_itself = paired_difference_interval(measure, truth, predictions, predictions, weights=weights)
    assert (with_itself.low, with_itself.high) == (0.0, 0.0)


def test_a_heavy_row_makes_an_interval_wider_than_repeated_independent_rows_would():
    truth, predictions, *_ = rows("regression", 400)
    measure = Measure("regression", "mae")
    heavy = np.where(np.arange(400) < 20, 50.0, 1.0)
    narrow = bootstrap_interval(measure, truth, predictions)
    wide = bootstrap_interval(measure, truth, predictions, weights=heavy)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


@pytest.mark.parametrize(
    "decision", [Decision("f1"), Decision(None, 1.0, 4.0), Decision("balanced_accuracy")]
)
def test_the_decision_threshold_is_that_of_repeated_rows(decision):
    truth, noise, weights, _ = rows("binary")
    predictions = 0.3 * truth + 0.7 * noise
    weights = np.where(truth == 1, weights, 4.0 * weights)
    repeated = np.repeat(np.arange(len(truth)), weights.astype(int))
    weighted = choose_threshold(decision, truth, predictions, weights)
    assert (
        weighted != pytest.approx(choose_threshold(decision, truth, predictions))
        or decision.metric == "balanced_accuracy"
    )
    assert weighted == pytest.approx(choose_threshold(decision, truth[repeated], predictions[repeated]))


@pytest.mark.parametrize("task", CLASSES)
def test_the_constant_baseline_is_that_of_repeated_rows(task: Task):
    truth, _, weights, repeated = rows(task)
    weighted = constant_predictions(task, truth, 2, CLASSES[task], weights=weights)
    assert weighted == pytest.approx(constant_predictions(task, truth[repeated], 2, CLASSES[task]))


def test_the_constant_baseline_of_a_quantile_minimises_the_weighted_pinball_loss():
    truth, _, weights, _ = rows("regression")
    constant = constant_predictions("regression", truth, 1, 1, weights=weights, quantile=0.8)[0]
    measure = Measure("regression", "pinball", quantile=0.8)

    def loss(value: float) -> float:
        predictions = np.full(len(truth), value)
        return compute_metrics(measure, truth, predictions, weights=weights)["pinball"]

    assert loss(constant) == pytest.approx(min(map(loss, truth)))


def test_a_reliability_curve_has_the_shares_of_repeated_rows():
    truth, predictions, weights, repeated = rows("binary", 40)
    values = np.round(predictions, 1)
    curve = reliability(truth == 1, values, groups=1, weights=weights)
    assert curve.observed[0] == pytest.approx(truth[repeated].mean())
    assert curve.predicted[0] == pytest.approx(values[repeated].mean())
    plain = reliability(truth == 1, values, groups=1)
    assert curve.high[0] - curve.low[0] > plain.high[0] - plain.low[0], "Kish: weights cost precision"


def test_the_test_of_a_slice_compares_weighted_means():
    random = np.random.default_rng(3)
    losses, mask = random.exponential(size=400), np.arange(400) < 200
    codes = np.arange(400)
    plain = difference_p_value(losses, mask, codes)
    assert difference_p_value(losses, mask, codes, np.full(400, 2.0)) == pytest.approx(plain)
    heavy = np.where(mask & (losses > np.median(losses)), 3.0, 1.0)
    assert difference_p_value(losses, mask, codes, heavy) < plain


@pytest.mark.parametrize("task", CLASSES)
def test_fairness_measures_are_those_of_repeated_rows_with_intervals_that_cost_precision(task: Task):
    truth, predictions, weights, repeated = rows(task, 200)
    chosen = predictions if task == "regression" else predicted_classes(task, predictions)
    groups = ColumnGroups("side", np.arange(200) % 2, ["even", "odd"], is_ordered=False)
    again = ColumnGroups("side", groups.groups[repeated], ["even", "odd"], is_ordered=False)
    weighted = measure_fairness(task, groups, truth, predictions, chosen, unit_size=1.0, weights=weights)
    others = (truth[repeated], predictions[repeated], chosen[repeated])
    expected = measure_fairness(task, again, *others, unit_size=1.0)
    plain = measure_fairness(task, groups, truth, predictions, chosen, unit_size=1.0)
    for ours, theirs in zip(weighted.groups, expected.groups, strict=True):
        assert ours.measures == pytest.approx(theirs.measures)
    assert weighted.criteria == pytest.approx(expected.criteria)
    assert weighted.groups[0].rows == 100
    widths = [
        np.mean([high - low for group in found.groups for low, high in group.intervals.values()])
        for found in (weighted, plain)
    ]
    assert widths[0] > widths[1]


@pytest.mark.parametrize("task", CLASSES)
@pytest.mark.parametrize("family", ["linear", "xgboost"])
def test_a_weighted_fit_is_that_of_repeated_rows(task: Task, family: str):
    target, _, weights, repeated = rows(task, 200)
    matrix = np.random.default_rng(1).integers(0, 5, (200, 3)).astype(float)
    settings = Settings(task, CLASSES[task], seed=0, threads=1)
    params = FAMILIES[family].defaults() | (
        {"subsample": 1.0, "colsample_bytree": 1.0} if family == "xgboost" else {}
    )
    predicted = [
        FAMILIES[family].fit(each, params, 5, settings).predict(matrix)
        for each in (FitRows(matrix, target, weights), FitRows(matrix[repeated], target[repeated]))
    ]
    assert predicted[0] == pytest.approx(predicted[1], abs=1e-4)
    plain = FAMILIES[family].fit(FitRows(matrix, target), params, 5, settings).predict(matrix)
    assert np.abs(predicted[0] - plain).max() > 1e-3


@pytest.mark.parametrize("family", TRIED_FAMILIES)
@pytest.mark.parametrize("task", CLASSES)
def test_every_family_follows_the_weights_in_folds_and_fits(task: Task, family: str):
    matrix = np.repeat(np.arange(4.0), 60)[:, None]
    target = np.arange(240) % max(CLASSES[task], 2)  # each value of the feature has rows of each class
    heavy = np.where(target == 1, 5.0, 1.0)
    settings = Settings(task, CLASSES[task], seed=0, threads=1, max_rounds=30)
    params = FAMILIES[family].defaults()
    means = []
    for weights in (None, heavy):
        shared = FitRows(matrix, target, weights)
        fold = FAMILIES[family].prepare(shared, shared, settings)
        fitted = FAMILIES[family].fit(shared, params, 30, settings)
        both = fold.fit(params)[0], fitted.predict(matrix)
        means.append([(each[:, 1] if task == "multiclass" else each).mean() for each in both])
    assert means[1][0] > means[0][0] + 0.03
    assert means[1][1] > means[0][1] + 0.03
