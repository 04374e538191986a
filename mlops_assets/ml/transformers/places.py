"""Coordinates, distances and nearest neighbours."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from mlops_assets.core.errors import ProjectError

EARTH_RADIUS = 6371.0
"""Mean radius in kilometres."""
_FARTHEST = 1e150
"""Coordinates beyond have squares that are no doubles."""

Coordinates = Literal["latitude_longitude", "plane"]
"""`latitude_longitude`: two columns in degrees, in this order, with distances in kilometres. `plane`: any
number of columns, with distances in their unit."""


def matrix(values: ArrayLike, *, of: str, columns: int | None = None) -> NDArray:
    """Values of a frame or a matrix as float64, shape `(n, columns)`.

    Raises
    ------
    ProjectError
        When the values are not numbers, or the number of columns differs.
    """
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ProjectError(
            f"{of} requires numbers: {error}",
            hint="pass numeric columns only",
            without_values=f"{of} requires numbers",
        ) from error
    if found.ndim != 2 or (columns is not None and found.shape[1] != columns):
        raise ProjectError(
            f"{of} requires {columns if columns is not None else 'a table of'} columns, found values of "
            f"shape {found.shape}",
            hint="select its columns in make_column_transformer",
        )
    return found


def points(coordinates: NDArray, kind: Coordinates) -> NDArray:
    """Coordinates as points with Euclidean distances, shape `(n, dimensions)`.

    Latitude and longitude become points on a sphere, in kilometres; up to 900 km the chord is shorter than
    the great-circle distance by less than 0.1 %. In a plane, a point whose distance would be infinite is as
    one without coordinates.
    """
    if kind == "plane":
        is_far = (np.abs(coordinates) > _FARTHEST).any(axis=1)
        return np.where(is_far[:, None], np.nan, coordinates) if is_far.any() else coordinates
    latitude, longitude = np.deg2rad(coordinates[:, 0]), np.deg2rad(coordinates[:, 1])
    across = np.cos(latitude)
    return EARTH_RADIUS * np.column_stack(
        [across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)]
    )


def great_circle(coordinates: NDArray, places: NDArray) -> NDArray:
    """Great-circle distances in kilometres from rows of coordinates to places (haversine formula).

    Parameters
    ----------
    coordinates, places
        Latitude and longitude in degrees, shapes `(n, 2)` and `(places, 2)`.

    Returns
    -------
    Shape `(n, places)`.
    """
    rows, there = np.deg2rad(coordinates), np.deg2rad(places)
    north = np.sin((rows[:, :1] - there[:, 0]) / 2) ** 2
    east = np.sin((rows[:, 1:] - there[:, 1]) / 2) ** 2
    share = north + np.cos(rows[:, :1]) * np.cos(there[:, 0]) * east
    return 2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.clip(share, 0, 1)))


class PlaceIndex:
    """An index of points for nearest-neighbour queries.

    Only the array of points is saved; the tree is built at the first query.

    Parameters
    ----------
    places
        Points, shape `(n, dimensions)`, without NaN.
    """

    def __init__(self, places: NDArray) -> None:
        self.places = places

    def __getstate__(self) -> dict[str, Any]:
        return {"places": self.places}

    def nearest(self, of: NDArray, count: int) -> tuple[NDArray, NDArray]:
        """Distances and positions of the nearest points, shapes `(n, count)`, nearest first."""
        if "_tree" not in vars(self):
            self._tree = cKDTree(self.places)
        distances, positions = self._tree.query(of, k=count)
        shape = (len(of), count)  # of one neighbour, it returns no second axis
        return distances.reshape(shape), positions.reshape(shape)

    def nearest_others(self, count: int) -> tuple[NDArray, NDArray]:
        """As `nearest` for the points of the index; none is its own neighbour."""
        distances, positions = self.nearest(self.places, count + 1)
        own = positions == np.arange(len(self.places))[:, None]
        own[~own.any(axis=1), -1] = True  # among many equal points, a point may not find itself
        shape = (len(self.places), count)
        return distances[~own].reshape(shape), positions[~own].reshape(shape)
