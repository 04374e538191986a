"""The folds of a search, preprocessed once for all trials, and out-of-fold predictions."""

import os
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.families import FAMILIES, FitRows, Prepared, Settings
from mlops_assets.ml.families.base import Params
from mlops_assets.ml.families.fit_threads import in_order, shared_among
from mlops_assets.ml.features.monotone import column_directions
from mlops_assets.ml.features.preprocessing import MakePipeline, transform
from mlops_assets.ml.metrics.metrics import compute_metric
from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER, Measure, Metric

Fold = tuple[NDArray, NDArray]
"""Positions of the training rows and of the validation rows."""


class PreparedFolds:
    """Folds preprocessed for each family when a trial first needs them.

    Parameters
    ----------
    features, target
        The training rows: features in the form of `feature_frame`, and the target, for
        classification the index of the class.
    weights
        The weight of each row in fits and scores; by default rows count the same.
    monotone
        For features with a constraint 1 for increasing, -1 for decreasing.
    """

    def __init__(
        self,
        features: pd.DataFrame,
        target: NDArray,
        folds: Sequence[Fold],
        make_pipeline: MakePipeline,
        settings: Settings,
        *,
        weights: NDArray | None = None,
        monotone: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._features, self._target, self._folds = features, target, folds
        self._make_pipeline = make_pipeline
        self._workers, self._settings = shared_among(len(folds), settings)
        self._weights, self._monotone = weights, monotone
        self._matrices: dict[int, tuple[FitRows, FitRows]] = {}
        self._prepared: dict[tuple[str, int], Prepared] = {}

    def __len__(self) -> int:
        return len(self._folds)

    @property
    def rows(self) -> NDArray:
        """Positions of the validation rows, fold after fold."""
        return np.concatenate([valid for _, valid in self._folds])

    def truth(self, fold: int) -> NDArray:
        return self._target[self._folds[fold][1]]

    def score(self, fold: int, predictions: NDArray, metric: Metric, unit_size: float) -> float:
        """The metric of the predictions of a fold; NaN where it is undefined."""
        shared = self._settings
        measure = Measure(shared.task, metric, shared.classes, unit_size, shared.quantile)
        weights = self._weights_of(self._folds[fold][1])
        return compute_metric(measure, self.truth(fold), predictions, weights=weights)

    def mean_loss(self, predictions: NDArray, metric: Metric, unit_size: float) -> float:
        """The mean metric over the folds for predictions of `rows`, as a loss: lower is better."""
        ends = np.cumsum([len(valid) for _, valid in self._folds])[:-1]
        parts = np.split(predictions, ends)
        scores = [self.score(fold, part, metric, unit_size) for fold, part in enumerate(parts)]
        return float(np.mean(scores)) * (-1.0 if metric in HIGHER_IS_BETTER else 1.0)

    def get(self, family: str, fold: int) -> Prepared:
        """A fold in the form of a family."""
        if (family, fold) not in self._prepared:
            train, valid = self._folds[fold]
            if fold not in self._matrices:
                pipeline, features = self._make_pipeline(), self._features.iloc[train]
                fitted = transform(pipeline, features, fit=self._target[train], seed=self._settings.seed)
                directions = column_directions(pipeline, features, self._monotone)
                self._matrices[fold] = (
                    FitRows(fitted, self._target[train], self._weights_of(train), directions),
                    FitRows(
                        transform(pipeline, self._features.iloc[valid]),
                        self._target[valid],
                        self._weights_of(valid),
                    ),
                )
            self._prepared[family, fold] = FAMILIES[family].prepare(*self._matrices[fold], self._settings)
        return self._prepared[family, fold]

    def fit(self, family: str, params: Params) -> Generator[tuple[NDArray, int | None], None, None]:
        """Fit every fold; yields predictions of the validation rows and boosting rounds, fold after fold."""
        fits = (partial(self.get(family, fold).fit, params) for fold in range(len(self)))
        return in_order(fits, self._workers, self._settings.threads)

    def _weights_of(self, rows: NDArray) -> NDArray | None:
        return None if self._weights is None else self._weights[rows]


class OutOfFold:
    """Out-of-fold predictions of finished trials.

    Parameters
    ----------
    folder
        Stores one file for each trial, written atomically; None keeps them in memory.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._kept: dict[int, NDArray] = {}

    def keep(self, number: int, predictions: NDArray) -> None:
        """Keep the predictions of a trial for `PreparedFolds.rows`."""
        if self._folder is None:
            self._kept[number] = predictions
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f"{number}.npy.part"
        with unfinished.open("wb") as stream:
            np.save(stream, predictions, allow_pickle=False)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(self._folder / f"{number}.npy")

    def get(self, number: int) -> NDArray | None:
        """The predictions of a trial; None when they are not stored."""
        if self._folder is None:
            return self._kept.get(number)
        path = self._folder / f"{number}.npy"
        found: NDArray | None = np.load(path, allow_pickle=False) if path.is_file() else None
        return found
