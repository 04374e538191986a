"""RotatedCoordinates: two coordinates rotated by several angles."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from mlops_assets.ml.transformers.places import matrix


class RotatedCoordinates(TransformerMixin, BaseEstimator):
    """Rotate two coordinates by several angles.

    A tree splits one column at a time, parallel to the axes. A coast from north-west to south-east needs many
    splits, or a single split of a rotated column.

    Parameters
    ----------
    degrees
        Angles of the rotation.

    Examples
    --------
    >>> import numpy as np
    >>> RotatedCoordinates(degrees=(90,)).fit_transform([[2.0, 1.0]]).round(6)
    array([[ 1., -2.]])
    """

    def __init__(self, degrees: tuple[float, ...] = (15, 30, 45, 60)) -> None:
        self.degrees = degrees

    def fit(self, coordinates: ArrayLike, target: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Check the input; there are no fitted parameters."""
        matrix(coordinates, of="RotatedCoordinates", columns=2)
        self.n_features_in_ = 2
        return self

    def transform(self, coordinates: ArrayLike) -> NDArray:
        """Both coordinates for each angle, shape `(n, 2 * angles)`; NaN if one is missing."""
        first, second = matrix(coordinates, of="RotatedCoordinates", columns=2).T
        angles = np.deg2rad(self.degrees)
        turned = [
            column
            for angle in angles
            for column in (
                first * np.cos(angle) + second * np.sin(angle),
                second * np.cos(angle) - first * np.sin(angle),
            )
        ]
        return np.column_stack(turned)

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> NDArray:  # noqa: ARG002
        """Names such as `rotated_45_x`."""
        names = [f"rotated_{angle:g}_{axis}" for angle in self.degrees for axis in "xy"]
        return np.array(names, dtype=object)
