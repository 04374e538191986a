"""Seeds for the random steps of a pipeline, so that equal data give equal models."""

import copy
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import TargetEncoder
from sklearn.utils.multiclass import type_of_target

_FOLDS = 5
"""What `TargetEncoder` uses by default."""


def seed_steps(pipeline: BaseEstimator, seed: int, target: NDArray) -> None:
    """Set the seed in every step that would draw from the global random state.

    These are the parameters `random_state` that are None, at any depth of pipelines, column transformers and
    feature unions, those of splitters that shuffle, and the folds of `TargetEncoder`. A seed that the project
    has set stays.

    Parameters
    ----------
    target
        The target that the pipeline will be fitted with; it determines the kind of folds.
    """
    if not hasattr(pipeline, "get_params"):
        return
    if isinstance(pipeline, TargetEncoder):
        _seed_folds(pipeline, seed, target)
    for name, value in pipeline.get_params(deep=True).items():
        if name.rpartition("__")[2] == "random_state" and value is None:
            pipeline.set_params(**{name: seed})
        elif isinstance(value, TargetEncoder):
            _seed_folds(value, seed, target)
        elif _is_unseeded_splitter(value):
            seeded = copy.copy(value)
            seeded.random_state = seed
            pipeline.set_params(**{name: seeded})


@contextmanager
def global_seed(seed: int) -> Iterator[None]:
    """Seed the global random states of NumPy and Python for steps without a seed; restore them at the end."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    np.random.seed(seed % 2**32)
    random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)


def _seed_folds(encoder: TargetEncoder, seed: int, target: NDArray) -> None:
    """Replace a number of folds by the folds that `TargetEncoder` would shuffle by the global state.

    `random_state` of `TargetEncoder` is deprecated from scikit-learn 1.9.
    """
    declared = encoder.get_params(deep=False)
    has_seed = declared.get("random_state", "deprecated") not in (None, "deprecated")
    if has_seed or declared.get("shuffle") is False or not isinstance(declared["cv"], int | None):
        return
    kind = declared["target_type"]
    kind = type_of_target(target) if kind == "auto" else kind
    folds = KFold if kind == "continuous" else StratifiedKFold
    encoder.set_params(cv=folds(declared["cv"] or _FOLDS, shuffle=True, random_state=seed))


def _is_unseeded_splitter(value: Any) -> bool:
    """Whether it is a splitter of scikit-learn that shuffles without a seed."""
    return (
        callable(getattr(value, "split", None))
        and not isinstance(value, str)
        and getattr(value, "random_state", 0) is None
        and getattr(value, "shuffle", True)
    )
