"""DistanceToLine: the distance to a coast, a river or a railway."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.transformers.places import EARTH_RADIUS, matrix

_CHUNK = 4_096
"""Rows whose distances to all parts of the line are computed together."""


class DistanceToLine(TransformerMixin, BaseEstimator):
    """Kilometres to the nearest point of a line through several places.

    The earth is approximated by a plane around each row; the error is about 1 % at 500 km and negligible near
    the line.

    Parameters
    ----------
    line
        Latitude and longitude of each corner, in degrees, along the line; at least two.
    name
        Name of the column.

    Examples
    --------
    >>> coast = [(38.0, -123.0), (37.0, -122.0), (36.0, -122.0)]
    >>> DistanceToLine(coast).fit_transform([[36.5, -122.0], [36.5, -121.0]]).round()
    array([[ 0.],
           [89.]])
    """

    def __init__(self, line: Sequence[tuple[float, float]], name: str = "km_to_line") -> None:
        self.line = line
        self.name = name

    def fit(self, coordinates: ArrayLike, target: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Check the input; there are no fitted parameters."""
        if len(self.line) < 2:
            raise ProjectError(
                f"DistanceToLine requires at least two corners, found {len(self.line)}",
                hint="pass the latitude and longitude of each corner",
            )
        matrix(coordinates, of="DistanceToLine", columns=2)
        self.n_features_in_ = 2
        return self

    def transform(self, coordinates: ArrayLike) -> NDArray:
        """Kilometres, shape `(n, 1)`, for latitude and longitude, shape `(n, 2)`; NaN if one is missing."""
        rows = matrix(coordinates, of="DistanceToLine", columns=2)
        parts = [self._squared(rows[start : start + _CHUNK]) for start in range(0, len(rows), _CHUNK)]
        nearest = np.concatenate(parts) if parts else np.empty(0)
        return (np.deg2rad(np.sqrt(nearest)) * EARTH_RADIUS)[:, None]

    def _squared(self, rows: NDArray) -> NDArray:
        """The squared distances in degrees of latitude, shape `(n,)`."""
        corners = np.asarray(self.line, dtype=float)
        start, step = corners[:-1], corners[1:] - corners[:-1]
        shrink = np.cos(np.deg2rad(rows[:, 0]))[:, None]  # a degree of longitude, in degrees of latitude
        north, east = start[:, 0] - rows[:, :1], (start[:, 1] - rows[:, 1:]) * shrink
        up, right = step[:, 0], step[:, 1] * shrink
        length = np.maximum(up**2 + right**2, 1e-18)
        place = np.clip(-(north * up + east * right) / length, 0, 1)
        return np.asarray(((north + place * up) ** 2 + (east + place * right) ** 2).min(axis=1))

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> NDArray:  # noqa: ARG002
        """The name of the column."""
        return np.array([self.name], dtype=object)
