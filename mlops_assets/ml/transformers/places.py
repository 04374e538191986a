"""Places on the earth, and which of them are near."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from mlops_assets.core.errors import ProjectError

EARTH_RADIUS = 6371.0
"""Mean radius in kilometres."""

Coordinates = Literal["latitude_longitude", "plane"]
"""`latitude_longitude`: two columns in degrees, in this order, and distances in kilometres. `plane`: any
number of columns, and distances in their unit."""


def matrix(values: ArrayLike, *, of: str, columns: int | None = None) -> NDArray:
    """Values of a frame or a matrix as float64, shape `(n, columns)`.

    Raises
    ------
    ProjectError
        When the values are not numbers, or have another number of columns.
    """
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ProjectError(f"{of} takes numbers: {error}", hint="give it columns of numbers only") from error
    if found.ndim != 2 or (columns is not None and found.shape[1] != columns):
        raise ProjectError(
            f"{of} takes {columns if columns is not None else 'a table of'} columns, and was given values of "
            f"shape {found.shape}",
            hint="name its columns in make_column_transformer",
        )
    return found


def points(coordinates: NDArray, kind: Coordinates) -> NDArray:
    """Coordinates as points whose straight distances tell which are near, shape `(n, dimensions)`.

    On the earth these are points of a sphere, in kilometres; the chord between two is shorter than the way
    over the ground by less than one part in a thousand up to 900 km.
    """
    if kind == "plane":
        return coordinates
    latitude, longitude = np.deg2rad(coordinates[:, 0]), np.deg2rad(coordinates[:, 1])
    across = np.cos(latitude)
    return EARTH_RADIUS * np.column_stack(
        [across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)]
    )


def great_circle(coordinates: NDArray, latitude: float, longitude: float) -> NDArray:
    """Kilometres over the ground from rows of latitude and longitude to one place (haversine)."""
    rows = np.deg2rad(coordinates)
    there = np.deg2rad([latitude, longitude])
    half = np.sin((rows - there) / 2) ** 2
    share = half[:, 0] + np.cos(rows[:, 0]) * np.cos(there[0]) * half[:, 1]
    return 2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.clip(share, 0, 1)))


class PlaceIndex:
    """Finds the nearest of fitted places.

    What is kept are the points, as an array; the tree over them is built when it is first asked.

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
        """Distances and positions of the nearest places of each point, shapes `(n, count)`, nearest first."""
        if "_tree" not in vars(self):
            self._tree = cKDTree(self.places)
        distances, positions = self._tree.query(of, k=np.arange(1, count + 1))
        return distances, positions

    def nearest_others(self, count: int) -> tuple[NDArray, NDArray]:
        """The same for the fitted places themselves; none is its own neighbour."""
        distances, positions = self.nearest(self.places, count + 1)
        own = positions == np.arange(len(self.places))[:, None]
        own[~own.any(axis=1), -1] = (
            True  # of more equal places than asked for, it is not even among the nearest
        )
        shape = (len(self.places), count)
        return distances[~own].reshape(shape), positions[~own].reshape(shape)
