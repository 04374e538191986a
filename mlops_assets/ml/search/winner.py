"""From trials to a winner: the best one, or several that predict better together."""

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
"""How many of the best trials an ensemble is chosen from, beside the best of each family."""


@dataclass(frozen=True)
class SearchResult:
    """The winner, and all that was tried.

    Attributes
    ----------
    family, params, rounds
        Of the best trial; of several members, `ensemble`, the weight of each trial and None.
    score
        Of the winner, the mean over the folds.
    members
        What the winner is made of; one, or several whose weights sum to one.
    out_of_fold
        The winner's predictions of rows that it was not fitted on, and `rows`, their positions.
    bests
        The best trial of each family, in the order of the families, with weight one, and its score.
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


def select_winner(
    search: SearchSettings, finished: Sequence[FrozenTrial], folds: PreparedFolds, kept: OutOfFold
) -> SearchResult:
    """The best of the trials that were asked for; a journal may hold more, of a longer search."""
    # Optuna's numbers count trials that a kill cut short; what a model is called must not depend on kills.
    places = {trial.number: place for place, trial in enumerate(finished)}
    ranked = sorted(
        (trial for trial in finished if trial.state == TrialState.COMPLETE),  # the first are never pruned
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
        trials=[summary(number, trial) for number, trial in enumerate(finished)],
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
    """A trial's predictions as they were kept; where they are gone, they are made again."""
    found = kept.get(trial.number)
    if found is None:
        family, params = trial.user_attrs[FAMILY], trial.user_attrs[PARAMS]
        parts = [folds.get(family, fold).fit(params)[0] for fold in range(len(folds))]
        found = np.concatenate(parts)
        kept.keep(trial.number, found)
    return found
