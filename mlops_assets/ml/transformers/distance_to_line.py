"""DistanceToLine: how far it is to a coast, a river, a railway."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.transformers.places import EARTH_RADIUS, matrix


class DistanceToLine(TransformerMixin, BaseEstimator):
    """Kilometres to the nearest point of a line through several places.

    Near a row the earth is taken as flat, which is off by about one part in a hundred at 500 km, and by
    nothing to speak of close to the line.

    Parameters
    ----------
    line
        Latitude and longitude of each corner, in degrees, along the line; at least two.
    name
        What the column is called.

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
        """Nothing is learned."""
        if len(self.line) < 2:
            raise ProjectError(f"DistanceToLine: a line has at least two corners, and this {len(self.line)}")
        matrix(coordinates, of="DistanceToLine", columns=2)
        self.n_features_in_ = 2
        return self

    def transform(self, coordinates: ArrayLike) -> NDArray:
        """From rows of latitude and longitude, shape `(n, 2)`, to `(n, 1)`; NaN where one is missing."""
        rows = matrix(coordinates, of="DistanceToLine", columns=2)
        corners = np.asarray(self.line, dtype=float)
        shrink = np.cos(np.deg2rad(rows[:, 0]))  # a degree of longitude, in degrees of latitude
        nearest = np.full(len(rows), np.inf)
        for start, end in pairwise(corners):
            away = np.stack([start[0] - rows[:, 0], (start[1] - rows[:, 1]) * shrink])
            along = np.stack([np.full(len(rows), end[0] - start[0]), (end[1] - start[1]) * shrink])
            length = np.maximum((along**2).sum(axis=0), 1e-18)
            place = np.clip(-(away * along).sum(axis=0) / length, 0, 1)
            nearest = np.minimum(nearest, ((away + place * along) ** 2).sum(axis=0))
        return (np.deg2rad(np.sqrt(nearest)) * EARTH_RADIUS)[:, None]

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> NDArray:  # noqa: ARG002
        """The name."""
        return np.array([self.name], dtype=object)
