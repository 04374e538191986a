"""Learning curve: the metric on the holdout of models fitted on growing parts of the training rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHARES = (0.125, 0.25, 0.5, 1.0)
MIN_ROWS = 50

Interval = tuple[float, float]


@dataclass(frozen=True)
class CurvePoint:
    """One point of a learning curve.

    Attributes
    ----------
    rows
        Number of training rows.
    score, low, high
        The metric on the holdout and its 95 % confidence interval; NaN where undefined.
    gain
        The 95 % confidence interval of the metric minus that of the previous point, on the same holdout rows.
    """

    rows: int
    score: float
    low: float
    high: float
    gain: Interval = (float("nan"), float("nan"))


def learning_curve(
    fit: Callable[[NDArray], NDArray],
    score: Callable[[NDArray], tuple[float, float, float]],
    gain: Callable[[NDArray, NDArray], Interval],
    rows: int,
    *,
    seed: int,
    shares: Sequence[float] = SHARES,
    times: NDArray | None = None,
    classes: NDArray | None = None,
) -> list[CurvePoint]:
    """Fit on nested, growing samples of the training rows: random ones, or with times the latest rows.

    Parameters
    ----------
    fit
        Maps a mask of training rows, shape `(rows,)`, to predictions for the holdout.
    score
        Maps predictions to the metric and both ends of its confidence interval.
    gain
        Maps predictions, and those of the previous point, to the confidence interval of the difference.
    rows
        Number of all training rows.
    shares
        Sample sizes as shares of the training rows; samples below `MIN_ROWS` are left out.
    times
        The time of each training row, in a split over time.
    classes
        The class of each training row; samples that lack a class are left out, because no model can be
        fitted on them.
    """
    order = np.random.default_rng(seed).permutation(rows)
    if times is not None:
        order = np.argsort(times, kind="stable")[::-1]
    points: list[CurvePoint] = []
    previous: NDArray | None = None
    for size in (round(share * rows) for share in shares):
        if size < MIN_ROWS:
            continue
        if classes is not None and len(np.unique(classes[order[:size]])) < len(np.unique(classes)):
            continue
        predictions = fit(np.isin(np.arange(rows), order[:size]))
        difference = gain(predictions, previous) if previous is not None else CurvePoint.gain
        points.append(CurvePoint(size, *score(predictions), gain=difference))
        previous = predictions
    return points
