"""Calibration is selected only when it lowers the cross-validated log loss."""

from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit, softmax
from sklearn.metrics import log_loss

from mlops_assets.ml.model.calibration import Calibration
from mlops_assets.ml.search.fit_calibration import choose_calibration


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    """Classes and the probabilities that they were drawn by."""
    random = np.random.default_rng(0)
    probability = expit(random.normal(-1, 1.5, 4000))
    return (random.random(4000) < probability).astype(int), probability


def test_overconfident_probabilities_get_a_sigmoid(rows):
    truth, probability = rows
    sure = expit(3 * logit(probability) + 1)
    chosen = choose_calibration("binary", truth, sure, seed=0)
    assert chosen is not None
    assert chosen.method == "sigmoid"
    assert chosen.x[0] == pytest.approx(1 / 3, abs=0.03)
    assert log_loss(truth, chosen.apply(sure)) < log_loss(truth, sure) - 0.1
    np.testing.assert_allclose(chosen.apply(sure), probability, atol=0.03)


def test_over_time_a_map_must_improve_later_rows_than_those_that_it_is_fitted_on(rows):
    truth, probability = rows
    times = np.arange(len(truth))
    shifts = np.array([2, -2, 0, 0, 0])[times * 5 // len(times)]
    shifted = expit(logit(probability) + shifts)
    assert choose_calibration("binary", truth, shifted, seed=0) is not None
    assert choose_calibration("binary", truth, shifted, seed=0, times=times) is None
    same = expit(3 * logit(probability))
    assert choose_calibration("binary", truth, same, seed=0, times=times) is not None
    assert choose_calibration("binary", truth, same, seed=0, times=0 * times) is None, "one time has no later"


def test_with_groups_a_map_must_improve_other_groups_than_those_that_it_is_fitted_on():
    random = np.random.default_rng(0)
    probability = random.uniform(0.05, 0.95, 60)
    truth, groups = np.repeat(random.random(60) < probability, 20).astype(int), np.repeat(np.arange(60), 20)
    predictions = np.repeat(probability, 20)
    assert choose_calibration("binary", truth, predictions, seed=0) is not None, "it remembers the groups"
    assert choose_calibration("binary", truth, predictions, seed=0, groups=groups) is None
    sure = expit(3 * logit(predictions))
    assert choose_calibration("binary", truth, sure, seed=0, groups=groups) is not None


def test_a_shape_that_no_sigmoid_fits_gets_an_isotonic_map(rows):
    truth, probability = rows
    bent = np.where(probability < 0.3, probability / 3, 0.9 + probability / 11)
    chosen = choose_calibration("binary", truth, bent, seed=0)
    assert chosen is not None
    assert chosen.method == "isotonic"
    assert 0 < chosen.apply(np.array([0.0, 1.0]))[0] < chosen.apply(np.array([0.0, 1.0]))[1] < 1
    assert log_loss(truth, chosen.apply(bent)) < log_loss(truth, bent)


def test_calibrated_probabilities_are_unchanged(rows):
    truth, probability = rows
    assert choose_calibration("binary", truth, probability, seed=0) is None


def test_an_overfitted_map_is_not_selected():
    random = np.random.default_rng(1)
    truth = (random.random(120) < 0.5).astype(int)
    assert (
        choose_calibration("binary", truth, np.full(120, 0.5) + random.normal(0, 0.01, 120), seed=0) is None
    )


def test_several_classes_share_one_temperature():
    random = np.random.default_rng(0)
    margins = random.normal(0, 1.5, (3000, 3))
    probabilities = softmax(margins, axis=1)
    truth = np.array([random.choice(3, p=row) for row in probabilities])
    chosen = choose_calibration("multiclass", truth, softmax(2 * margins, axis=1), seed=0)
    assert chosen is not None
    assert chosen.x[0] == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(chosen.apply(softmax(2 * margins, axis=1)).sum(axis=1), 1)


@pytest.mark.parametrize(("task", "rows_of_second"), [("binary", 20), ("regression", 500)])
def test_rare_classes_and_regressions_are_not_calibrated(task: Any, rows_of_second: int):
    truth = np.repeat([0, 1], [1000, rows_of_second])
    assert choose_calibration(task, truth, np.where(truth, 0.2, 0.9), seed=0) is None


def test_a_map_loaded_from_json_is_the_same():
    assert Calibration("isotonic", [0.0, 1.0], [0.1, 0.9]) == Calibration("isotonic", (0.0, 1.0), (0.1, 0.9))
