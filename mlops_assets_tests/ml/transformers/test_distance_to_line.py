"""Kilometres to a line."""

import numpy as np
import pytest

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.transformers import DistanceToLine

COAST = [(38.0, -123.0), (37.0, -122.0), (36.0, -122.0)]


def test_the_nearest_point_may_be_a_corner_or_between_two():
    rows = [[36.5, -122.0], [36.5, -121.0], [35.0, -122.0], [np.nan, -122.0]]
    found = DistanceToLine(COAST).fit_transform(rows)[:, 0]
    assert found[:3] == pytest.approx([0, 111.19 * np.cos(np.deg2rad(36.5)), 111.19], rel=1e-3)
    assert np.isnan(found[3])


def test_it_is_the_same_after_saving_and_loading(places, survives):
    rows = places[0][["latitude", "longitude"]]
    survives(DistanceToLine(COAST, name="km_to_coast").fit(rows), rows)


def test_a_line_needs_two_corners():
    with pytest.raises(ProjectError, match="requires at least two corners, found 1"):
        DistanceToLine(COAST[:1]).fit([[36.5, -122.0]])
