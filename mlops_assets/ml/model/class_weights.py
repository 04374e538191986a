"""Class weights: factors of the weights of rows in a fit, and their effect on probabilities and decisions."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray


def resolve_class_weights(
    declared: Literal["balanced"] | Mapping[str, float],
    classes: Sequence[object],
    target: NDArray,
    weights: NDArray | None = None,
) -> tuple[float, ...]:
    """The factor of each class, scaled so that the sum of all weights does not change.

    Parameters
    ----------
    declared
        `balanced` for factors that give each class the same total weight; or a factor for each class by its
        label as text, 1 for classes that are not listed.
    classes
        The labels by index of the class.
    target
        The index of the class of each training row, shape `(n,)`.
    weights
        The weight of each row; by default rows count the same.
    """
    totals = np.bincount(target, weights, minlength=len(classes)).astype(float)
    if isinstance(declared, str):
        factors = 1.0 / np.maximum(totals, np.finfo(float).tiny)
    else:
        factors = np.array([declared.get(str(label), 1.0) for label in classes])
    return tuple((factors * totals.sum() / (factors @ totals)).tolist())


def fit_weights(target: NDArray, weights: NDArray | None, class_weights: Sequence[float]) -> NDArray | None:
    """The weight of each row in a fit: its own times that of its class; None if all are equal.

    Weights of rows are scaled to a mean of one. Penalties and the minimum weight of a leaf relate to the sum
    of the weights: in another unit, the same weights would give another model.
    """
    scaled = None if weights is None else weights / weights.mean()
    if not class_weights:
        return scaled
    factors = np.asarray(class_weights)[target]
    return factors if scaled is None else factors * scaled


def class_weight_threshold(class_weights: Sequence[float]) -> float:
    """The probability from which predicting the second of two classes costs less on average (Elkan 2001).

    The weights are the costs of errors: the second class is predicted if its probability times its weight is
    at least that of the first class times its weight.
    """
    return class_weights[0] / (class_weights[0] + class_weights[1])
