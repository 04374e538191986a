"""The budget of trials, allocated to families by expected improvement."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PATIENCE = 2
"""Minimum number of trials of each family."""
MIN_GAP = 0.05
"""A family within this share of the best score is kept: it may improve an ensemble."""


@dataclass(frozen=True)
class Attempt:
    """A finished trial.

    Attributes
    ----------
    losses
        Loss of each fold that ran, in order; lower is better.
    """

    family: str
    losses: tuple[float, ...]

    @property
    def loss(self) -> float:
        return float(np.mean(self.losses))


def next_family(families: Sequence[str], attempts: Sequence[Attempt]) -> str:
    """The family of the next trial.

    Families without a trial come first, in order. Then the best remaining family gets twice the trials of the
    second best, three times those of the third, and so on.
    """
    tried = [attempt.family for attempt in attempts]
    for family in families:
        if family not in tried:
            return family
    ranked = sorted(remaining_families(families, attempts), key=lambda family: _best(family, attempts).loss)
    weights = 1.0 / np.arange(1, len(ranked) + 1)
    counts = np.array([tried.count(family) for family in ranked])
    deficit = weights / weights.sum() * (counts.sum() + 1) - counts
    return ranked[int(np.argmax(deficit))]


def remaining_families(families: Sequence[str], attempts: Sequence[Attempt]) -> list[str]:
    """Families that still receive trials.

    A family is dropped when, after `PATIENCE` trials, its best trial is worse than the best of all families
    on every common fold, by three standard errors of the difference and by `MIN_GAP`.
    """
    tried = [family for family in families if any(attempt.family == family for attempt in attempts)]
    if not tried:
        return list(families)
    leader = min((_best(family, attempts) for family in tried), key=lambda attempt: attempt.loss)
    return [
        family for family in families if family not in tried or not _is_hopeless(family, leader, attempts)
    ]


def _is_hopeless(family: str, leader: Attempt, attempts: Sequence[Attempt]) -> bool:
    if sum(attempt.family == family for attempt in attempts) < PATIENCE:
        return False
    best = _best(family, attempts)
    shared = min(len(best.losses), len(leader.losses))
    gaps = np.array(best.losses[:shared]) - np.array(leader.losses[:shared])
    error = float(gaps.std(ddof=1)) / shared**0.5 if shared > 1 else 0.0
    min_gap = MIN_GAP * abs(float(np.mean(leader.losses[:shared])))
    return bool((gaps > 0).all() and gaps.mean() > max(3 * error, min_gap))


def _best(family: str, attempts: Sequence[Attempt]) -> Attempt:
    """The best attempt of a family among those with the most folds; the others were pruned."""
    own = [attempt for attempt in attempts if attempt.family == family]
    longest = max(len(attempt.losses) for attempt in own)
    return min((each for each in own if len(each.losses) == longest), key=lambda attempt: attempt.loss)
