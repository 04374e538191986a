"""Metrics and row losses against values computed by hand."""

import math

import numpy as np
import pytest

from mlops_assets.ml.metrics.metrics import (
    class_probabilities,
    compute_metric,
    compute_metrics,
    loss_name,
    predicted_classes,
    row_losses,
)
from mlops_assets.ml.metrics.tasks import (
    CLASSIFICATION_METRICS,
    HIGHER_IS_BETTER,
    REGRESSION_METRICS,
    Measure,
    Task,
    default_metric,
    is_better,
    metrics_of,
)
from mlops_assets.ml.metrics.weighted_metrics import weighted_metric


def test_regression():
    metrics = compute_metrics(
        Measure("regression", "rmse"), np.array([1.0, 2.0, 4.0]), np.array([1.0, 4.0, 3.0])
    )
    assert tuple(metrics) == REGRESSION_METRICS
    assert metrics == pytest.approx(
        {
            "rmse": math.sqrt(5 / 3),
            "mae": 1.0,
            "r2": 1 - 5 / (14 / 3),
            "mape": (0 + 1 + 0.25) / 3,
        }
    )


def test_only_metrics_in_the_targets_units_are_scaled():
    truth, predictions = np.array([1.0, 2.0, 4.0]), np.array([1.0, 4.0, 3.0])
    plain = compute_metrics(Measure("regression", "rmse"), truth, predictions)
    scaled = compute_metrics(
        Measure("regression", "rmse", unit_size=1000.0), 1000 * truth, 1000 * predictions
    )
    assert scaled == pytest.approx(plain)


def test_binary():
    truth, predictions = np.array([1, 0, 1, 0]), np.array([0.9, 0.6, 0.4, 0.2])
    metrics = compute_metrics(Measure("binary", "log_loss"), truth, predictions)
    assert tuple(metrics) == CLASSIFICATION_METRICS
    assert metrics == pytest.approx(
        {
            "roc_auc": 3 / 4,  # of four pairs, 0.4 against 0.6 is ranked wrongly
            "average_precision": 1 / 2 * 1 + 1 / 2 * 2 / 3,
            "log_loss": -(math.log(0.9) + math.log(0.4) + math.log(0.4) + math.log(0.8)) / 4,
            "brier": (0.01 + 0.36 + 0.36 + 0.04) / 4,
            "f1": 0.5,
            "accuracy": 0.5,
            "precision": 0.5,
            "recall": 0.5,
        }
    )


def test_multiclass():
    truth = np.array([0, 1, 2, 2])
    predictions = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.2, 0.6], [0.7, 0.25, 0.05]])
    metrics = compute_metrics(Measure("multiclass", "log_loss", classes=3), truth, predictions)
    assert metrics == pytest.approx(
        {
            "roc_auc": (1 + 1 + 2 / 4) / 3,
            "average_precision": (1 + 1 + (1 / 2 * 1 + 1 / 2 * 2 / 4)) / 3,
            "log_loss": -(math.log(0.8) + math.log(0.6) + math.log(0.6) + math.log(0.05)) / 4,
            "brier": (0.06 + 0.26 + 0.24 + 1.455) / 4,
            "f1": (2 / 3 + 1 + 2 / 3) / 3,
            "accuracy": 3 / 4,
            "precision": (1 / 2 + 1 + 1) / 3,
            "recall": (1 + 1 + 1 / 2) / 3,
        }
    )


def test_metrics_that_need_every_class_are_undefined_without_one():
    metrics = compute_metrics(Measure("binary", "log_loss"), np.array([0, 0]), np.array([0.1, 0.7]))
    assert math.isnan(metrics["roc_auc"])
    assert math.isnan(metrics["average_precision"])
    assert {name: metrics[name] for name in ("f1", "precision", "recall", "accuracy")} == {
        "f1": 0.0,
        "precision": 0.0,
        "recall": 0.0,
        "accuracy": 0.5,
    }


def test_a_class_without_rows_still_counts():
    predictions = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])
    metrics = compute_metrics(Measure("multiclass", "log_loss", classes=3), np.array([0, 1]), predictions)
    assert math.isnan(metrics["roc_auc"])
    assert math.isnan(metrics["average_precision"])
    assert metrics["recall"] == pytest.approx(2 / 3)
    assert metrics["log_loss"] == pytest.approx(-(math.log(0.7) + math.log(0.8)) / 2)


def test_a_wrong_probability_of_one_has_a_finite_log_loss():
    metrics = compute_metrics(Measure("binary", "log_loss"), np.array([0, 1]), np.array([1.0, 1.0]))
    assert 10 < metrics["log_loss"] < 20


def test_binary_predictions_are_the_second_of_two_probabilities():
    assert class_probabilities("binary", np.array([0.25, 1.0])).tolist() == [[0.75, 0.25], [0.0, 1.0]]


