"""A learning curve is fitted on nested, growing samples."""

import itertools

import numpy as np
import pytest

from mlops_assets.ml.evaluation.learning_curve import learning_curve


def test_samples_are_nested_and_those_below_the_minimum_are_left_out():
    masks: list[np.ndarray] = []

    def fit(keep: np.ndarray) -> np.ndarray:
        masks.append(keep)
        return np.array([float(keep.sum())])

    points = learning_curve(
        fit,
        lambda predictions: (float(predictions[0]), 0.0, 1.0),
        lambda predictions, previous: (float(predictions[0] - previous[0]), 9.0),
        240,
        seed=0,
    )
    assert [point.rows for point in points] == [60, 120, 240]
    assert [point.score for point in points] == [60.0, 120.0, 240.0]
    assert [point.gain[0] for point in points] == [pytest.approx(np.nan, nan_ok=True), 60.0, 120.0]
    assert all((later >= earlier).all() for earlier, later in itertools.pairwise(masks))


def test_over_time_the_samples_are_the_latest_rows():
    masks: list[np.ndarray] = []

    def fit(keep: np.ndarray) -> np.ndarray:
        masks.append(keep)
        return np.zeros(1)

    times = np.arange(200)[::-1]
    learning_curve(fit, lambda _: (0.0, 0.0, 1.0), lambda *_: (0.0, 0.0), 200, seed=0, times=times)
    assert [times[mask].min() for mask in masks] == [150, 100, 0]
    assert [int(mask.sum()) for mask in masks] == [50, 100, 200]


def test_samples_without_every_class_are_left_out():
    points = learning_curve(
        lambda keep: np.array([float(keep.sum())]),
        lambda predictions: (float(predictions[0]), 0.0, 1.0),
        lambda *_: (0.0, 0.0),
        400,
        seed=0,
        times=np.arange(400),
        classes=(np.arange(400) < 150).astype(int),  # the second class has no late rows
    )
    assert [point.rows for point in points] == [400]
