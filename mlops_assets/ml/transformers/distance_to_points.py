"""DistanceToPoints: the distances to named places."""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from mlops_assets.ml.transformers.places import great_circle, matrix


class DistanceToPoints(TransformerMixin, BaseEstimator):
    """Great-circle distances to several places, in kilometres.

    Parameters
    ----------
    points
        Latitude and longitude of each place, in degrees, by its name.

    Examples
    --------
    >>> to_cities = DistanceToPoints({"San Francisco": (37.77, -122.42), "Los Angeles": (34.05, -118.24)})
    >>> to_cities.fit_transform([[37.77, -122.42]]).round()
    array([[  0., 559.]])
    """

    def __init__(self, points: Mapping[str, tuple[float, float]]) -> None:
        self.points = points

    def fit(self, coordinates: ArrayLike, target: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Check the input; there are no fitted parameters."""
        matrix(coordinates, of="DistanceToPoints", columns=2)
        self.n_features_in_ = 2
        return self

    def transform(self, coordinates: ArrayLike) -> NDArray:
        """Kilometres, shape `(n, places)`, from latitude and longitude; NaN if one is missing."""
        rows = matrix(coordinates, of="DistanceToPoints", columns=2)
        return great_circle(rows, np.array(list(self.points.values()), dtype=np.float64).reshape(-1, 2))

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> NDArray:  # noqa: ARG002
        """Names such as `km_to_san_francisco`."""
        return np.array([f"km_to_{name.lower().replace(' ', '_')}" for name in self.points], dtype=object)