def test_probabilities_of_several_classes_sum_to_one_in_double_precision():
    single = np.array([[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]], dtype=np.float32).astype(float)
    assert class_probabilities("multiclass", single).sum(axis=1).tolist() == pytest.approx([1, 1], abs=1e-15)


@pytest.mark.parametrize("metric", [*REGRESSION_METRICS, *CLASSIFICATION_METRICS])
def test_an_undefined_value_is_never_better(metric: str):
    better, worse = (2.0, 1.0) if metric in HIGHER_IS_BETTER else (1.0, 2.0)
    assert is_better(metric, better, worse)
    assert not is_better(metric, worse, better)
    assert not is_better(metric, better, better)
    assert not is_better(metric, math.nan, worse)
    assert not is_better(metric, better, math.nan)


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_each_task_has_a_default_metric(task):
    assert default_metric(task) in metrics_of(task)


@pytest.mark.parametrize(
    ("task", "metric"),
    [(task, metric) for task in ("regression", "binary", "multiclass") for metric in metrics_of(task)],
)
def test_a_single_metric_equals_its_value_among_all(task: Task, metric: str):
    random = np.random.default_rng(0)
    truth, predictions = random.integers(0, 3, 60), random.dirichlet([1.0, 1.0, 1.0], 60)
    if task != "multiclass":
        truth, predictions = truth % 2 + (task == "regression"), predictions[:, 1]
    classes = 3 if task == "multiclass" else 2
    together = compute_metrics(
        Measure(task, default_metric(task), classes=classes, unit_size=10.0), truth, predictions
    )
    assert (
        compute_metric(Measure(task, metric, classes=classes, unit_size=10.0), truth, predictions)
        == together[metric]
    )


@pytest.mark.parametrize("metric", ["rmse", "mae", "mape"])
def test_the_mean_of_the_row_losses_of_a_regression_is_the_metric(metric):
    truth, predictions = np.array([1.0, 2.0, 4.0]), np.array([1.0, 4.0, 3.0])
    losses = row_losses(Measure("regression", metric), truth, predictions)
    assert losses.shape == (3,)
    mean = math.sqrt(losses.mean()) if metric == "rmse" else losses.mean()
    assert mean == pytest.approx(compute_metric(Measure("regression", metric), truth, predictions))


def test_the_mean_of_the_row_losses_of_a_classifier_is_the_metric():
    truth = np.array([0, 1, 1, 0])
    predictions = np.array([0.2, 0.9, 0.4, 0.7])
    for metric in ("log_loss", "brier"):
        scale = 2 if metric == "brier" else 1
        losses = row_losses(Measure("binary", metric), truth, predictions) / scale
        assert losses.mean() == pytest.approx(compute_metric(Measure("binary", metric), truth, predictions))
    assert row_losses(Measure("binary", "accuracy"), truth, predictions).tolist() == [0, 0, 1, 1]


def test_a_metric_of_a_ranking_is_represented_by_the_log_loss():
    truth, predictions = np.array([0, 1]), np.array([0.2, 0.9])
    assert loss_name("binary", "roc_auc") == loss_name("multiclass", "average_precision") == "log loss"
    np.testing.assert_array_equal(
        row_losses(Measure("binary", "roc_auc"), truth, predictions),
        row_losses(Measure("binary", "log_loss"), truth, predictions),
    )


def test_the_decision_threshold_decides_about_the_metrics_of_classes_only():
    truth, predictions = np.array([0, 0, 1, 1]), np.array([0.1, 0.3, 0.3, 0.45])
    half = compute_metrics(Measure("binary", "log_loss"), truth, predictions)
    own = compute_metrics(Measure("binary", "log_loss"), truth, predictions, threshold=0.3)
    assert (half["recall"], half["accuracy"]) == (0.0, 0.5)
    assert (own["recall"], own["accuracy"], own["precision"]) == (1.0, 0.75, pytest.approx(2 / 3))
    ranked = ("roc_auc", "average_precision", "log_loss", "brier")
    assert [own[name] for name in ranked] == [half[name] for name in ranked]
    assert row_losses(Measure("binary", "f1"), truth, predictions, threshold=0.3).tolist() == [0, 1, 0, 0]
    assert predicted_classes("binary", predictions, 0.3).tolist() == [0, 1, 1, 1]
    assert predicted_classes("binary", np.array([0.5]), None).tolist() == [0], "as the model predicts"


def test_a_target_with_zeros_has_no_relative_error():
    truth, predictions = np.array([0.0, 2.0, 4.0]), np.array([1.0, 4.0, 3.0])
    assert "mape" not in compute_metrics(Measure("regression", "rmse"), truth, predictions)
    primary = Measure("regression", "mape")
    assert math.isnan(compute_metrics(primary, truth, predictions)["mape"])
    assert np.isnan(weighted_metric(primary, truth, predictions)(np.ones((2, 3)))).all()
