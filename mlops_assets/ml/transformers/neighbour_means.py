"""NeighbourMeans: means over the nearest rows, and their density."""

from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.transformers.places import Coordinates, PlaceIndex, matrix, points

_Values = tuple[NDArray, NDArray | None]
"""Values, and whether each is present; None if all are."""


class NeighbourMeans(TransformerMixin, BaseEstimator):
    """Average columns over the nearest training rows, and measure their density.

    The first two columns are coordinates, the others are averaged. The target is not used. No training row is
    its own neighbour, so that the averages of training rows and of later rows are comparable.

    Parameters
    ----------
    neighbours
        Numbers of neighbours, one average for each.
    coordinates
        `latitude_longitude` (degrees, in this order) or `plane`.

    Notes
    -----
    Each number of neighbours gives an average of each column, ignoring missing values, and the logarithm of
    one plus the distance to the farthest neighbour, which is small in dense areas. A row without coordinates
    gets the averages of all training rows and the distance NaN.

    Examples
    --------
    >>> rows = [[0.0, 0.0, 10.0], [0.0, 1.0, 20.0], [0.0, 2.0, 60.0]]
    >>> around = NeighbourMeans((2,), coordinates="plane").fit(rows)
    >>> around.transform([[0.0, 0.4, 99.0]]).round(2)
    array([[15.  ,  0.47]])
    """

    def __init__(
        self, neighbours: tuple[int, ...] = (5, 20), *, coordinates: Coordinates = "latitude_longitude"
    ) -> None:
        self.neighbours = neighbours
        self.coordinates = coordinates

    def fit(self, rows: ArrayLike, target: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Store the coordinates and the columns of the training rows."""
        self._keep(rows)
        return self

    def fit_transform(self, rows: ArrayLike, target: ArrayLike | None = None) -> NDArray:  # noqa: ARG002
        """Fit, and return the averages of the training rows over their neighbours."""
        known = self._keep(rows)
        count = min(max(self.neighbours), len(self.values_) - 1)
        if count < 1:
            raise ProjectError(
                "NeighbourMeans requires at least two rows with coordinates",
                hint="check the coordinates of the training rows",
            )
        distances, positions = self.index_.nearest_others(count)
        return self._averages(distances, positions, self._filled(), known, self._overall())

    def transform(self, rows: ArrayLike) -> NDArray:
        """Averages over the training rows, shape `(n, columns)`."""
        check_is_fitted(self, "index_")
        return self.prepared()(matrix(rows, of="NeighbourMeans", columns=self.n_features_in_))

    def prepared(self) -> Callable[[NDArray], NDArray]:
        """`transform` of a matrix for many calls: what is the same for all rows is computed once."""
        most, overall = min(max(self.neighbours), len(self.values_)), self._overall()
        values = self._filled()

        def transform(given: NDArray) -> NDArray:
            place = points(given[:, :2], self.coordinates)
            known = ~np.isnan(place).any(axis=1)
            distances, positions = self.index_.nearest(place[known], most)
            return self._averages(distances, positions, values, known, overall)

        return transform

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> NDArray:
        """Names such as `income_mean_20` and `distance_20`."""
        columns = self.n_features_in_
        named = [f"x{place}" for place in range(columns)] if input_features is None else list(input_features)
        return np.array(
            [
                name
                for count in self.neighbours
                for name in (*(f"{column}_mean_{count}" for column in named[2:]), f"distance_{count}")
            ],
            dtype=object,
        )

    def _keep(self, rows: ArrayLike) -> NDArray:
        """Whether each row has coordinates; these rows are the neighbours."""
        given = matrix(rows, of="NeighbourMeans")
        if given.shape[1] < 3:
            raise ProjectError(
                f"NeighbourMeans requires two columns of coordinates and columns to average, found "
                f"{given.shape[1]} columns"
            )
        self.n_features_in_ = given.shape[1]
        place = points(given[:, :2], self.coordinates)
        known = ~np.isnan(place).any(axis=1)
        self.index_, self.values_ = PlaceIndex(place[known]), given[known, 2:]
        return known

    def _overall(self) -> NDArray:
        """The averages of all training rows."""
        return _mean(*self._filled(), axis=0)

    def _filled(self) -> _Values:
        """The values with 0 for missing ones, and whether each is present."""
        missing = np.isnan(self.values_)
        is_complete = len(missing) > 0 and bool(np.isfinite(self.values_).all())
        return self.values_ if is_complete else np.nan_to_num(self.values_), None if is_complete else ~missing

    def _averages(
        self, distances: NDArray, positions: NDArray, values: _Values, known: NDArray, overall: NDArray
    ) -> NDArray:
        filled, present = values
        near, is_present = filled[positions], None if present is None else present[positions]
        columns = []
        for count in self.neighbours:
            local = _mean(near[:, :count], None if is_present is None else is_present[:, :count], axis=1)
            if is_present is not None:
                local = np.where(np.isnan(local), overall, local)
            farthest = np.log1p(distances[:, min(count, distances.shape[1]) - 1])[:, None]
            columns.append(np.concatenate([local, farthest], axis=1))
        averages = np.concatenate(columns, axis=1)
        if known.all():
            return averages
        of_unknown = np.tile(np.append(overall, np.nan), len(self.neighbours))
        result = np.tile(of_unknown, (len(known), 1))
        result[known] = averages
        return result


def _mean(values: NDArray, present: NDArray | None, *, axis: int) -> NDArray:
    """The mean of the present values; NaN without any."""
    if present is None:
        return np.asarray(values.sum(axis=axis) / values.shape[axis])
    count = present.sum(axis=axis)
    return np.where(count > 0, values.sum(axis=axis) / np.maximum(count, 1), np.nan)
