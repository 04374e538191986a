"""The measured performance of predictions, and whether it holds against the figures at registration."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.evaluation.groups.column_groups import ColumnGroups
from mlops_assets.ml.evaluation.groups.slices import MIN_ROWS, holm
from mlops_assets.ml.metrics.bootstrap import LEVEL, bootstrap_interval
from mlops_assets.ml.metrics.clusters import cluster_codes, mean_half_width, standard_error
from mlops_assets.ml.metrics.metrics import Threshold, at_rows, compute_metric
from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER, Measure

MEAN_ERROR = "mean_error"
"""Mean of prediction minus target; for two classes, of probability minus share of the second class."""
SIGNIFICANCE = 0.01
"""Largest probability of a false alarm among the figures of all rows, and again among those of slices."""
RESAMPLES = 300
_HALF_WIDTH = 2 * NormalDist().inv_cdf((1 + LEVEL) / 2)


@dataclass(frozen=True)
class ScoredRows:
    """Predictions, with their targets once these are known.

    Attributes
    ----------
    truth, predictions, threshold, weights
        As in `compute_metrics`.
    clusters
        The cluster of each row, shape `(n,)`; None if rows are independent.
    slices
        The groups of the rows by each declared column.
    """

    truth: NDArray
    predictions: NDArray
    threshold: Threshold = None
    clusters: NDArray | None = None
    weights: NDArray | None = None
    slices: Sequence[ColumnGroups] = ()

    def take(self, rows: NDArray) -> "ScoredRows":
        """Some rows, by position, without their slices."""
        return ScoredRows(
            self.truth[rows],
            self.predictions[rows],
            at_rows(self.threshold, rows),
            None if self.clusters is None else self.clusters[rows],
            None if self.weights is None else self.weights[rows],
        )


@dataclass(frozen=True)
class Figure:
    """A metric of all rows or of a slice.

    Attributes
    ----------
    slice_column, slice_value
        None for all rows.
    low, high
        The 95 % interval; NaN if it is undefined.
    error
        The standard error.
    """

    metric: str
    value: float
    low: float
    high: float
    error: float
    rows: int
    slice_column: str | None = None
    slice_value: str | None = None

    @property
    def place(self) -> tuple[str, str | None, str | None]:
        """What it measures."""
        return self.metric, self.slice_column, self.slice_value


@dataclass(frozen=True)
class Compared:
    """A figure against the same figure at registration; `holds` is None if it isn't evaluated."""

    figure: Figure
    registered: Figure | None = None
    holds: bool | None = None
    p_adjusted: float = float("nan")


def figure_of(metric: str, value: float, low: float, high: float, *, rows: int) -> Figure:
    """A figure whose standard error follows from its 95 % interval."""
    return Figure(metric, value, low, high, (high - low) / _HALF_WIDTH, rows)


def measure_performance(
    measure: Measure, rows: ScoredRows, metrics: Sequence[str] | None = None
) -> list[Figure]:
    """All metrics and the mean error of all rows, and the primary metric of each slice of enough rows.

    Parameters
    ----------
    metrics
        By default all metrics of the task.
    """
    metrics = _defined(measure, rows) if metrics is None else metrics
    found = [_figure(replace(measure, metric=name), rows) for name in metrics]
    found += _mean_errors(measure, rows)
    for column in rows.slices:
        for index, label in enumerate(column.labels):
            inside = np.flatnonzero(column.mask(index))
            if len(inside) < MIN_ROWS:
                continue
            part = rows.take(inside)
            found.append(replace(_figure(measure, part), slice_column=column.column, slice_value=label))
    return found


def compare_with_registration(
    figures: Iterable[Figure],
    registered: Mapping[tuple[str, str | None, str | None], Figure],
    margins: Mapping[str, float],
) -> list[Compared]:
    """Compare figures with those at registration.

    A figure does not hold if it is worse by more than the margin, and the difference is significant after
    correction for the number of figures (Holm 1979), on the rows of both sides. Figures of all rows and of
    slices are corrected apart, so that many slices hide no change of all rows.

    Parameters
    ----------
    registered
        Figures at registration, by `Figure.place`.
    margins
        The relevant loss of each metric that is evaluated; the others are only reported.
    """
    figures = list(figures)
    losses = [_loss(each, registered.get(each.place)) if each.metric in margins else None for each in figures]
    p_values = np.array([float("nan") if loss is None else loss[1] for loss in losses])
    sliced, adjusted = np.array([each.slice_column is not None for each in figures], dtype=bool), p_values
    for family in (sliced, ~sliced):
        adjusted[family] = holm(p_values[family])
    found = []
    for figure, loss, p_value in zip(figures, losses, adjusted, strict=True):
        holds = None
        if loss is not None and not np.isnan(p_value):
            holds = not (loss[0] > margins[figure.metric] and p_value < SIGNIFICANCE)
        found.append(Compared(figure, registered.get(figure.place), holds, float(p_value)))
    return found


def _figure(measure: Measure, rows: ScoredRows) -> Figure:
    shared: dict[str, Any] = {"threshold": rows.threshold, "weights": rows.weights}
    value = compute_metric(measure, rows.truth, rows.predictions, **shared)
    interval = bootstrap_interval(
        measure, rows.truth, rows.predictions, clusters=rows.clusters, resamples=RESAMPLES, **shared
    )
    return figure_of(measure.metric, value, interval.low, interval.high, rows=len(rows.truth))


def _defined(measure: Measure, rows: ScoredRows) -> list[str]:
    """Metrics of the task, without MAPE for a target with zeros."""
    relative = measure.task != "regression" or bool((rows.truth != 0).all())
    return [name for name in measure.metrics if relative or name != "mape"]


def _mean_errors(measure: Measure, rows: ScoredRows) -> list[Figure]:
    """The mean error; none for a quantile, whose errors do not cancel, and for more than two classes."""
    if measure.task == "multiclass" or measure.quantile is not None:
        return []
    unit = measure.unit_size if measure.task == "regression" else 1.0
    errors, codes = (rows.predictions - rows.truth) / unit, cluster_codes(rows.clusters, len(rows.truth))
    value = float(np.average(errors, weights=rows.weights))
    half = mean_half_width(errors, codes, LEVEL, rows.weights)
    error = standard_error(errors, codes, rows.weights)
    return [Figure(MEAN_ERROR, value, value - half, value + half, error, len(errors))]


def _loss(figure: Figure, registered: Figure | None) -> tuple[float, float] | None:
    """By how much a figure is worse, and the p-value of no loss; None if either is undefined."""
    if registered is None:
        return None
    now, then, error = figure.value, registered.value, float(np.hypot(figure.error, registered.error))
    if figure.metric == MEAN_ERROR:  # a smaller one in the other direction is no loss
        now, then = abs(now), abs(then)
    loss = then - now if figure.metric in HIGHER_IS_BETTER else now - then
    if not error > 0 or np.isnan(loss):
        return None
    return loss, NormalDist().cdf(-loss / error)
