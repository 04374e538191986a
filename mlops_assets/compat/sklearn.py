"""Trees of scikit-learn's histogram gradient boosting, and paths of private modules in saved models."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAKE_COLUMN_SELECTOR = "sklearn.compose._column_transformer.make_column_selector"
"""The type of `sklearn.compose.make_column_selector` as a skops file names it."""

FOLDS = ("sklearn.model_selection._split.KFold", "sklearn.model_selection._split.StratifiedKFold")
"""The types of folds that a skops file may name; they hold a number, a flag and a seed."""


def baseline_prediction(model: Any) -> NDArray[np.float64]:
    """The raw prediction before the first tree, one value per output."""
    return np.ravel(model._baseline_prediction)


def boosted_trees(model: Any) -> Sequence[Sequence[NDArray[np.void]]]:
    """The nodes of each tree: a list per iteration, with one structured array per output."""
    return [[predictor.nodes for predictor in iteration] for iteration in model._predictors]


def keep_iterations(model: Any, iterations: int) -> None:
    """Remove all trees after the first iterations; the model then predicts without them."""
    del model._predictors[iterations:]
