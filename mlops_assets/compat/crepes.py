"""crepes: conformal quantiles of residuals."""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDING = 1e-12
"""crepes truncates `(1 - confidence) * (rows + 1)`; for 0.9 and 9 rows the product is 0.9999999999999998."""


def conformal_quantiles(
    residuals: "NDArray",
    coverage: float,
    *,
    difficulty: "NDArray | None" = None,
    bins: "NDArray | None" = None,
) -> dict[Any, float]:
    """The quantile of the absolute residuals of each bin that covers a new row of the bin.

    It is the k-th smallest of n values, with k = ⌈coverage · (n + 1)⌉.

    Parameters
    ----------
    residuals
        Shape `(n,)`: true values minus predictions of a model that was not fitted on the row.
    difficulty
        Shape `(n,)`: the residuals are divided by it.
    bins
        Shape `(n,)`: the bin of each row; by default all rows are in bin 0.

    Returns
    -------
    By bin; infinite where the bin has too few rows for the coverage.
    """
    regressor_type = _conformal_regressor()
    bins = np.zeros(len(residuals), dtype=int) if bins is None else bins
    known = np.unique(bins)
    fitted = regressor_type().fit(residuals, sigmas=difficulty, bins=bins)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the no. of calibration examples is too small")
        unit = np.ones(len(known)) if difficulty is not None else None
        intervals = fitted.predict_int(
            np.zeros(len(known)), sigmas=unit, bins=known, confidence=coverage - _ROUNDING
        )
    return dict(zip(known.tolist(), intervals[:, 1].tolist(), strict=True))


def _conformal_regressor() -> Any:
    """The class, imported without the filter of warnings that crepes sets for the whole process."""
    with warnings.catch_warnings():
        from crepes import ConformalRegressor
    return ConformalRegressor
