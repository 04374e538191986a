"""The calibration of predictions on labelled rows: the identity, known maps, clusters and shifts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from mlops_assets.ml.monitoring.label_calibration import LabelCalibration


def pairs(probability):
    return np.column_stack([1 - probability, probability])


def drawn(rows: int = 4_000, *, slope: float = 1.0, seed: int = 0):
    """Probabilities, and targets whose log odds are those of the probabilities times a slope."""
    random = np.random.default_rng(seed)
    probability = expit(random.normal(0, 1.5, rows))
    return probability, (random.random(rows) < expit(slope * logit(probability))).astype(int)


def test_calibrated_probabilities_are_kept():
    probability, truth = drawn()
    calibration = LabelCalibration.fit(truth, pairs(probability))
    grid = np.linspace(0.05, 0.95, 19)
    assert calibration.apply(pairs(grid))[:, 1] == pytest.approx(grid, abs=0.03)


def test_predictions_that_are_too_sure_are_corrected():
    probability, truth = drawn(slope=0.5)
    calibration = LabelCalibration.fit(truth, pairs(probability))
    grid = np.linspace(0.05, 0.95, 19)
    assert calibration.apply(pairs(grid))[:, 1] == pytest.approx(expit(0.5 * logit(grid)), abs=0.03)


def test_few_rows_leave_the_predictions_almost_unchanged():
    calibration = LabelCalibration.fit(np.array([0, 1]), pairs(np.array([0.3, 0.6])))
    assert calibration.apply(pairs(np.array([0.3, 0.6])))[:, 1] == pytest.approx([0.3, 0.6], abs=0.1)


def test_the_uncertainty_is_that_of_other_samples():
    point = pairs(np.array([0.8]))
    fits = [LabelCalibration.fit(*_swapped(drawn(500, seed=seed))) for seed in range(100)]
    between = np.std([fit.apply(point)[0, 1] for fit in fits])
    random = np.random.default_rng(0)
    within = np.mean([fit.draw(point, random, 100)[:, 0, 1].std() for fit in fits[:20]])
    assert within == pytest.approx(between, rel=0.25)


def _swapped(rows):
    return rows[1], pairs(rows[0])


def test_repeated_rows_of_a_cluster_are_no_further_evidence():
    probability, truth = drawn(500)
    once = LabelCalibration.fit(truth, pairs(probability))
    repeated, clusters = np.repeat(np.arange(500), 9), np.repeat(np.arange(500), 9)
    again = LabelCalibration.fit(truth[repeated], pairs(probability[repeated]), clusters=clusters)
    careless = LabelCalibration.fit(truth[repeated], pairs(probability[repeated]))
    point, random = pairs(np.array([0.6])), np.random.default_rng(0)
    spreads = [fit.draw(point, random, 400)[:, 0, 1].std() for fit in (once, again, careless)]
    assert spreads[1] == pytest.approx(spreads[0], rel=0.2)
    assert spreads[2] < 0.5 * spreads[1]


def test_a_shift_of_the_rows_widens_the_uncertainty():
    probability, truth = drawn(1_000)
    calibration = LabelCalibration.fit(truth, pairs(probability))
    point, spreads = pairs(np.array([0.7])), []
    for shift in (0.0, 10.0):
        draws = calibration.draw(point, np.random.default_rng(0), 400, np.array([shift]))
        spreads.append(draws[:, 0, 1].std())
    assert spreads[1] > 1.5 * spreads[0]


def test_three_classes_are_calibrated():
    random = np.random.default_rng(3)
    scores = random.normal(0, 1.5, (6_000, 3))
    true, given_ = (np.exp(factor * scores) for factor in (0.5, 1.0))
    true, given_ = (each / each.sum(axis=1, keepdims=True) for each in (true, given_))
    truth = (random.random(6_000)[:, None] >= true.cumsum(axis=1)[:, :-1]).sum(axis=1)
    found = LabelCalibration.fit(truth, given_).apply(given_)
    assert np.abs(found - true).mean() < 0.02
    assert np.abs(given_ - true).mean() > 0.09


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60),
    st.booleans(),
)
def test_any_rows_give_probabilities(rows, shifted):
    probability, truth = (np.array(each, dtype=float) for each in zip(*rows, strict=True))
    shifts = np.linspace(-4, 4, len(rows)) if shifted else None
    calibration = LabelCalibration.fit(truth, pairs(probability))
    found = calibration.draw(pairs(probability), np.random.default_rng(0), 2, shifts)[1]
    assert ((found >= 0) & (found <= 1)).all()
    assert found.sum(axis=1) == pytest.approx(np.ones(len(rows)))
    assert np.isfinite(calibration.covariance).all()
    assert (np.linalg.eigvalsh(calibration.covariance) > -1e-9).all()
