"""Metrics of predictions before their targets are known, and the range in which the truth will lie."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.metrics.bootstrap import LEVEL, MOST_UNDEFINED
from mlops_assets.ml.metrics.metrics import Threshold, class_probabilities
from mlops_assets.ml.metrics.tasks import Measure, metric_range
from mlops_assets.ml.metrics.weighted_metrics import Weighted, weighted_metric
from mlops_assets.ml.monitoring.label_calibration import LabelCalibration

DRAWS = 400
MOST_ROWS = 20_000
"""Of more rows a random subset is simulated, and the noise of the targets scaled to the number of all."""
_BLOCK = 4_000_000
"""Number of weights in memory at a time, 32 MB."""


@dataclass(frozen=True)
class Estimate:
    """An estimated metric.

    Attributes
    ----------
    value
        The expectation over the unknown targets.
    low, high
        The 95 % prediction interval of the metric that will be measured once the targets are known.
    error
        The standard deviation of that metric around the estimate.
    """

    value: float
    low: float
    high: float
    error: float


def estimate_classes(
    measure: Measure,
    metrics: Sequence[str],
    predictions: NDArray,
    calibration: LabelCalibration,
    *,
    shifts: NDArray | None = None,
    threshold: Threshold = None,
    share: float = 1.0,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Metrics of a classifier from its calibrated probabilities (CBPE).

    The estimate is the metric of a copy of each row for each class, weighted by the probability of the class.
    The interval is that of simulated targets: each draw is a calibration that the labelled rows do not rule
    out, and a class of each row by its probabilities. It can't see a change of the relation between features
    and target.

    Parameters
    ----------
    metrics
        Names of the metrics.
    predictions, threshold
        As in `compute_metrics`.
    shifts
        The log density ratio of each row, if the calibration was fitted with those of its rows.
    share
        The share of these rows among those whose targets will be measured: more have less noise.
    """
    random = np.random.default_rng(seed)
    probabilities = class_probabilities(measure.task, predictions)
    of_copies = _metrics_of_copies(measure, metrics, predictions, threshold, probabilities.shape[1])
    expected = _evaluate(of_copies, calibration.apply(probabilities)[None])
    simulated: dict[str, list[NDArray]] = {name: [] for name in metrics}
    for size in _sizes(draws, probabilities.size):
        drawn = calibration.draw(probabilities, random, size, shifts)
        values = _evaluate(of_copies, _sampled(drawn, random))
        if share < 1:
            means = _evaluate(of_copies, drawn)
            values = {name: means[name] + (values[name] - means[name]) * np.sqrt(share) for name in metrics}
        for name in metrics:
            simulated[name].append(values[name])
    return {
        name: summarise(name, float(expected[name][0]), np.concatenate(simulated[name])) for name in metrics
    }


def summarise(metric: str, value: float, simulated: NDArray) -> Estimate:
    """The estimate of a metric from its values of simulated targets; NaN where it is undefined."""
    if np.isnan(value) or np.isnan(simulated).mean() > MOST_UNDEFINED:
        return Estimate(value, float("nan"), float("nan"), float("nan"))
    low, high = np.nanquantile(simulated, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    least, most = metric_range(metric)
    return Estimate(value, max(float(low), least), min(float(high), most), float(np.nanstd(simulated)))


def some_rows(rows: int, *, seed: int = 0) -> NDArray:
    """Sorted positions of all rows, or of a random subset of `MOST_ROWS`."""
    if rows <= MOST_ROWS:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))


def _metrics_of_copies(
    measure: Measure, metrics: Sequence[str], predictions: NDArray, threshold: Threshold, classes: int
) -> dict[str, Weighted]:
    """Each metric as a function of the weights of the copies: all rows of the first class, then the next."""
    truth = np.repeat(np.arange(classes), len(predictions))
    copies = np.concatenate([predictions] * classes)
    if isinstance(threshold, np.ndarray):
        threshold = np.concatenate([threshold] * classes)
    return {
        name: weighted_metric(replace(measure, metric=name), truth, copies, threshold=threshold)
        for name in metrics
    }


def _evaluate(of_copies: Mapping[str, Weighted], classes: NDArray) -> dict[str, NDArray]:
    """Metrics of probabilities or outcomes of shape `(draws, n, classes)`."""
    flat = np.swapaxes(classes, 1, 2).reshape(len(classes), -1)
    return {name: metric(flat) for name, metric in of_copies.items()}


def _sampled(probabilities: NDArray, random: np.random.Generator) -> NDArray:
    """One class for each row of each draw, as an indicator of the shape of the probabilities."""
    drawn = random.random(probabilities.shape[:2])[..., None]
    chosen = (drawn >= probabilities.cumsum(axis=2)[..., :-1]).sum(axis=2)
    return np.asarray(np.eye(probabilities.shape[2])[chosen])


def _sizes(draws: int, values: int) -> Iterator[int]:
    """Numbers of draws that fit into memory together."""
    block = max(1, _BLOCK // max(values, 1))
    for start in range(0, draws, block):
        yield min(block, draws - start)
