"""The statistics of a challenge: windows of entities, and looks at them that are ever further apart."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlops_assets.serving.canary.guardrails import (
    GROWTH,
    LATENCY_LEVEL,
    Arm,
    GuardrailCheck,
    Guardrails,
    evaluate_guardrails,
)
from mlops_assets.serving.canary.samples import RECORD_TYPE, Records, arms_of


@dataclass(frozen=True)
class Look:
    """An evaluation of the guardrails.

    Attributes
    ----------
    number
        Counted from 1 over the whole challenge.
    """

    number: int
    champion: Arm
    challenger: Arm
    checks: list[GuardrailCheck]

    @property
    def breaches(self) -> list[GuardrailCheck]:
        """The guardrails that are breached."""
        return [check for check in self.checks if check.is_breached]


class ChallengeStatistics:
    """The records of the current window of a challenge.

    A window ends after its length, but not before each version has answered the minimum of entities.

    Parameters
    ----------
    now
        The time in seconds.
    """

    def __init__(self, guardrails: Guardrails, now: float) -> None:
        self._guardrails, self._started = guardrails, now
        self._records: list[Records] = []
        self._next, self._looks = guardrails.minimum_entities, 0
        self.last: Look | None = None
        self.arms: tuple[Arm, Arm] = arms_of(np.empty(0, RECORD_TYPE))

    def add(self, records: Records, now: float) -> Look | None:
        """Add records, and look if enough were added since the last look.

        Returns
        -------
        Look or None
            The new look; None if it is not due.
        """
        if len(records):
            self._records = [np.concatenate([*self._records, records])]
            self.arms = arms_of(self._records[0])
        fewest = min(arm.count for arm in self.arms)
        look = None
        if fewest >= self._next:
            self._looks += 1
            self._next = math.ceil(fewest * GROWTH)
            checks = evaluate_guardrails(self._guardrails, *self.arms, self._looks)
            look = self.last = Look(self._looks, *self.arms, checks)
        is_over = now - self._started >= 60 * self._guardrails.window_minutes
        if is_over and fewest >= self._guardrails.minimum_entities:
            self._started, self._records, self._next = now, [], self._guardrails.minimum_entities
        return look


def arm_summary(arm: Arm) -> dict[str, Any]:
    """The figures of a version in a window, as values of JSON."""
    has_seconds, has_scores = len(arm.seconds) > 0, len(arm.scores) > 0
    return {
        "entities": arm.count,
        "failed": arm.failed,
        "p95_ms": 1000 * float(np.quantile(arm.seconds, LATENCY_LEVEL)) if has_seconds else None,
        "mean": float(arm.scores.mean()) if has_scores else None,
        "quantiles": [float(one) for one in np.quantile(arm.scores, (0.05, 0.25, 0.5, 0.75, 0.95))]
        if has_scores
        else None,
    }
