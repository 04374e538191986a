"""Errors by place and by time: where and when the model is off."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

LATITUDES, LONGITUDES = ("latitude", "lat"), ("longitude", "lon", "lng", "long")
LEAST_ROWS = 5
"""A cell of the map with fewer rows is drawn pale, and not judged."""
_CELLS = 30


@dataclass(frozen=True)
class ErrorMap:
    """Mean errors in the cells of a map; arrays of shape `(cells,)`.

    Attributes
    ----------
    latitude, longitude
        The middle of each cell that has rows.
    width
        The width of a cell in degrees.
    size, bias
        Mean absolute error, and mean error (predicted - true), in the reported unit.
    """

    latitude: NDArray = field(repr=False)
    longitude: NDArray = field(repr=False)
    width: float
    size: NDArray = field(repr=False)
    bias: NDArray = field(repr=False)
    rows: NDArray = field(repr=False)


@dataclass(frozen=True)
class PeriodScore:
    """The metric of one period, and what the period was for: to train, to judge, or neither."""

    period: str
    role: Literal["trained", "kept out", "judges", "holdout"]
    rows: int
    score: float
    low: float
    high: float


def find_coordinates(columns: Collection[str]) -> tuple[str, str] | None:
    """Names of the columns of latitude and longitude, if there are both."""
    by_lower = {name.lower(): name for name in columns}
    latitude = next((by_lower[name] for name in LATITUDES if name in by_lower), None)
    longitude = next((by_lower[name] for name in LONGITUDES if name in by_lower), None)
    return (latitude, longitude) if latitude and longitude else None


def error_map(latitude: NDArray, longitude: NDArray, errors: NDArray) -> ErrorMap | None:
    """Lay errors out on a grid of squares.

    Parameters
    ----------
    errors
        Predicted - true of each row, `(n,)`, in the reported unit.

    Returns
    -------
    None where fewer than two places are known.
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
