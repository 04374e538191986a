"""Whether more rows would help: the model fitted on parts of the training rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHARES = (0.125, 0.25, 0.5, 1.0)
LEAST_ROWS = 50

Interval = tuple[float, float]


@dataclass(frozen=True)
class CurvePoint:
    """The metric on the holdout of a model that was fitted on so many rows; NaN where undefined.

    Attributes
    ----------
    low, high
        The ends of its 95 % interval.
    gain
        The 95 % interval of its difference to the point before, both on the same rows of the holdout.
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
) -> list[CurvePoint]:
    """Fit on growing parts of the rows, each inside the next.

    Parameters
    ----------
    fit
        From a mask of the rows that train, `(rows,)`, to predictions of the holdout.
    score
        From predictions to the metric and the ends of its interval.
    gain
        From predictions, and those of the point before, to the interval of the difference.
    """
    order = np.random.default_rng(seed).permutation(rows)
    points: list[CurvePoint] = []
    before: NDArray | None = None
    for size in (round(share * rows) for share in shares):
        if size < LEAST_ROWS:
            continue
        predictions = fit(np.isin(np.arange(rows), order[:size]))
        over = gain(predictions, before) if before is not None else CurvePoint.gain
        points.append(CurvePoint(size, *score(predictions), gain=over))
        before = predictions
    return points
