"""Trials of a search: settings of the search and summaries of finished trials."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER, Metric
from mlops_assets.ml.model.ensemble import Member
from mlops_assets.ml.search.family_budget import Attempt

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
FAMILY, PARAMS, ROUNDS, SCORE, FOLD_SCORES, SECONDS = (
    "family",
    "params",
    "rounds",
    "score",
    "fold_scores",
    "seconds",
)
_STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned"}


@dataclass(frozen=True)
class SearchSettings:
    """Families, deciding metric and budget of a search.

    Attributes
    ----------
    timeout_seconds
        No trial starts after the trials have taken this long in total.
    ensemble
        Maximum number of trials in the ensemble; 1 selects the best trial.
    first
        Families and parameters to try before the defaults of the families: the winner of an earlier search.
    """

    families: tuple[str, ...]
    metric: Metric
    trials: int
    timeout_seconds: float | None = None
    unit_size: float = 1.0
    ensemble: int = 1
    first: tuple[tuple[str, Mapping[str, Any]], ...] = ()

    def loss(self, score: float) -> float:
        """The score as a loss: lower is better."""
        return -score if self.metric in HIGHER_IS_BETTER else score


@dataclass(frozen=True)
class TrialSummary:
    """One finished trial of the search."""

    number: int
    """Counted from 1."""
    family: str
    params: dict[str, Any]
    score: float
    """Mean over the folds; of a pruned trial, over the folds that ran."""
    state: str
    """`complete` or `pruned`."""
    seconds: float


def summary(number: int, trial: FrozenTrial) -> TrialSummary:
    """The summary of a finished trial; `number` counts from 1 and without interrupted trials."""
    facts = trial.user_attrs
    return TrialSummary(
        number=number,
        family=facts[FAMILY],
        params=facts[PARAMS],
        score=facts[SCORE],
        state=_STATES[trial.state],
        seconds=facts[SECONDS],
    )


def attempt(trial: FrozenTrial, search: SearchSettings) -> Attempt:
    return Attempt(trial.user_attrs[FAMILY], tuple(map(search.loss, trial.user_attrs[FOLD_SCORES])))


def member(trial: FrozenTrial, weight: float) -> Member:
    facts = trial.user_attrs
    return Member(facts[FAMILY], facts[PARAMS], facts[ROUNDS], weight)
