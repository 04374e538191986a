"""The winner of a search: the best trial, or an ensemble with a better cross-validated metric."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from mlops_assets.ml.model.ensemble import ENSEMBLE, Member, greedy_weights
from mlops_assets.ml.search.prepared_folds import OutOfFold, PreparedFolds
from mlops_assets.ml.search.trials import (
    FAMILY,
    PARAMS,
    ROUNDS,
    SCORE,
    SearchSettings,
    TrialSummary,
    member,
    summary,
)

CANDIDATES = 15
"""Number of best trials among the candidates of an ensemble, in addition to the best of each family."""


@dataclass(frozen=True)
class SearchResult:
    """The winner and all trials of a search.

    Attributes
    ----------
    family, params, rounds
        Family, parameters and boosting rounds of the best trial; of an ensemble `ensemble`, the weight of
        each trial, and None.
    score
        Mean of the metric over the folds.
    members
        Members of the winner with weights that sum to one; a single trial has one member.
    out_of_fold, rows
        Out-of-fold predictions of the winner, and the positions of their rows.
    bests
        The best trial of each family with its score, in the order of the families.
    resumed_seconds
        Time of the trials that an earlier process has run.
    """

    family: str
    params: dict[str, Any]
    rounds: int | None
    score: float
    trials: list[TrialSummary]
    members: tuple[Member, ...]
    bests: tuple[tuple[Member, float], ...]
    out_of_fold: NDArray = field(compare=False)
    rows: NDArray = field(compare=False)
    resumed_seconds: float = field(default=0.0, compare=False)


def select_winner(
    search: SearchSettings, finished: Sequence[FrozenTrial], folds: PreparedFolds, kept: OutOfFold
) -> SearchResult:
    """Select the winner among the finished trials of the search."""
    # Optuna numbers interrupted trials as well; names of parameters must not depend on interruptions.
    places = {trial.number: place for place, trial in enumerate(finished, 1)}
    ranked = sorted(
        (trial for trial in finished if trial.state == TrialState.COMPLETE),  # first trials are never pruned
        key=lambda trial: (search.loss(trial.user_attrs[SCORE]), trial.number),
    )
    by_family: dict[str, FrozenTrial] = {}
    for trial in ranked:
        by_family.setdefault(trial.user_attrs[FAMILY], trial)
    candidates, weights = ranked[:1], [1.0]
    if search.ensemble > 1:
        candidates = ranked[:CANDIDATES] + [
            each for each in by_family.values() if each not in ranked[:CANDIDATES]
        ]
        weights = greedy_weights(
            [_out_of_fold(trial, folds, kept) for trial in candidates],
            lambda predictions: folds.mean_loss(predictions, search.metric, search.unit_size),
            most=search.ensemble,
        )
    chosen = [(trial, weight) for trial, weight in zip(candidates, weights, strict=True) if weight]
    blended = np.sum([weight * _out_of_fold(trial, folds, kept) for trial, weight in chosen], axis=0)
    best = chosen[0][0]
    alone = len(chosen) == 1
    return SearchResult(
        family=best.user_attrs[FAMILY] if alone else ENSEMBLE,
        params=best.user_attrs[PARAMS]
        if alone
        else {f"weight_of_trial_{places[trial.number]}": weight for trial, weight in chosen},
        rounds=best.user_attrs[ROUNDS] if alone else None,
        score=best.user_attrs[SCORE]
        if alone
        else search.loss(folds.mean_loss(blended, search.metric, search.unit_size)),
        trials=[summary(number, trial) for number, trial in enumerate(finished, 1)],
        members=tuple(member(trial, weight) for trial, weight in chosen),
        bests=tuple(
            (member(by_family[family], 1.0), by_family[family].user_attrs[SCORE])
            for family in search.families
            if family in by_family
        ),
        out_of_fold=blended,
        rows=folds.rows,
    )


def _out_of_fold(trial: FrozenTrial, folds: PreparedFolds, kept: OutOfFold) -> NDArray:
    """The stored predictions of a trial; computed again if they are missing."""
    found = kept.get(trial.number)
    if found is None:
        family, params = trial.user_attrs[FAMILY], trial.user_attrs[PARAMS]
        found = np.concatenate([predictions for predictions, _ in folds.fit(family, params)])
        kept.keep(trial.number, found)
    return found
