"""Feature importances: permutation importance and mean absolute SHAP values."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.features.preprocessing import feature_frame, transform
from mlops_assets.ml.model.tabular_model import TabularModel

SHAP_ROWS, MIN_SHAP_ROWS = 400, 10
SHAP_COST = 10**9
"""Limit of rows times `contribution_cost`: a minute or less for forests of deep trees."""
_CHUNK = 10
PERMUTATION_ROWS = 2_000
_MAX_NAMED = 3


def permutation_importances(
    predict: Callable[[pd.DataFrame], NDArray],
    features: pd.DataFrame,
    loss: Callable[[NDArray, NDArray], float],
    *,
    seed: int,
    rows: int = PERMUTATION_ROWS,
) -> dict[str, float]:
    """Permutation importance: the increase of a loss when one feature is shuffled (Breiman 2001).

    Parameters
    ----------
    predict
        Maps a frame of features to predictions.
    loss
        Maps positions of rows, and predictions for them, to a number; lower is better.
    rows
        Maximum number of sampled rows.

    Returns
    -------
    The increase by feature, largest first.
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
    """Mean absolute SHAP value by feature, largest first, on the scale of the estimator.

    SHAP values of `shap_rows` rows are computed for the columns of the pipeline's output. A column that
    depends on several features, such as a rotated coordinate, is reported under the names of all of them.
    """
    sample = features.sample(shap_rows(model, len(features)), random_state=seed).reset_index(drop=True)
    frame = feature_frame(sample[list(model.spec.features)])
    matrix = transform(model.pipeline, frame)
    parts = [matrix[start : start + _CHUNK] for start in range(0, len(matrix), _CHUNK)]  # short calls
    values = np.concatenate([model.estimator.contributions(part) for part in parts])
    sources = column_sources(model, frame, seed=seed)
    summed: dict[str, NDArray] = {}
    for index, names in enumerate(sources):
        if names:
            label = _joined(names)
            summed[label] = summed.get(label, 0.0) + values[..., index]
    found = {name: float(np.abs(value).mean()) for name, value in summed.items()}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def shap_rows(model: TabularModel, rows: int) -> int:
    """The number of rows whose SHAP values are computed: fewer for large forests."""
    affordable = SHAP_COST // max(model.estimator.contribution_cost, 1)
    return min(rows, SHAP_ROWS, max(MIN_SHAP_ROWS, affordable))


def column_sources(model: TabularModel, frame: pd.DataFrame, *, seed: int) -> list[tuple[str, ...]]:
    """The features that each column of the pipeline's output depends on.

    Dependencies are found by shuffling each feature, because a transformer may give columns any name.
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


def _joined(names: tuple[str, ...]) -> str:
    if len(names) <= _MAX_NAMED:
        return " + ".join(names)
    return f"{' + '.join(names[:2])} + {len(names) - 2} more"
