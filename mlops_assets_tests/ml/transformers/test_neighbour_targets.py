"""Averages of the target over neighbours: correct and without leakage."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import TargetEncoder

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.transformers import NeighbourTargets

PLACE = ["latitude", "longitude"]


def test_a_later_row_gets_the_weighted_mean_and_spread_of_its_neighbours():
    around = NeighbourTargets((2, 5), coordinates="plane", softening=1.0, folds=2)
    around.fit(np.arange(6.0)[:, None], np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0]))
    mean_2, mean_5, spread_5 = around.transform([[0.0]])[0]
    assert mean_2 == pytest.approx((1.0 * 1 + 0.5 * 2) / 1.5)
    assert mean_5 == pytest.approx(np.average([1, 2, 4, 8, 16], weights=1 / np.arange(1, 6)))
    assert spread_5 == pytest.approx(np.std([1, 2, 4, 8, 16]))


def test_a_column_with_a_scale_makes_similar_rows_neighbours():
    rows = np.array([[0.0, 1.0], [0.1, 9.0], [3.0, 9.1]])
    prices = np.array([1.0, 5.0, 6.0])
    alike = NeighbourTargets(
        (2,), coordinates="plane", scales=(10.0, 1.0), softening=1.0, spread=False, folds=2
    )
    assert alike.fit(rows, prices).transform([[0.1, 9.0]])[0, 0] == pytest.approx(5.5, abs=0.1)
    close = NeighbourTargets(
        (2,), coordinates="plane", scales=(0.1, 99.0), softening=1.0, spread=False, folds=2
    )
    assert close.fit(rows, prices).transform([[0.05, 9.0]])[0, 0] == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("equal", [False, True])
def test_the_target_of_a_row_never_leaks_into_its_features(places, equal):
    frame, price = places
    rows = frame[PLACE].fillna(37.0)
    if equal:
        rows = rows.assign(latitude=37.0, longitude=-122.0)  # its neighbours can't give it away either
    changed = price.copy()
    changed[40] += 1e6
    around = NeighbourTargets((3, 50), folds=10)
    before, after = around.fit_transform(rows, price), around.fit_transform(rows, changed)
    np.testing.assert_array_equal(before[40], after[40])
    assert (before != after).any(), "others see it"
    if equal:
        apart = after[np.abs(after[:, 1]) < 1e3]
        assert len(apart) == 30, "the rows of its fold don't see it"


def test_cross_fitted_columns_of_a_random_target_are_not_informative(places):
    rows = places[0][PLACE].fillna(37.0)
    noise = np.random.default_rng(1).normal(size=len(rows))
    around = NeighbourTargets((5,), spread=False)
    crossed = around.fit_transform(rows, noise)[:, 0]
    assert abs(np.corrcoef(crossed, noise)[0, 1]) < 0.15
    seen = around.transform(rows)[:, 0]
    assert np.corrcoef(seen, noise)[0, 1] > 0.5, "as they would if rows saw themselves"


def test_a_row_without_coordinates_gets_the_mean_and_is_no_neighbour(places):
    frame, price = places
    around = NeighbourTargets((300,), spread=False).fit(frame[PLACE], price)
    assert around.transform(frame[PLACE])[7, 0] == pytest.approx(np.delete(price, 7).mean())
    assert around.fit_transform(frame[PLACE], price).shape == (300, 1)


def test_a_row_whose_distances_are_infinite_gets_the_mean():
    given = np.random.default_rng(0).normal(size=(30, 2))
    encoder = NeighbourTargets((2, 7), coordinates="plane", scales=(1.0, 2.0))
    encoder.fit_transform(given, given.sum(axis=1))
    far, lost, near = encoder.transform(np.array([[1e308, 0], [np.nan, 0], [0.1, 0.1]]))
    assert far.tolist() == lost.tolist() != near.tolist()


def test_each_class_but_the_first_has_a_share():
    rows, classes = np.arange(8.0)[:, None], np.array([0, 0, 1, 1, 2, 2, 2, 2])
    around = NeighbourTargets((2,), coordinates="plane", folds=4).fit(rows, classes)
    assert list(around.get_feature_names_out()) == ["target_mean_2_class_1", "target_mean_2_class_2"]
    np.testing.assert_allclose(around.transform([[0.4], [6.6]]), [[0, 0], [0, 1]])
    assert around.fit_transform(rows, classes).shape == (8, 2)
    binary = NeighbourTargets((2,), coordinates="plane", folds=4).fit(rows, classes > 1)
    assert binary.transform([[7.0]]) == pytest.approx(1.0)


def test_it_is_the_same_after_saving_and_loading(places, survives):
    frame, price = places
    survives(NeighbourTargets().fit(frame[PLACE], price), frame[PLACE])


def test_rows_without_any_coordinates_are_an_error():
    with pytest.raises(ProjectError, match="no training row has coordinates"):
        NeighbourTargets().fit(np.full((3, 2), np.nan), np.arange(3.0))


def test_target_encoding_of_scikit_learn_is_the_same_after_saving_and_loading(places, survives):
    frame, price = places
    rows = pd.DataFrame({"town": np.where(frame["income"] > 3, "Ely", "Rye").astype(object)})
    survives(TargetEncoder(random_state=0).fit(rows, price), rows)
