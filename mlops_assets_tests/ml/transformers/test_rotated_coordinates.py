"""Two coordinates rotated by several angles."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.transformers import RotatedCoordinates


def test_a_quarter_turn_swaps_the_axes_and_keeps_distances():
    rows = pd.DataFrame({"x": [2.0, 0.0, np.nan], "y": [1.0, 3.0, 1.0]})
    turned = RotatedCoordinates((90, 30)).fit_transform(rows)
    np.testing.assert_allclose(turned[:2, :2], [[1.0, -2.0], [3.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(np.hypot(*turned[:2, 2:].T), np.hypot(*rows.to_numpy()[:2].T))
    assert np.isnan(turned[2]).all()


def test_it_is_the_same_after_saving_and_loading(places, survives):
    survives(
        RotatedCoordinates().fit(places[0][["latitude", "longitude"]]), places[0][["latitude", "longitude"]]
    )


@pytest.mark.parametrize(
    ("rows", "message"), [([[1.0]], "requires 2 columns"), ([["a", "b"]], "requires numbers")]
)
def test_values_that_are_not_two_numbers_are_an_error(rows, message):
    with pytest.raises(ProjectError, match=f"RotatedCoordinates {message}"):
        RotatedCoordinates().fit(rows)
