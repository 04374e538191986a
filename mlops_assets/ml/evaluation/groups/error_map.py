"""Errors of a regression by geographic location."""

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

LATITUDES, LONGITUDES = ("latitude", "lat"), ("longitude", "lon", "lng", "long")
MIN_ROWS = 5
"""Cells with fewer rows are drawn white."""
_CELLS = 30


@dataclass(frozen=True)
class ErrorMap:
    """Errors in the cells of a square grid; arrays have the shape `(cells,)`.

    Attributes
    ----------
    latitude, longitude
        The centre of each cell that has rows, in degrees.
    width
        The width of a cell in degrees.
    size, bias
        Mean absolute error, and mean error (predicted - true), in the reported unit.
    rows
        Number of rows in each cell.
    """

    latitude: NDArray = field(repr=False)
    longitude: NDArray = field(repr=False)
    width: float
    size: NDArray = field(repr=False)
    bias: NDArray = field(repr=False)
    rows: NDArray = field(repr=False)


def find_coordinates(columns: Collection[str]) -> tuple[str, str] | None:
    """Names of the latitude and the longitude column; None unless both exist. Case is ignored."""
    by_lower = {name.lower(): name for name in columns}
    latitude = next((by_lower[name] for name in LATITUDES if name in by_lower), None)
    longitude = next((by_lower[name] for name in LONGITUDES if name in by_lower), None)
    return (latitude, longitude) if latitude and longitude else None


def error_map(latitude: NDArray, longitude: NDArray, errors: NDArray) -> ErrorMap | None:
    """Aggregate errors on a grid of 30 cells along its longer side.

    Parameters
    ----------
    latitude, longitude
        In degrees, shape `(n,)`; rows with a missing coordinate are left out.
    errors
        Predicted - true of each row, shape `(n,)`, in the reported unit.

    Returns
    -------
    None for fewer than two distinct locations.
    """
    known = np.isfinite(latitude) & np.isfinite(longitude)
    latitude, longitude, errors = latitude[known], longitude[known], errors[known]
    if not len(errors):
        return None
    width = max(np.ptp(latitude), np.ptp(longitude)) / _CELLS
    if not width:
        return None
    rows, columns = (np.floor((each - each.min()) / width).astype(int) for each in (latitude, longitude))
    places, cell, counts = np.unique(
        np.column_stack([rows, columns]), axis=0, return_inverse=True, return_counts=True
    )
    cell = cell.ravel()
    return ErrorMap(
        latitude.min() + (places[:, 0] + 0.5) * width,
        longitude.min() + (places[:, 1] + 0.5) * width,
        float(width),
        np.bincount(cell, np.abs(errors)) / counts,
        np.bincount(cell, errors) / counts,
        counts,
    )
