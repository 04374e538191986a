"""Calibration maps probabilities to probabilities, for two classes and for more."""

import numpy as np
import pytest

from mlops_assets.ml.model.calibration import Calibration, log_odds


def test_sigmoid_is_a_linear_function_of_the_log_odds():
    predictions = np.array([0.1, 0.5, 0.9])
    calibrated = Calibration("sigmoid", (2.0,), (0.5,)).apply(predictions)
    np.testing.assert_allclose(log_odds(calibrated), 2.0 * log_odds(predictions) + 0.5)


def test_isotonic_interpolates_between_its_knots_and_is_constant_beyond_them():
    calibrated = Calibration("isotonic", (0.2, 0.6), (0.1, 0.3)).apply(np.array([0.0, 0.2, 0.4, 0.6, 1.0]))
    np.testing.assert_allclose(calibrated, [0.1, 0.1, 0.2, 0.3, 0.3])


def test_temperature_keeps_the_order_of_classes_and_the_sum_of_probabilities():
    predictions = np.array([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]])
    softer = Calibration("temperature", (0.5,)).apply(predictions)
    np.testing.assert_allclose(softer.sum(axis=1), 1.0)
    assert softer[0].argmax() == 0
    assert softer[0, 0] < 0.7
    np.testing.assert_allclose(Calibration("temperature", (1.0,)).apply(predictions[:1]), predictions[:1])


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_log_odds_of_zero_and_one_are_finite(probability: float):
    assert np.isfinite(log_odds(np.array([probability]))).all()


def test_lists_from_json_become_tuples():
    assert Calibration("isotonic", [0.0, 1.0], [0.0, 0.5]) == Calibration("isotonic", (0.0, 1.0), (0.0, 0.5))
