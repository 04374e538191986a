"""Guardrails: limits of the difference between challenger and champion, evaluated again and again.

A guardrail is breached when the whole confidence interval of the difference lies beyond its limit. The error
of look `k` is `ALPHA / (k (k + 1))`, divided between the guardrails: over any number of looks the probability
to withdraw a version that is within all limits is at most `ALPHA`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np

from mlops_assets.serving.canary.bounds import Values, distance, distance_low, quantile_bounds, rate_bounds

ALPHA = 0.01
"""Maximum probability that a version within all limits is withdrawn, over a whole challenge."""
LATENCY_LEVEL = 0.95
"""The quantile of the latency that is compared."""
GROWTH = 1.25
"""A look follows when the number of entities of the version with fewer has grown by this factor."""


@dataclass(frozen=True)
class Guardrails:
    """The settings `serving.canary`; a limit of None is not evaluated."""

    error_rate_difference: float | None = 0.02
    latency_ratio: float | None = 2.0
    score_distance: float | None = 0.15
    minimum_entities: int = 100
    window_minutes: float = 60.0
    withdraw_shadow: bool = False

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The settings that an entry of the ledger records; unknown ones are those of a later version."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


@dataclass(frozen=True)
class Arm:
    """What one version did in a window, each entity counted once.

    Attributes
    ----------
    count
        Number of entities.
    failed
        Those of which a request failed or violated the contract.
    scores
        A score of each entity that was answered.
    seconds
        Scoring time of single rows.
    """

    count: int
    failed: int
    scores: Values
    seconds: Values


@dataclass(frozen=True)
class GuardrailCheck:
    """The result of a guardrail.

    Attributes
    ----------
    value
        The difference, ratio or distance that was observed; None if there is nothing to compare yet.
    low
        The lower confidence bound of it.
    """

    guardrail: str
    limit: float
    value: float | None
    low: float | None

    @property
    def is_breached(self) -> bool:
        """Whether the whole interval lies beyond the limit."""
        return self.low is not None and self.low > self.limit

    @property
    def message(self) -> str:
        """The result in words."""
        if self.value is None:
            return f"{self.guardrail}: nothing to compare yet"
        bound = f", at least {self.low:.4g} with confidence" if self.low is not None else ""
        return f"{self.guardrail} {self.value:.4g}{bound} (limit {self.limit:g})"

    def to_json(self) -> dict[str, Any]:
        """The result as values of JSON."""
        return {**asdict(self), "breached": self.is_breached}


def look_alpha(look: int) -> float:
    """The error of a look, counted from 1; the sum over all looks is `ALPHA`."""
    return ALPHA / (look * (look + 1))


def evaluate_guardrails(
    guardrails: Guardrails, champion: Arm, challenger: Arm, look: int
) -> list[GuardrailCheck]:
    """The result of each guardrail that is on."""
    limits = (
        ("error_rate_difference", guardrails.error_rate_difference, _error_rates),
        ("latency_ratio", guardrails.latency_ratio, _latencies),
        ("score_distance", guardrails.score_distance, _scores),
    )
    active = [(name, limit, compare) for name, limit, compare in limits if limit is not None]
    return [
        GuardrailCheck(name, limit, *compare(champion, challenger, look_alpha(look) / len(active)))
        for name, limit, compare in active
    ]


def _error_rates(champion: Arm, challenger: Arm, alpha: float) -> tuple[float | None, float | None]:
    if not champion.count or not challenger.count:
        return None, None
    value = challenger.failed / challenger.count - champion.failed / champion.count
    high = rate_bounds(champion.failed, champion.count, alpha).high
    return value, rate_bounds(challenger.failed, challenger.count, alpha).low - high


def _latencies(champion: Arm, challenger: Arm, alpha: float) -> tuple[float | None, float | None]:
    if not len(champion.seconds) or not len(challenger.seconds):
        return None, None
    quantiles = [float(np.quantile(arm.seconds, LATENCY_LEVEL)) for arm in (champion, challenger)]
    high = quantile_bounds(champion.seconds, LATENCY_LEVEL, alpha).high
    low = quantile_bounds(challenger.seconds, LATENCY_LEVEL, alpha).low
    if min(quantiles[0], high) <= 0:  # a clock that did not advance
        return None, None
    return quantiles[1] / quantiles[0], max(0.0, low) / high


def _scores(champion: Arm, challenger: Arm, alpha: float) -> tuple[float | None, float | None]:
    if not len(champion.scores) or not len(challenger.scores):
        return None, None
    pair = champion.scores, challenger.scores
    return distance(*pair), distance_low(*pair, alpha)
