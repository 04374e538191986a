"""Kilometres to places."""

import numpy as np
import pytest

from mlops_assets.ml.transformers import DistanceToPoints

CITIES = {"San Francisco": (37.7749, -122.4194), "Los Angeles": (34.0522, -118.2437)}


def test_the_distance_is_the_great_circle_distance():
    found = DistanceToPoints(CITIES).fit_transform([[37.7749, -122.4194], [np.nan, -120.0]])
    assert found[0] == pytest.approx([0, 559.1], abs=0.5)
    assert np.isnan(found[1]).all()


def test_columns_are_named_by_place():
    names = DistanceToPoints(CITIES).get_feature_names_out()
    assert list(names) == ["km_to_san_francisco", "km_to_los_angeles"]


def test_it_is_the_same_after_saving_and_loading(places, survives):
    rows = places[0][["latitude", "longitude"]]
    survives(DistanceToPoints(CITIES).fit(rows), rows)
