"""Error maps: coordinates are found by name, and errors are averaged in cells."""

import numpy as np
import pytest

from mlops_assets.ml.evaluation.groups.error_map import error_map, find_coordinates


def test_coordinate_columns_are_found_by_name_ignoring_case():
    assert find_coordinates(["Longitude", "Latitude", "price"]) == ("Latitude", "Longitude")
    assert find_coordinates(["lat", "lng"]) == ("lat", "lng")
    assert find_coordinates(["lat", "price"]) is None


def test_errors_are_averaged_in_cells_and_rows_without_coordinates_are_left_out():
    latitude = np.array([50.0, 50.01, 53.0, np.nan])
    longitude = np.array([8.0, 8.01, 11.0, 9.0])
    found = error_map(latitude, longitude, np.array([1.0, -3.0, 5.0, 99.0]))
    assert found is not None
    assert found.rows.tolist() == [2, 1]
    assert found.size.tolist() == [2.0, 5.0]
    assert found.bias.tolist() == [-1.0, 5.0]
    assert found.latitude[0] == pytest.approx(50.05)


def test_a_single_location_has_no_map():
    assert error_map(np.full(9, 50.0), np.full(9, 8.0), np.ones(9)) is None
    assert error_map(np.full(9, np.nan), np.full(9, 8.0), np.ones(9)) is None
