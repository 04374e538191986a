"""Metrics of weighted rows are the metrics of rows that are repeated."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.ml.metrics.metrics import compute_metric
from mlops_assets.ml.metrics.tasks import Measure, Task, metrics_of
from mlops_assets.ml.metrics.weighted_metrics import weighted_metric

CASES: list[tuple[Task, str]] = [
    (task, metric) for task in ("regression", "binary", "multiclass") for metric in metrics_of(task)
]


def rows(task: Task, count: int, seed: int, *, ties: bool) -> tuple[np.ndarray, np.ndarray, int]:
    """Truth and predictions; with ties, predictions take a few values only, certain ones among them."""
    random = np.random.default_rng(seed)
    if task == "regression":
        truth = 100.0 + random.normal(size=count)
        predictions = truth + random.normal(size=count)
        return truth, np.round(predictions) if ties else predictions, 1
    classes = 2 if task == "binary" else 3
    truth = random.integers(0, classes, count)
    weights = random.integers(0, 3, (count, classes)) if ties else random.random((count, classes))
    weights = weights + 1e-9 * (weights.sum(axis=1, keepdims=True) == 0)
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    return truth, probabilities[:, 1] if task == "binary" else probabilities, classes


@pytest.mark.parametrize(("task", "metric"), CASES)
@given(count=st.integers(3, 40), seed=st.integers(0, 2**32 - 1), ties=st.booleans())
@settings(max_examples=15, deadline=None)
def test_integer_weights_equal_repeated_rows(task: Task, metric: str, count: int, seed: int, ties: bool):
    truth, predictions, classes = rows(task, count, seed, ties=ties)
    drawn = np.random.default_rng(seed).integers(0, count, (2, count))
    weights = np.stack([np.bincount(each, minlength=count) for each in drawn]).astype(float)
    values = weighted_metric(Measure(task, metric, classes=classes, unit_size=2.0), truth, predictions)(
        weights
    )
    for each, value in zip(drawn, values, strict=True):
        if metric == "r2" and len(set(each)) == 1:
            assert math.isnan(value)
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            alone = compute_metric(
                Measure(task, metric, classes=classes, unit_size=2.0), truth[each], predictions[each]
            )
        assert value == pytest.approx(alone, nan_ok=True, rel=1e-7, abs=1e-9)


def test_single_precision_clips_probabilities_as_scikit_learn_does():
    truth, predictions = np.array([0, 1, 1]), np.array([1.0, 0.0, 1.0], dtype=np.float32)
    value = weighted_metric(Measure("binary", "log_loss"), truth, predictions)(np.ones((1, 3)))
    assert value[0] == pytest.approx(
        compute_metric(Measure("binary", "log_loss"), truth, predictions), rel=1e-5
    )


def test_r2_far_from_zero_keeps_its_precision():
    truth = 1e9 + np.arange(50.0)
    predictions = truth + np.sin(np.arange(50.0))
    value = weighted_metric(Measure("regression", "r2"), truth, predictions)(np.ones((1, 50)))
    assert value[0] == pytest.approx(
        compute_metric(Measure("regression", "r2"), truth, predictions), rel=1e-9
    )


@pytest.mark.parametrize("metric", ["f1", "accuracy", "precision", "recall"])
def test_weighted_metrics_of_classes_use_the_decision_threshold(metric: str):
    random = np.random.default_rng(3)
    truth, predictions = random.integers(0, 2, 60), random.random(60)
    value = weighted_metric(Measure("binary", metric), truth, predictions, threshold=0.2)(np.ones((1, 60)))
    assert value[0] == pytest.approx(
        compute_metric(Measure("binary", metric), truth, predictions, threshold=0.2)
    )
    assert value[0] != pytest.approx(compute_metric(Measure("binary", metric), truth, predictions))
