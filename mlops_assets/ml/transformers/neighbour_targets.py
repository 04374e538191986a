"""NeighbourTargets: cross-fitted means of the target over the nearest rows."""

from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import KFold
from sklearn.utils.validation import check_is_fitted

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.transformers.places import Coordinates, PlaceIndex, matrix, points


class NeighbourTargets(TransformerMixin, BaseEstimator):
    """Average the target over the nearest training rows, at several numbers of neighbours.

    Later rows get averages over all training rows. Training rows are cross-fitted in `fit_transform`: rows of
    a fold get averages over the rows of the other folds, so that the target of a row never leaks into its own
    features.

    Parameters
    ----------
    neighbours
        Numbers of neighbours, each with one or two columns.
    coordinates
        `latitude_longitude` (degrees, in this order) or `plane`.
    scales
        Unit of distance in each column of a plane; by default one. Further columns, such as an income with a
        larger scale, make similar rows neighbours.
    softening
        A neighbour at distance `d` has the weight `1 / (d + softening)`, in kilometres or units of the plane.
    spread
        Whether to add the standard deviation of the target, for five neighbours or more.
    folds
        Number of folds of the cross-fitting.
    seed
        Seed of the assignment of rows to folds.

    Notes
    -----
    An integer target is treated as classes: each class but the first gets its share among the neighbours. A
    row without coordinates gets the averages of all training rows.

    Examples
    --------
    >>> import numpy as np
    >>> place = np.array([[0.0], [0.1], [5.0], [5.1]])
    >>> price = np.array([1.0, 2.0, 7.0, 8.0])
    >>> around = NeighbourTargets((2,), coordinates="plane", spread=False, folds=2, softening=1.0)
    >>> around.fit(place, price).transform([[0.05]]).round(2)
    array([[1.5]])
    >>> around.fit_transform(place, price).shape
    (4, 1)
    """

    def __init__(
        self,
        neighbours: tuple[int, ...] = (3, 5, 10, 20, 50),
        *,
        coordinates: Coordinates = "latitude_longitude",
        scales: tuple[float, ...] | None = None,
        softening: float = 0.5,
        spread: bool = True,
        folds: int = 20,
        seed: int = 0,
    ) -> None:
        self.neighbours = neighbours
        self.coordinates = coordinates
        self.scales = scales
        self.softening = softening
        self.spread = spread
        self.folds = folds
        self.seed = seed

    def fit(self, coordinates: ArrayLike, target: ArrayLike) -> Self:
        """Store the coordinates and targets of the training rows."""
        self._keep(coordinates, target)
        return self

    def fit_transform(self, coordinates: ArrayLike, target: ArrayLike) -> NDArray:
        """Fit, and return the cross-fitted columns of the training rows."""
        rows, values = self._keep(coordinates, target)
        result = np.empty((len(rows), len(self.get_feature_names_out())))
        folds = min(self.folds, len(rows))
        for train, apart in KFold(folds, shuffle=True, random_state=self.seed).split(rows):
            index, known = self._known(rows[train], values[train])
            result[apart] = self._averages(index, known, rows[apart], _overall(known))
        return result

    def transform(self, coordinates: ArrayLike) -> NDArray:
        """Averages over the training rows, shape `(n, columns)`."""
        check_is_fitted(self, "index_")
        return self.prepared()(matrix(coordinates, of="NeighbourTargets", columns=self.n_features_in_))

    def prepared(self) -> Callable[[NDArray], NDArray]:
        """`transform` of a matrix for many calls: what is the same for all rows is computed once."""
        overall = _overall(self.values_)
        return lambda given: self._averages(self.index_, self.values_, self._points(given), overall)

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> NDArray:  # noqa: ARG002
        """Names such as `target_mean_20`; with more than two classes `target_mean_20_class_1`."""
        kinds = [
            f"target_{kind}_{count}"
            for count in self.neighbours
            for kind in (("mean", "spread") if self._spreads(count) else ("mean",))
        ]
        if self.classes_ <= 2:
            return np.array(kinds, dtype=object)
        named = [f"{kind}_class_{index}" for kind in kinds for index in range(1, self.classes_)]
        return np.array(named, dtype=object)

    def _keep(self, coordinates: ArrayLike, target: ArrayLike) -> tuple[NDArray, NDArray]:
        columns = 2 if self.coordinates == "latitude_longitude" else len(self.scales) if self.scales else None
        given = matrix(coordinates, of="NeighbourTargets", columns=columns)
        rows, found = self._points(given), np.asarray(target)
        self.n_features_in_ = given.shape[1]
        self.classes_ = int(found.max()) + 1 if found.dtype.kind in "iub" else 0
        values = np.eye(self.classes_)[found.astype(int)][:, 1:] if self.classes_ else found[:, None]
        values = np.asarray(values, dtype=np.float64)
        self.index_, self.values_ = self._known(rows, values)
        return rows, values

    def _points(self, given: NDArray) -> NDArray:
        scaled = given / np.asarray(self.scales) if self.scales else given
        return points(scaled, self.coordinates)

    def _known(self, rows: NDArray, values: NDArray) -> tuple[PlaceIndex, NDArray]:
        """An index of the rows with coordinates, and their values."""
        known = ~np.isnan(rows).any(axis=1)
        if not known.any():
            raise ProjectError(
                "NeighbourTargets: no training row has coordinates",
                hint="pass columns of coordinates that have values",
            )
        return PlaceIndex(rows[known]), values[known]

    def _averages(
        self, index: PlaceIndex, values: NDArray, rows: NDArray, overall: tuple[NDArray, NDArray]
    ) -> NDArray:
        known, columns = ~np.isnan(rows).any(axis=1), []
        most = min(max(self.neighbours), len(values))
        distances, positions = index.nearest(rows[known], most)
        weights, near = 1.0 / (distances + self.softening), values[positions]
        for count in self.neighbours:
            weight, of = weights[:, :count, None], near[:, :count]
            columns.append(_filled((weight * of).sum(axis=1) / weight.sum(axis=1), known, overall[0]))
            if self._spreads(count):
                columns.append(_filled(_deviation(of), known, overall[1]))
        return np.concatenate(columns, axis=1)

    def _spreads(self, count: int) -> bool:
        return self.spread and count >= 5


def _overall(values: NDArray) -> tuple[NDArray, NDArray]:
    """Mean and standard deviation of the targets of all rows."""
    return values.mean(axis=0), values.std(axis=0)


def _filled(of_known: NDArray, known: NDArray, overall: NDArray) -> NDArray:
    """The values of the rows with coordinates, and those of all training rows for the others."""
    if len(of_known) == len(known):
        return of_known
    values = np.tile(overall, (len(known), 1))
    values[known] = of_known
    return values


def _deviation(values: NDArray) -> NDArray:
    """`values.std(axis=1)`, which takes three times as long for a single row."""
    count = values.shape[1]
    away = values - values.sum(axis=1, keepdims=True) / count
    return np.asarray(np.sqrt((away * away).sum(axis=1) / count))
