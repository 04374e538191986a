"""Feature importances: permutation importance and mean absolute SHAP values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.evaluation.shuffled_rows import ShuffledFrame, ShuffledRows
from mlops_assets.ml.features.preprocessing import feature_frame, transform
from mlops_assets.ml.metrics.bootstrap import LEVEL, MOST_UNDEFINED, resampled_weights
from mlops_assets.ml.metrics.clusters import cluster_codes, count_clusters, small_sample_factor
from mlops_assets.ml.metrics.weighted_metrics import Weighted
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.scoring.row_contributions import column_sources, joined

SHAP_ROWS, MIN_SHAP_ROWS = 400, 10
SHAP_COST = 10**9
"""Limit of rows times `contribution_cost`: a minute or less for forests of deep trees."""
_CHUNK = 10
PERMUTATION_ROWS = 2_000
MOST_SHUFFLED = 100
"""Maximum number of features that are shuffled one by one: of more, those with the largest SHAP values."""
_SHUFFLES = 5, 10
_SHUFFLED_ROWS = 120_000
"""Number of predictions up to which features are shuffled more than 5 times."""
_CELLS = 2_000_000
"""Values of the features that are predicted together: a prediction takes a while whatever its rows."""
_RESAMPLES = 100


@dataclass(frozen=True)
class PermutationImportance:
    """The increase of a loss when a feature is shuffled.

    Attributes
    ----------
    mean, deviation
        Mean and standard deviation over the shuffles; the deviation is NaN for a single shuffle.
    low, high
        The 95 % confidence interval of the mean, including the uncertainty of the rows; NaN where undefined.
    """

    mean: float
    deviation: float
    low: float
    high: float

    @property
    def includes_zero(self) -> bool:
        """Whether the feature may be unimportant: its interval includes 0, or lies below."""
        return not self.low > 0


@dataclass(frozen=True)
class ShapImportance:
    """The mean absolute SHAP value of the columns that depend on some features."""

    mean: float
    features: tuple[str, ...]


def shuffle_count(features: int, rows: int) -> int:
    """How often each feature is shuffled: 5 to 10 times, fewer for more features and rows."""
    return int(np.clip(_SHUFFLED_ROWS // max(features * rows, 1), *_SHUFFLES))


def permutation_importances(
    predict: Callable[[pd.DataFrame], NDArray],
    features: pd.DataFrame,
    loss: Callable[[NDArray, NDArray], Weighted],
    *,
    seed: int,
    rows: int = PERMUTATION_ROWS,
    names: Sequence[str] | None = None,
    shuffles: int | None = None,
    clusters: NDArray | None = None,
    shuffled: Callable[[pd.DataFrame], ShuffledRows] | None = None,
) -> dict[str, PermutationImportance]:
    """Permutation importance: the increase of a loss when one feature is shuffled (Breiman 2001).

    A single shuffle of a feature without influence increases the loss in half of the cases. Shuffles are
    therefore repeated, and the standard error of their mean is that over resamples of the clusters of rows.

    Parameters
    ----------
    predict
        Maps a frame of features to predictions.
    loss
        Maps positions of rows, and predictions for them, to the loss as a function of the weights of these
        rows; lower is better.
    rows
        Maximum number of sampled rows.
    names
        The features to shuffle; by default all.
    shuffles
        Number of shuffles of each feature; by default `shuffle_count`.
    clusters
        The cluster of each row, shape `(n,)`; by default rows are independent.

    Returns
    -------
    The importances by feature, the largest mean first.
    """
    random = np.random.default_rng(seed)
    positions = np.sort(random.choice(len(features), min(rows, len(features)), replace=False))
    sample = features.iloc[positions].reset_index(drop=True)
    codes = cluster_codes(None if clusters is None else clusters[positions], len(positions))
    weights = np.vstack([np.ones((1, len(sample))), resampled_weights(random, _RESAMPLES, codes)])
    base = loss(positions, predict(sample))(weights)
    chosen = list(features.columns if names is None else names)
    count = shuffles or shuffle_count(len(chosen), len(sample))
    together = max(1, _CELLS // max(sample.size, 1))
    of_sample = shuffled(sample) if shuffled else ShuffledFrame(predict, sample)
    found = {}
    for name in chosen:
        orders = [random.permutation(len(sample)) for _ in range(count)]
        growth = []
        for start in range(0, count, together):
            part = orders[start : start + together]
            predictions = np.split(of_sample.predict(name, part), len(part))
            growth += [loss(positions, each)(weights) - base for each in predictions]
        found[name] = _summarised(np.array(growth), count_clusters(codes))
    return dict(sorted(found.items(), key=lambda item: -item[1].mean))


def _summarised(growth: NDArray, clusters: int) -> PermutationImportance:
    """The importance by increases of shape `(shuffles, 1 + resamples)`; the first column is of all rows."""
    mean = float(growth[:, 0].mean())
    deviation = float(growth[:, 0].std(ddof=1)) if len(growth) > 1 else float("nan")
    resampled = growth[:, 1:].mean(axis=0)
    if clusters < 2 or np.isnan(resampled).mean() > MOST_UNDEFINED:
        return PermutationImportance(mean, deviation, float("nan"), float("nan"))
    half = NormalDist().inv_cdf((1 + LEVEL) / 2) * small_sample_factor(clusters, LEVEL)
    half *= float(np.nanstd(resampled))
    return PermutationImportance(mean, deviation, mean - half, mean + half)


def leading_features(shap: Mapping[str, ShapImportance], features: Sequence[str]) -> list[str]:
    """At most `MOST_SHUFFLED` of the features, in their order: those with the largest SHAP values."""
    explained = [name for each in shap.values() for name in each.features]
    leading = set(list(dict.fromkeys([*explained, *features]))[:MOST_SHUFFLED])
    return [name for name in features if name in leading]


def shap_importances(model: TabularModel, features: pd.DataFrame, *, seed: int) -> dict[str, ShapImportance]:
    """Mean absolute SHAP value by feature, largest first, on the scale of the estimator.

    SHAP values of `shap_rows` rows are computed for the columns of the pipeline's output. A column that
    depends on several features, such as a rotated coordinate, is reported under the names of all of them.
    """
    sample = features.sample(shap_rows(model, len(features)), random_state=seed).reset_index(drop=True)
    frame = feature_frame(sample[list(model.spec.features)])
    matrix = transform(model.pipeline, frame)
    parts = [matrix[start : start + _CHUNK] for start in range(0, len(matrix), _CHUNK)]  # short calls
    values = np.concatenate([model.estimator.contributions(part) for part in parts])
    summed: dict[str, NDArray] = {}
    names_of: dict[str, tuple[str, ...]] = {}
    for index, names in enumerate(column_sources(model, frame, seed=seed)):
        if names:
            label = joined(names)
            summed[label] = summed.get(label, 0.0) + values[..., index]
            names_of[label] = (*names_of.get(label, ()), *names)
    found = {
        name: ShapImportance(float(np.abs(each).mean()), names_of[name]) for name, each in summed.items()
    }
    return dict(sorted(found.items(), key=lambda item: -item[1].mean))


def shap_rows(model: TabularModel, rows: int) -> int:
    """The number of rows whose SHAP values are computed: fewer for large forests."""
    affordable = SHAP_COST // max(model.estimator.contribution_cost, 1)
    return min(rows, SHAP_ROWS, max(MIN_SHAP_ROWS, affordable))
