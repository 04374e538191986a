"""Probabilities of the classes given predictions, fitted on labelled rows, with their uncertainty."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from mlops_assets.ml.metrics.clusters import cluster_codes, count_clusters

SHIFT_SPREAD = 0.02
"""Standard deviation of the change of level and slope per unit of the log density ratio."""
SLOPE_SPREAD = 0.1
"""Standard deviation of the slopes of the classes around their mean."""
_SPREAD = 1.0
"""The standard deviation of slopes around 1 and of intercepts around 0, by which few rows are shrunk."""
_TINY = 1e-6
_STEPS, _TOLERANCE = 50, 1e-8
_SLOPE, _INTERCEPT = range(2)


@dataclass(frozen=True)
class LabelCalibration:
    """A fitted map from predicted to calibrated probabilities.

    The log odds of a class are a slope times the logarithm of its predicted probability plus an intercept:
    vector scaling of the log probabilities, which for two classes is beta calibration (Kull et al. 2017).
    Unlike an isotonic map it continues beyond the predictions that it was fitted on, which a shift of the
    features requires, and its uncertainty has a closed form.

    Slopes of the classes are kept close to each other: what the labelled rows have few of, a shift may have
    many of, and there a free curvature is noise.

    Attributes
    ----------
    coefficients
        The slope of each class, and the intercept of all but the first.
    covariance
        Of the coefficients, robust to correlation within clusters.
    rows
        Number of rows of the fit.
    """

    coefficients: NDArray
    covariance: NDArray
    classes: int
    rows: int

    @classmethod
    def fit(
        cls,
        truth: NDArray,
        probabilities: NDArray,
        *,
        clusters: NDArray | None = None,
        weights: NDArray | None = None,
    ) -> "LabelCalibration":
        """Fit the map by Newton's method.

        Parameters
        ----------
        truth
            The index of the class, shape `(n,)`.
        probabilities
            Predictions that the model was not fitted on, shape `(n, classes)`.
        clusters
            The cluster of each row, shape `(n,)`: rows of one cluster are correlated. By default rows are
            independent.
        weights
            The weight of each row, shape `(n,)`; by default rows count the same.
        """
        rows = len(truth)
        terms = _terms(probabilities)
        problem = _Fit(
            terms,
            _free(terms),
            np.eye(len(terms))[truth.astype(int)],
            np.ones(rows) if weights is None else weights / weights.mean(),
        )
        found = problem.solve()
        inverse = np.linalg.inv(problem.information(found))
        noise = _clustered_noise(problem.scores(found), clusters)
        covariance = inverse @ (noise + problem.precision) @ inverse
        return cls(found, covariance, len(terms), rows)

    def apply(self, probabilities: NDArray) -> NDArray:
        """Calibrated probabilities, shape `(n, classes)`."""
        terms = _terms(probabilities)
        return np.asarray(softmax(_odds(self.coefficients, terms, _free(terms)), axis=1))

    def draw(
        self, probabilities: NDArray, random: np.random.Generator, draws: int, shifts: NDArray | None = None
    ) -> NDArray:
        """Calibrated probabilities by maps that the labelled rows do not rule out.

        Parameters
        ----------
        shifts
            The log density ratio of the rows to estimate and the labelled rows, at each row, shape `(n,)`. A
            model that misses a part of the relation has other errors where the features lie now, so the log
            odds are uncertain in proportion to it.

        Returns
        -------
        Shape `(draws, n, classes)`.
        """
        coefficients = random.multivariate_normal(self.coefficients, self.covariance, draws, method="eigh")
        changes = random.normal(0, SHIFT_SPREAD, (draws, 2, self.classes))
        terms, found = _terms(probabilities), []
        free = _free(terms)
        for each, (level, slope) in zip(coefficients, changes, strict=True):
            odds = _odds(each, terms, free)
            if shifts is not None:
                odds = odds + shifts[:, None] * (level + slope * terms[:, :, _SLOPE].T)
            found.append(softmax(odds, axis=1))
        return np.stack(found)


@dataclass(frozen=True)
class _Fit:
    """A penalised multinomial regression whose terms differ by class.

    Attributes
    ----------
    terms
        Shape `(classes, n, terms)`.
    free
        Which coefficients are estimated, shape `(classes, terms)`; the others are zero.
    """

    terms: NDArray
    free: NDArray
    outcomes: NDArray
    weights: NDArray

    @property
    def start(self) -> NDArray:
        """The identity."""
        start = np.zeros(self.free.shape)
        start[:, _SLOPE] = 1.0
        return start[self.free]

    @property
    def precision(self) -> NDArray:
        """The inverse covariance of the normal prior, shape `(coefficients, coefficients)`."""
        slopes = np.flatnonzero(np.nonzero(self.free)[1] == _SLOPE)
        precision = np.eye(int(self.free.sum())) / _SPREAD**2
        precision[np.ix_(slopes, slopes)] += (np.eye(len(slopes)) - 1 / len(slopes)) / SLOPE_SPREAD**2
        return precision

    def solve(self) -> NDArray:
        found = self.start
        loss = self.loss(found)
        for _ in range(_STEPS):
            gradient = self.scores(found).sum(axis=0) - self.precision @ (found - self.start)
            step, size = np.linalg.solve(self.information(found), gradient), 1.0
            while (new := self.loss(found + size * step)) > loss and size > _TINY:
                size /= 2
            improved = loss - new
            if improved < _TOLERANCE:
                break
            found, loss = found + size * step, new
        return found

    def loss(self, coefficients: NDArray) -> float:
        """The penalised negative log likelihood."""
        logs = log_softmax(_odds(coefficients, self.terms, self.free), axis=1)
        distance = coefficients - self.start
        return float(
            -(self.weights @ (logs * self.outcomes).sum(axis=1)) + distance @ self.precision @ distance / 2
        )

    def scores(self, coefficients: NDArray) -> NDArray:
        """The gradient of the log likelihood of each row, shape `(n, coefficients)`."""
        expected = softmax(_odds(coefficients, self.terms, self.free), axis=1)
        surprise = self.weights[:, None] * (self.outcomes - expected)
        return self._flat(surprise)

    def information(self, coefficients: NDArray) -> NDArray:
        """The negative Hessian of the penalised log likelihood."""
        expected = softmax(_odds(coefficients, self.terms, self.free), axis=1)
        flat = self._flat(expected)
        own, places = np.zeros((flat.shape[1],) * 2), np.nonzero(self.free)[0]
        for label, terms in enumerate(self.terms):
            inside = np.flatnonzero(places == label)
            used = terms[:, self.free[label]]
            own[np.ix_(inside, inside)] = used.T @ ((self.weights * expected[:, label])[:, None] * used)
        return np.asarray(own - flat.T @ (self.weights[:, None] * flat) + self.precision)

    def _flat(self, by_class: NDArray) -> NDArray:
        """Values of each row and class times the free terms of the class, shape `(n, coefficients)`."""
        return np.hstack(
            [by_class[:, [label]] * terms[:, self.free[label]] for label, terms in enumerate(self.terms)]
        )


def _terms(probabilities: NDArray) -> NDArray:
    """The terms of each class, shape `(classes, n, 2)`."""
    logs = np.log(np.clip(probabilities, _TINY, 1.0)).T
    return np.stack([logs, np.ones_like(logs)], axis=2)


def _free(terms: NDArray) -> NDArray:
    """All but the intercept of the first class."""
    free = np.ones((terms.shape[0], terms.shape[2]), dtype=bool)
    free[0, _INTERCEPT] = False
    return free


def _odds(coefficients: NDArray, terms: NDArray, free: NDArray) -> NDArray:
    """The log odds of each class up to a constant, shape `(n, classes)`."""
    placed = np.zeros(free.shape)
    placed[free] = coefficients
    return np.einsum("kni,ki->nk", terms, placed)


def _clustered_noise(scores: NDArray, clusters: NDArray | None) -> NDArray:
    """The covariance of the sum of the scores (Liang and Zeger 1986)."""
    codes = cluster_codes(clusters, len(scores))
    count = count_clusters(codes)
    sums = scores
    if count < len(scores):
        sums = np.stack([np.bincount(codes, column, minlength=count) for column in scores.T], axis=1)
    return np.asarray(sums.T @ sums * (count / max(count - 1, 1)))
