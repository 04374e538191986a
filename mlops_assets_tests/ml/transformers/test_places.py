"""Distances and nearest neighbours."""

import numpy as np
import pytest

from mlops_assets.ml.transformers.places import PlaceIndex, great_circle, points


def test_a_chord_is_close_to_the_great_circle_distance():
    rows = np.array([[37.0, -122.0], [37.5, -121.0], [40.0, -118.0]])
    sphere = points(rows, "latitude_longitude")
    chords = np.linalg.norm(sphere - sphere[0], axis=1)
    assert chords == pytest.approx(great_circle(rows, rows[:1])[:, 0], rel=1e-3)


def test_the_index_agrees_with_brute_force():
    random = np.random.default_rng(0)
    rows, of = random.normal(size=(200, 3)), random.normal(size=(20, 3))
    distances, positions = PlaceIndex(rows).nearest(of, 5)
    all_of_them = np.linalg.norm(of[:, None] - rows, axis=2)
    np.testing.assert_array_equal(positions, all_of_them.argsort(axis=1)[:, :5])
    np.testing.assert_allclose(distances, np.sort(all_of_them, axis=1)[:, :5])
    assert PlaceIndex(rows).nearest(of, 1)[0].shape == (20, 1)
