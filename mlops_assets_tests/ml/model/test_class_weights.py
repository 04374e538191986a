"""Class weights: their scale, the correction of probabilities, and the threshold that follows."""

import numpy as np
import pytest

from mlops_assets.ml.model.class_weights import class_weight_threshold, fit_weights, resolve_class_weights
from mlops_assets.ml.search.fit_calibration import choose_calibration, prior_correction

TARGET = np.array([0] * 80 + [1] * 20)


def test_balanced_classes_have_the_same_total_weight_and_the_sum_of_all_stays():
    factors = resolve_class_weights("balanced", ("no", "yes"), TARGET)
    assert factors == pytest.approx((0.625, 2.5))
    weights = fit_weights(TARGET, None, factors)
    assert weights[TARGET == 0].sum() == pytest.approx(weights[TARGET == 1].sum())
    assert weights.sum() == pytest.approx(100)
    of_rows = np.where(np.arange(100) % 2, 3.0, 1.0)
    weighted = fit_weights(TARGET, of_rows, resolve_class_weights("balanced", ("no", "yes"), TARGET, of_rows))
    assert weighted[TARGET == 0].sum() == pytest.approx(weighted[TARGET == 1].sum()) == pytest.approx(50)


@pytest.mark.parametrize("classes", [(), (0.625, 2.5)])
def test_the_unit_of_weights_does_not_matter_in_a_fit(classes):
    of_rows = np.where(np.arange(100) % 2, 3.0, 1.0)
    for unit in (1e-4, 1.0, 1e4):
        np.testing.assert_allclose(
            fit_weights(TARGET, unit * of_rows, classes), fit_weights(TARGET, of_rows, classes)
        )
    assert fit_weights(TARGET, of_rows, ()).mean() == pytest.approx(1)
    assert fit_weights(TARGET, of_rows, ())[1] == pytest.approx(3 * fit_weights(TARGET, of_rows, ())[0])


def test_listed_classes_have_their_ratio_and_others_one():
    factors = resolve_class_weights({"yes": 5.0}, ("no", "yes"), TARGET)
    assert factors[1] / factors[0] == pytest.approx(5)
    assert class_weight_threshold(factors) == pytest.approx(1 / 6)
    assert fit_weights(TARGET, None, ()) is None


def test_the_correction_gives_the_frequencies_of_the_rows_back():
    share = 0.2
    weighted = 2.5 * share / (2.5 * share + 0.625 * (1 - share))
    assert weighted == pytest.approx(0.5)
    assert prior_correction((0.625, 2.5)).apply(np.array([weighted])) == pytest.approx([share])
    three, weights = np.array([0.2, 0.3, 0.5]), np.array([1.0, 4.0, 2.0])
    of_fit = (three * weights / (three @ weights))[None]
    assert prior_correction(tuple(weights)).apply(of_fit) == pytest.approx(three[None])


@pytest.mark.parametrize("rows", [40, 2_000])
def test_probabilities_of_a_weighted_fit_are_calibrated_to_the_rows(rows):
    random = np.random.default_rng(0)
    true = random.beta(1, 6, rows)
    truth = (random.uniform(size=rows) < true).astype(int)
    weights = (1.0, 6.0)
    of_fit = 6 * true / (6 * true + 1 - true)
    found = choose_calibration("binary", truth, of_fit, seed=0, class_weights=weights)
    assert found is not None, "with few rows, the exact correction"
    assert found.apply(of_fit).mean() == pytest.approx(truth.mean(), abs=0.08)
    assert of_fit.mean() > truth.mean() + 0.2


def test_weighted_rows_calibrate_to_weighted_frequencies():
    random = np.random.default_rng(1)
    predictions = random.uniform(0.2, 0.8, 2_000)
    truth = (random.uniform(size=2_000) < predictions).astype(int)
    weights = np.where(truth == 1, 4.0, 1.0)
    found = choose_calibration("binary", truth, predictions, seed=0, weights=weights)
    assert np.average(found.apply(predictions), weights=weights) == pytest.approx(
        np.average(truth, weights=weights), abs=0.02
    )
