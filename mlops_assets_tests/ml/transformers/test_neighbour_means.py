"""Averages of columns over neighbours, and density."""

import numpy as np
import pytest

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.transformers import NeighbourMeans


def test_a_row_gets_the_means_and_the_distance_of_its_neighbours():
    rows = np.array([[0, 0, 10.0, 1], [0, 1, 20.0, np.nan], [0, 2, 60.0, 3], [0, 9, 0.0, 4]])
    around = NeighbourMeans((2, 3), coordinates="plane").fit(rows)
    found = around.transform([[0.0, 0.4, 99.0, 99.0]])[0]
    assert found == pytest.approx([15.0, 1.0, np.log1p(0.6), 30.0, 2.0, np.log1p(1.6)])
    names = around.get_feature_names_out(["x", "y", "income", "age"])
    assert list(names[:3]) == ["income_mean_2", "age_mean_2", "distance_2"]


def test_no_training_row_is_its_own_neighbour():
    rows = np.array([[0, 0, 10.0], [0, 1, 20.0], [0, 2, 60.0]])
    found = NeighbourMeans((1,), coordinates="plane").fit_transform(rows)
    assert found[[0, 2], 0] == pytest.approx([20, 20])
    equal = np.zeros((4, 3))
    equal[:, 2] = [1, 2, 3, 4]
    means = NeighbourMeans((3,), coordinates="plane").fit_transform(equal)[:, 0]
    assert means == pytest.approx([9 / 3, 8 / 3, 7 / 3, 6 / 3])


def test_there_may_be_more_equal_places_than_neighbours():
    rows = np.zeros((50, 3))
    rows[:, 2] = np.arange(50)
    assert NeighbourMeans((3,), coordinates="plane").fit_transform(rows).shape == (50, 2)


def test_a_row_without_a_place_gets_the_means_of_all(places):
    frame, _ = places
    found = NeighbourMeans((5,)).fit_transform(frame)
    assert found[7, 0] == pytest.approx(frame["income"].drop(7).mean())
    assert np.isnan(found[7, 1])
    assert not np.isnan(np.delete(found, 7, axis=0)).any()


def test_it_is_the_same_after_saving_and_loading(places, survives):
    survives(NeighbourMeans().fit(places[0]), places[0])


@pytest.mark.parametrize(
    ("rows", "message"),
    [([[1.0, 2.0]], "requires two columns"), ([[0.0, 0.0, 1.0]], "requires at least two rows")],
)
def test_too_few_columns_or_rows_are_an_error(rows, message):
    with pytest.raises(ProjectError, match=message):
        NeighbourMeans().fit_transform(rows)


def test_means_of_complete_rows_are_the_same_with_and_without_a_missing_value_elsewhere():
    random = np.random.default_rng(0)
    rows = random.normal(size=(200, 5))
    far = [1e6, 1e6, np.nan, 1.0, 1.0]
    complete, incomplete = (
        NeighbourMeans((3, 8), coordinates="plane").fit(given) for given in (rows, [*rows.tolist(), far])
    )
    asked = random.normal(size=(50, 5))
    assert complete.transform(asked).tobytes() == incomplete.transform(asked).tobytes()
