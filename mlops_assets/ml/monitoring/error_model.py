"""The distribution of the errors of a regression, given features and prediction, from labelled rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits

from mlops_assets.ml.metrics.clusters import cluster_codes, count_clusters
from mlops_assets.ml.metrics.metrics import pinball_losses
from mlops_assets.ml.metrics.tasks import IN_TARGET_UNITS, Measure
from mlops_assets.ml.monitoring.density_ratio import numeric_matrix
from mlops_assets.ml.monitoring.estimate import DRAWS, Estimate, summarise

LEAST_ROWS = 50
_REPLICAS = 10
"""Fits on resamples of the labelled rows, which show how uncertain the size of the errors is."""
_FOLDS = 5
_ROWS_OF_A_LEAF = 40


@dataclass(frozen=True)
class ErrorModel:
    """Draws of the errors of current rows.

    The size of an error is predicted by small boosted trees; an error is that size times the relative error
    of a labelled row, whose size was predicted out of fold.

    Attributes
    ----------
    sizes
        The expected absolute error of each current row, by replica, shape `(replicas, n)`.
    relative
        Errors of labelled rows divided by their expected absolute error, by replica, shape `(replicas, m)`.
    """

    sizes: NDArray
    relative: NDArray

    @classmethod
    def fit(
        cls,
        truth: NDArray,
        predictions: NDArray,
        features: pd.DataFrame,
        current: tuple[NDArray, pd.DataFrame],
        *,
        clusters: NDArray | None = None,
        weights: NDArray | None = None,
        seed: int = 0,
    ) -> "ErrorModel":
        """Fit the sizes of the errors.

        Parameters
        ----------
        truth, predictions, features
            Labelled rows that the model was not fitted on, at least `LEAST_ROWS`.
        current
            Predictions and features of the current rows.
        clusters, weights
            Cluster and weight of each labelled row; by default rows are independent and count the same.
        """
        matrix = numeric_matrix(features, current[1])
        inputs = np.column_stack([np.concatenate([predictions, current[0]]), matrix])
        labelled, unlabelled = inputs[: len(truth)], inputs[len(truth) :]
        codes = cluster_codes(clusters, len(truth))
        random = np.random.default_rng(seed)
        errors = truth - predictions
        places = _places(codes)
        sizes, drawn = [], []
        with threadpool_limits(1, "openmp"):  # threads that wait for busy cores cost more than such fits
            relative = errors / _out_of_fold(labelled, np.abs(errors), codes, weights, seed)
            for _ in range(_REPLICAS):
                chosen = random.integers(len(places), size=len(places))
                rows = np.concatenate([places[place] for place in chosen])
                own = None if weights is None else weights[rows]
                model = _sizes_model(len(rows), seed)
                model.fit(labelled[rows], _positive(np.abs(errors[rows])), own)
                sizes.append(model.predict(unlabelled))
                share = None if own is None else own / own.sum()
                drawn.append(relative[rows][random.choice(len(rows), len(truth), p=share)])
        return cls(np.stack(sizes), np.stack(drawn))

    def estimate(
        self,
        measure: Measure,
        metrics: Sequence[str],
        predictions: NDArray,
        *,
        rows: NDArray | None = None,
        share: float = 1.0,
        draws: int = DRAWS,
        seed: int = 0,
    ) -> dict[str, Estimate]:
        """Metrics from simulated targets: prediction plus a drawn error.

        Parameters
        ----------
        predictions
            Of all current rows.
        rows
            Positions of the rows to estimate; by default all.
        share
            The share of these rows among those whose targets will be measured.
        """
        random = np.random.default_rng(seed)
        rows = np.arange(len(predictions)) if rows is None else rows
        chosen = predictions[rows]
        values: dict[str, list[float]] = {name: [] for name in metrics}
        for draw in range(draws):
            replica = draw % len(self.sizes)
            picked = random.choice(self.relative[replica], len(rows))
            errors = self.sizes[replica][rows] * picked
            for name in metrics:
                values[name].append(_metric(measure, name, chosen + errors, chosen))
        return {
            name: _summary(name, np.array(found), len(self.sizes), share) for name, found in values.items()
        }


def _summary(metric: str, found: NDArray, replicas: int, share: float) -> Estimate:
    """The estimate, with the noise of the targets scaled to the number of all rows."""
    centres = np.array([np.mean(found[replica::replicas]) for replica in range(replicas)])
    centre = centres[np.arange(len(found)) % replicas]
    return summarise(metric, float(np.mean(found)), centre + (found - centre) * np.sqrt(share))


def _metric(measure: Measure, metric: str, truth: NDArray, predictions: NDArray) -> float:
    errors = np.abs(truth - predictions)
    unit = measure.unit_size if metric in IN_TARGET_UNITS else 1.0
    match metric:
        case "rmse":
            return float(np.sqrt(np.mean(errors**2))) / unit
        case "r2":
            return 1.0 - float(np.mean(errors**2) / np.var(truth))
        case "pinball":
            return float(np.mean(pinball_losses(truth, predictions, measure.quantile or 0.5))) / unit
        case "mae":
            return float(np.mean(errors)) / unit
    raise ValueError(f"{metric} is not estimated")


def _out_of_fold(
    inputs: NDArray, sizes: NDArray, codes: NDArray, weights: NDArray | None, seed: int
) -> NDArray:
    """The expected absolute error of each labelled row, by a fit on other clusters."""
    found = np.empty(len(sizes))
    folds = GroupKFold(min(_FOLDS, count_clusters(codes)), shuffle=True, random_state=seed)
    for train, apart in folds.split(inputs, groups=codes):
        own = None if weights is None else weights[train]
        model = _sizes_model(len(train), seed).fit(inputs[train], _positive(sizes[train]), own)
        found[apart] = model.predict(inputs[apart])
    return found


def _sizes_model(rows: int, seed: int) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(
        loss="gamma",
        max_iter=40,
        max_depth=3,
        learning_rate=0.1,
        min_samples_leaf=max(_ROWS_OF_A_LEAF, rows // 100),
        early_stopping=False,
        random_state=seed,
    )


def _positive(sizes: NDArray) -> NDArray:
    """Absolute errors as the gamma loss requires them: an exact prediction has a tiny error."""
    least = 1e-6 * float(sizes.mean()) if sizes.any() else 1e-12
    return np.maximum(sizes, least)


def _places(codes: NDArray) -> list[NDArray]:
    """The rows of each cluster."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(codes))[:-1])
