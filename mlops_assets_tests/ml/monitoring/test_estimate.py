"""Estimates without labels: by hand, against simulated targets, and of subsets."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from mlops_assets.ml.metrics.metrics import compute_metrics
from mlops_assets.ml.metrics.tasks import Measure, metric_range
from mlops_assets.ml.monitoring.error_model import ErrorModel
from mlops_assets.ml.monitoring.estimate import MOST_ROWS, estimate_classes, some_rows
from mlops_assets.ml.monitoring.label_calibration import LabelCalibration

BINARY = Measure("binary", "roc_auc")


def certain(classes: int = 2) -> LabelCalibration:
    """The identity without uncertainty."""
    size = 2 * classes - 1
    coefficients = np.zeros((classes, 2))
    coefficients[:, 0] = 1.0
    free = np.ones((classes, 2), dtype=bool)
    free[0, 1] = False
    return LabelCalibration(coefficients[free], np.zeros((size, size)), classes, 1_000)


def test_estimates_are_those_computed_by_hand():
    predictions = np.array([0.9, 0.8, 0.3, 0.1])
    found = estimate_classes(BINARY, BINARY.metrics, predictions, certain())
    right = np.array([0.9, 0.8, 0.7, 0.9])
    assert found["accuracy"].value == pytest.approx(right.mean())
    assert found["precision"].value == pytest.approx((0.9 + 0.8) / 2)
    assert found["recall"].value == pytest.approx((0.9 + 0.8) / predictions.sum())
    assert found["f1"].value == pytest.approx(2 * 1.7 / (2 + predictions.sum()))
    assert found["brier"].value == pytest.approx((predictions * (1 - predictions)).mean())
    entropy = -(predictions * np.log(predictions) + (1 - predictions) * np.log(1 - predictions))
    assert found["log_loss"].value == pytest.approx(entropy.mean())
    ranked = total = 0.0
    for (one, p), (other, q) in product(enumerate(predictions), repeat=2):
        weight = p * (1 - q)
        total += weight
        ranked += weight * (0.5 if one == other else float(p > q))
    assert found["roc_auc"].value == pytest.approx(ranked / total)


def test_a_threshold_of_each_row_chooses_the_classes():
    predictions, threshold = np.array([0.9, 0.8, 0.3, 0.1]), np.array([np.inf, -np.inf, -np.inf, np.inf])
    found = estimate_classes(BINARY, ["precision"], predictions, certain(), threshold=threshold)
    assert found["precision"].value == pytest.approx((0.8 + 0.3) / 2)


def test_certain_predictions_leave_no_uncertainty():
    found = estimate_classes(BINARY, ["accuracy"], np.array([0.0, 1.0, 1.0]), certain())["accuracy"]
    assert found.value == pytest.approx(1.0, abs=1e-5)
    assert (found.low, found.high) == (1.0, 1.0)


def test_the_interval_of_a_share_is_that_of_the_binomial_distribution():
    found = estimate_classes(BINARY, ["accuracy"], np.full(1_000, 0.7), certain(), draws=400)["accuracy"]
    half = 1.96 * np.sqrt(0.7 * 0.3 / 1_000)
    assert (found.low, found.high) == pytest.approx((0.7 - half, 0.7 + half), abs=0.006)


def test_more_rows_than_are_simulated_have_less_noise():
    predictions = np.full(500, 0.7)
    some = estimate_classes(BINARY, ["accuracy"], predictions, certain(), share=0.25)["accuracy"]
    every = estimate_classes(BINARY, ["accuracy"], np.full(2_000, 0.7), certain())["accuracy"]
    assert some.error == pytest.approx(every.error, rel=0.1)
    chosen = some_rows(3 * MOST_ROWS, seed=1)
    assert len(np.unique(chosen)) == MOST_ROWS
    assert (np.diff(chosen) > 0).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_calibrated_predictions_have_estimates_near_the_truth_within_their_intervals(classes):
    inside, errors = [], []
    measure = Measure("binary" if classes == 2 else "multiclass", "roc_auc", classes)
    for seed in range(20):
        random = np.random.default_rng(seed)
        scores = np.exp(random.normal(0, 1.2, (2_000, classes)))
        probabilities = scores / scores.sum(axis=1, keepdims=True)
        truth = (random.random(2_000)[:, None] >= probabilities.cumsum(axis=1)[:, :-1]).sum(axis=1)
        given_ = probabilities[:, 1] if classes == 2 else probabilities
        calibration = LabelCalibration.fit(truth[:1_500], probabilities[:1_500])
        found = estimate_classes(measure, ["roc_auc"], given_[1_500:], calibration, draws=100)["roc_auc"]
        shared = {} if classes == 2 else {"multi_class": "ovr"}
        actual = roc_auc_score(truth[1_500:], given_[1_500:], **shared)
        errors.append(found.value - actual)
        inside.append(found.low <= actual <= found.high)
    assert abs(np.mean(errors)) < 0.012
    assert np.mean(inside) >= 0.85


def errors_of(rows: int, *, shift: float = 0.0, seed: int = 0):
    """Predictions, features and targets whose errors grow with the first feature."""
    random = np.random.default_rng(seed)
    features = pd.DataFrame({"x": random.normal(shift, 1, rows), "kind": random.choice(["a", "b"], rows)})
    predictions = 3 * features["x"].to_numpy()
    spread = np.exp(0.5 * features["x"]) * np.where(features["kind"] == "a", 1.0, 2.0)
    return predictions, features, predictions + random.normal(0, spread)


def test_the_errors_of_a_regression_are_estimated_where_the_rows_lie_now():
    known, features, truth = errors_of(4_000)
    measure = Measure("regression", "rmse")
    for shift in (0.0, 1.0):
        now, current, later = errors_of(3_000, shift=shift, seed=1)
        model = ErrorModel.fit(truth, known, features, (now, current))
        found = model.estimate(measure, ["rmse", "mae", "r2"], now, draws=40)
        actual = compute_metrics(measure, later, now)
        for name, estimate in found.items():
            assert estimate.value == pytest.approx(actual[name], rel=0.1, abs=0.07)
    unmoved = compute_metrics(measure, truth, known)["rmse"]
    assert found["rmse"].value > 1.3 * unmoved, "the shift makes errors larger"


def test_errors_are_in_the_unit_of_the_target():
    known, features, truth = errors_of(400)
    found = ErrorModel.fit(truth, known, features, (known, features))
    one, ten = (
        found.estimate(Measure("regression", "mae", unit_size=size), ["mae"], known, draws=20)["mae"].value
        for size in (1.0, 10.0)
    )
    assert one == pytest.approx(10 * ten)


def test_exact_predictions_have_no_error():
    known, features, _ = errors_of(100)
    found = ErrorModel.fit(known, known, features, (known, features))
    rmse = found.estimate(Measure("regression", "rmse"), ["rmse"], known, draws=20)["rmse"]
    assert rmse.value == pytest.approx(0.0)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0, 1))
def test_estimates_lie_in_the_range_of_the_metric(predictions, threshold):
    found = estimate_classes(
        BINARY, BINARY.metrics, np.array(predictions), certain(), threshold=threshold, draws=10
    )
    for name, estimate in found.items():
        least, most = metric_range(name)
        for value in (estimate.value, estimate.low, estimate.high):
            assert np.isnan(value) or least - 1e-9 <= value <= most + 1e-9
        assert np.isnan(estimate.low) or estimate.low <= estimate.high


def test_the_estimate_moves_with_the_rows():
    sure, unsure = expit(np.full(200, 3.0)), expit(np.full(200, 0.2))
    found = [estimate_classes(BINARY, ["accuracy"], each, certain())["accuracy"] for each in (sure, unsure)]
    assert found[0].low > found[1].high
