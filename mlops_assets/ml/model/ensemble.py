"""Ensembles: weighted means of several models of one search, by greedy ensemble selection."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlops_assets.core.digests import text_digest
from mlops_assets.ml.families import FAMILIES, Estimator, FitRows, Settings
from mlops_assets.ml.families.contributions import ContributionScale
from mlops_assets.ml.families.fit_threads import in_order, shared_among

ENSEMBLE = "ensemble"
"""The family of a model that has several members."""
STEPS = 25
"""Maximum number of selection steps; weights are multiples of one over the number of steps."""
PATIENCE = 6
"""Selection stops after this number of steps without a lower loss."""


@dataclass(frozen=True)
class Member:
    """One model of an ensemble.

    Attributes
    ----------
    rounds
        Boosting rounds; None for a family without rounds.
    weight
        Its weight in the mean; the weights of all members sum to one.
    """

    family: str
    params: Mapping[str, Any]
    rounds: int | None
    weight: float


def greedy_weights(
    candidates: Sequence[NDArray], loss: Callable[[NDArray], float], *, most: int, steps: int = STEPS
) -> list[float]:
    """Weights of a mean of predictions with a low loss, by greedy selection with replacement.

    Each step adds the candidate that gives the mean the lowest loss; a candidate may be added repeatedly. The
    weights are those after the step with the lowest loss (Caruana et al. 2004, Ensemble Selection from
    Libraries of Models).

    Parameters
    ----------
    candidates
        Out-of-fold predictions, all of the same shape.
    loss
        Maps predictions to a number; lower is better.
    most
        Maximum number of candidates with a positive weight.
    """
    counts, total = np.zeros(len(candidates), dtype=int), np.zeros_like(candidates[0])
    best: tuple[float, int, NDArray] = np.inf, 0, counts
    for step in range(1, steps + 1):
        full = np.count_nonzero(counts) >= most
        allowed = [place for place in range(len(candidates)) if counts[place] or not full]
        losses = [loss((total + candidates[place]) / step) for place in allowed]
        chosen = allowed[int(np.argmin(losses))]
        counts[chosen] += 1
        total = total + candidates[chosen]
        if min(losses) < best[0]:
            best = min(losses), step, counts.copy()
        if step - best[1] == PATIENCE:
            break
    weights: list[float] = (best[2] / best[2].sum()).tolist()
    return weights


@dataclass(frozen=True)
class EnsembleEstimator:
    """The weighted mean of several fitted estimators of the same matrix.

    Attributes
    ----------
    fit_seconds
        The time to fit each member; empty after loading.
    """

    members: tuple[Estimator, ...]
    weights: tuple[float, ...]
    fit_seconds: tuple[float, ...] = field(default=(), compare=False)

    @classmethod
    def fit(cls, rows: FitRows, members: Sequence[Member], settings: Settings) -> "EnsembleEstimator":
        """Fit each member on all rows."""
        workers, shared = shared_among(len(members), settings)

        def fit(member: Member) -> tuple[Estimator, float]:
            started = perf_counter()
            fitted = FAMILIES[member.family].fit(rows, member.params, member.rounds, shared)
            return fitted, perf_counter() - started

        fits = (partial(fit, member) for member in members)
        fitted, seconds = zip(*in_order(fits, workers, shared.threads), strict=True)
        return cls(fitted, tuple(member.weight for member in members), seconds)

    @classmethod
    def load(cls, folder: Path, members: Sequence[Member]) -> "EnsembleEstimator":
        """Read an ensemble that `save` wrote."""
        loaded = tuple(
            FAMILIES[member.family].load(folder / str(place)) for place, member in enumerate(members)
        )
        return cls(loaded, tuple(member.weight for member in members))

    def predict(self, matrix: NDArray) -> NDArray:
        return weighted_sum([member.predict(matrix) for member in self.members], self.weights)

    contribution_scale: ClassVar[ContributionScale] = "prediction"

    @property
    def contribution_cost(self) -> int:
        """The cost of all members."""
        return sum(member.contribution_cost for member in self.members)

    def contributions(self, matrix: NDArray) -> NDArray:
        """The weighted mean of the members' contributions to their predictions, which is additive as well."""
        return self.prediction_contributions(matrix)

    def prediction_contributions(self, matrix: NDArray) -> NDArray:
        """The contributions of each column to the weighted mean of the predictions."""
        parts = [
            weight * member.prediction_contributions(matrix)
            for member, weight in zip(self.members, self.weights, strict=True)
        ]
        return np.sum(parts, axis=0)

    def save(self, folder: Path) -> None:
        for place, member in enumerate(self.members):
            (folder / str(place)).mkdir()
            member.save(folder / str(place))

    def digest(self) -> str:
        return text_digest(*(member.digest() for member in self.members), *map(repr, self.weights))


def weighted_sum(parts: Sequence[NDArray], weights: Sequence[float]) -> NDArray:
    """The weighted sum of predictions, one by one: NumPy sums eight members or more of one row pairwise."""
    total = weights[0] * parts[0]
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        total = total + weight * part
    return total
