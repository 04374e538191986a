"""Verification of monotone constraints on a fitted model: its predictions along grids, and its structure."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.evaluation.monotone_structure import holds_in_structure
from mlops_assets.ml.features.monotone import column_directions, grid_rows, value_grid
from mlops_assets.ml.model.calibration import Calibration
from mlops_assets.ml.model.tabular_model import TabularModel

ROWS, GRID = 200, 40
TOLERANCE = 1e-6
"""Decreases up to this share of the largest absolute prediction are rounding errors of single precision."""


@dataclass(frozen=True)
class MonotoneResult:
    """The verification of one constraint.

    Attributes
    ----------
    direction
        `increasing` or `decreasing`.
    columns
        Number of columns of the pipeline's output that the feature is encoded as.
    rows, values
        Number of holdout rows, and of values that the feature was set to in each.
    violations
        Number of these rows in which a step of the feature changes the prediction in the wrong direction.
    largest
        The largest such change, in units of the target or as a probability; 0 without violations.
    in_structure
        Whether each split of each tree, the sign of each coefficient and the calibration hold the
        constraint, so that it holds for all possible rows.
    """

    feature: str
    direction: str
    columns: int
    rows: int
    values: int
    violations: int
    largest: float
    in_structure: bool

    @property
    def holds(self) -> bool:
        """Whether no row violates the constraint."""
        return self.violations == 0


def verify_monotone(
    model: TabularModel,
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    *,
    seed: int,
    monotone: Mapping[str, int] | None = None,
) -> list[MonotoneResult]:
    """Verify the constraints of a model.

    Parameters
    ----------
    train
        Features of the training rows, which give the values that a feature is set to.
    holdout
        Features of the holdout, of which at most `ROWS` rows are drawn.
    monotone
        For features with a constraint 1 for increasing, -1 for decreasing; by default those of the model.
    """
    signs = dict(model.spec.monotone if monotone is None else monotone)
    count = min(ROWS, len(holdout))
    drawn = np.sort(np.random.default_rng(seed).choice(len(holdout), count, replace=False))
    return [_verified(model, train, holdout, name, sign, drawn) for name, sign in signs.items()]


def _verified(
    model: TabularModel, train: pd.DataFrame, holdout: pd.DataFrame, name: str, sign: int, drawn: NDArray
) -> MonotoneResult:
    grid = value_grid(train[name], GRID)
    curves = model.predict_features(grid_rows(holdout, name, drawn, grid)).reshape(len(drawn), len(grid))
    falls = np.maximum(-sign * np.diff(curves, axis=1), 0.0).max(axis=1, initial=0.0)
    wrong = falls > TOLERANCE * max(float(np.abs(curves).max(initial=0.0)), np.finfo(float).tiny)
    directions = column_directions(model.pipeline, train, {name: sign}) or ()
    columns = {place: each for place, each in enumerate(directions) if each}
    return MonotoneResult(
        feature=name,
        direction="increasing" if sign > 0 else "decreasing",
        columns=len(columns),
        rows=len(drawn),
        values=len(grid),
        violations=int(wrong.sum()),
        largest=float(falls[wrong].max(initial=0.0)),
        in_structure=_rises(model.spec.calibration) and holds_in_structure(model.estimator, columns),
    )


def _rises(calibration: Calibration | None) -> bool:
    if calibration is None:
        return True
    if calibration.method == "sigmoid":
        return calibration.x[0] >= 0
    return bool(np.all(np.diff(calibration.y) >= 0))
