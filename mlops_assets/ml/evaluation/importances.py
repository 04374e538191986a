"""What a model leans on: by shuffling a feature, and by the model's own contributions."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.features.preprocessing import feature_frame, transform
from mlops_assets.ml.model.tabular_model import TabularModel

EXPLAINED_ROWS = 400
SHUFFLED_ROWS = 2_000
_MOST_NAMED = 3


@runtime_checkable
class Explained(Protocol):
    """A fitted model that tells how much each column of its matrix adds to a prediction (TreeSHAP)."""

    def contributions(self, matrix: NDArray) -> NDArray:
        """SHAP values in the model's own scale, shape `(n, columns)` or `(n, classes, columns)`."""
        ...


def shuffled_importances(
    predict: Callable[[pd.DataFrame], NDArray],
    features: pd.DataFrame,
    loss: Callable[[NDArray, NDArray], float],
    *,
    seed: int,
    rows: int = SHUFFLED_ROWS,
) -> dict[str, float]:
    """How much a loss grows when one feature is shuffled (Breiman 2001), largest first.

    Parameters
    ----------
    predict
        From a frame of features to predictions.
    loss
        From positions of rows, and predictions of these, to a number; lower is better.
    rows
        At most so many rows are looked at.
    """
    random = np.random.default_rng(seed)
    positions = np.sort(random.choice(len(features), min(rows, len(features)), replace=False))
    sample = features.iloc[positions].reset_index(drop=True)
    base = loss(positions, predict(sample))
    growth = {}
    for name in features.columns:
        shuffled = sample.copy()
        shuffled[name] = sample[name].to_numpy()[random.permutation(len(sample))]
        growth[name] = float(loss(positions, predict(shuffled)) - base)
    return dict(sorted(growth.items(), key=lambda item: -item[1]))


def shap_importances(model: TabularModel, features: pd.DataFrame, *, seed: int) -> dict[str, float]:
    """Mean absolute SHAP value of each feature, largest first; empty of a family that gives none.

    The values are of the columns that `pipeline.py` makes. A column that follows from several features, such
    as a rotated coordinate, is told under all of their names.
    """
    if not isinstance(model.estimator, Explained):
        return {}
    sample = features.sample(min(EXPLAINED_ROWS, len(features)), random_state=seed).reset_index(drop=True)
    frame = feature_frame(sample[list(model.spec.features)])
    values = model.estimator.contributions(transform(model.pipeline, frame))
    sources = column_sources(model, frame, seed=seed)
    summed: dict[str, NDArray] = {}
    for index, names in enumerate(sources):
        if names:
            told = _together(names)
            summed[told] = summed.get(told, 0.0) + values[..., index]
    found = {name: float(np.abs(value).mean()) for name, value in summed.items()}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def column_sources(model: TabularModel, frame: pd.DataFrame, *, seed: int) -> list[tuple[str, ...]]:
    """The features that each column of the pipeline's matrix depends on, found by shuffling each feature.

    Names of columns would not tell: a transformer may call them anything.
    """
    random = np.random.default_rng(seed)
    before = transform(model.pipeline, frame)
    sources: list[tuple[str, ...]] = [() for _ in range(before.shape[1])]
    for name in frame.columns:
        shuffled = frame.copy()
        shuffled[name] = frame[name].to_numpy()[random.permutation(len(frame))]
        after = transform(model.pipeline, shuffled)
        changed = ((before != after) & ~(np.isnan(before) & np.isnan(after))).any(axis=0)
        for index in np.flatnonzero(changed):
            sources[index] = (*sources[index], str(name))
    return sources


def _together(names: tuple[str, ...]) -> str:
    if len(names) <= _MOST_NAMED:
        return " + ".join(names)
    return f"{' + '.join(names[:2])} + {len(names) - 2} more"
