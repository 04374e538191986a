"""The search: which families, with which parameters, predict rows best that they were not fitted on.

Every fold is preprocessed once and binned once (`folds.py`); a trial fits each fold in turn and is pruned
between folds. Its out-of-fold predictions are kept before it counts as finished.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from mlops_assets.core.errors import ModelError
from mlops_assets.ml.families import FAMILIES, Settings
from mlops_assets.ml.features.preprocessing import MakePipeline
from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER
from mlops_assets.ml.search.family_budget import next_family
from mlops_assets.ml.search.optuna_journal import open_journal
from mlops_assets.ml.search.prepared_folds import Fold, OutOfFold, PreparedFolds
from mlops_assets.ml.search.trials import (
    FAMILY,
    FINISHED,
    FOLD_SCORES,
    PARAMS,
    ROUNDS,
    SCORE,
    SECONDS,
    SearchSettings,
    TrialSummary,
    attempt,
    summary,
)
from mlops_assets.ml.search.winner import SearchResult, select_winner

_FIRST, _STOPPED = "first", "stopped"

__all__ = ["SearchResult", "SearchSettings", "tune"]


def tune(
    features: pd.DataFrame,
    target: NDArray,
    folds: Sequence[Fold],
    make_pipeline: MakePipeline,
    search: SearchSettings,
    settings: Settings,
    *,
    journal: Path | None = None,
    on_trial: Callable[[TrialSummary], None] = lambda _: None,
) -> SearchResult:
    """Search until so many trials are finished, or the time is up.

    Parameters
    ----------
    features, target
        The training rows: features as `pipelines.feature_frame` gives them, and the target, for
        classification the index of the class.
    folds
        Positions of the training and validation rows of each fold.
    journal
        A file that keeps the study. A search that was killed goes on from it, and proposes what an
        undisturbed one would have. Another search needs another file, and of one file only one process
        at a time may search: the caller sees to that. Out-of-fold predictions are kept in a folder beside it.
    on_trial
        Called with every finished trial, those from the journal included.
    """
    study = _open_study(search, journal)
    kept = OutOfFold(journal.with_suffix(".predictions") if journal else None)
    prepared = PreparedFolds(features, target, folds, make_pipeline, settings)
    finished = study.get_trials(states=FINISHED)
    for number, trial in enumerate(finished[: search.trials]):
        on_trial(summary(number, trial))
    while _goes_on(study, search, finished):
        proposed = _ask(study, search, finished, settings.seed)
        _run(study, proposed, search, prepared, kept)
        finished = study.get_trials(states=FINISHED)
        on_trial(summary(len(finished) - 1, finished[-1]))
    return select_winner(search, finished[: search.trials], prepared, kept)


def _open_study(search: SearchSettings, journal: Path | None) -> optuna.Study:
    """The study, as it was left."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # `on_trial` tells what there is to tell
    study = optuna.create_study(
        study_name="search",
        storage=open_journal(journal) if journal else None,
        load_if_exists=True,
        direction="maximize" if search.metric in HIGHER_IS_BETTER else "minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=0),
    )
    for left in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        study.tell(left.number, state=TrialState.FAIL)  # of a search that was killed
    if _FIRST not in study.user_attrs:  # a champion that changes meanwhile must not change the search
        first = [
            (family, dict(params)) for family, params in search.first if _can_try(family, params, search)
        ]
        defaults = [(family, FAMILIES[family].defaults()) for family in search.families]
        study.set_user_attr(_FIRST, first + [each for each in defaults if each not in first])
    return study


def _can_try(family: str, params: Mapping[str, Any], search: SearchSettings) -> bool:
    """Whether a family still takes part, with parameters that it still has."""
    return family in search.families and set(params) == set(FAMILIES[family].defaults())


def _goes_on(study: optuna.Study, search: SearchSettings, finished: Sequence[FrozenTrial]) -> bool:
    """Whether another trial is to be run; where the time is up, the study remembers after how many it was."""
    if len(finished) >= search.trials:
        return False
    limit = search.timeout_seconds
    if limit is None or not finished:
        return True
    if study.user_attrs.get(_STOPPED) == [limit, len(finished)]:
        return False
    if sum(trial.user_attrs[SECONDS] for trial in finished) < limit:
        return True
    study.set_user_attr(_STOPPED, [limit, len(finished)])
    return False


def _ask(
    study: optuna.Study, search: SearchSettings, finished: Sequence[FrozenTrial], seed: int
) -> optuna.Trial:
    """Propose a trial: what is tried first, then the family whose turn it is; its portfolio, then TPE.

    The sampler is seeded by the count of finished trials, so that a search which was killed and goes on
    proposes the same parameters as one that was not.
    """
    number, first = len(finished), study.user_attrs[_FIRST]
    study.sampler = optuna.samplers.TPESampler(seed=seed + number, n_startup_trials=max(5, len(first)))
    waiting = study.get_trials(deepcopy=False, states=[TrialState.WAITING])  # of a search that was killed
    if not waiting:
        if number < len(first):
            family, params = first[number]
        else:
            family = next_family(search.families, [attempt(each, search) for each in finished])
            params = _from_portfolio(family, finished)
        study.enqueue_trial({FAMILY: family, **_prefixed(family, params)})
    return study.ask()


def _from_portfolio(family: str, finished: Sequence[FrozenTrial]) -> dict[str, Any]:
    """What a family has not tried of its portfolio; nothing when that is done."""
    tried = [trial.user_attrs[PARAMS] for trial in finished if trial.user_attrs[FAMILY] == family]
    return next((params for params in FAMILIES[family].portfolio() if params not in tried), {})


def _run(
    study: optuna.Study,
    trial: optuna.Trial,
    search: SearchSettings,
    folds: PreparedFolds,
    kept: OutOfFold,
) -> None:
    """Fit one fold after the other; stop when the median of earlier trials was better by then."""
    started = time.monotonic()
    family = trial.suggest_categorical(FAMILY, search.families)
    params = FAMILIES[family].suggest(trial)
    scores: list[float] = []
    rounds: list[int] = []
    predicted: list[NDArray] = []
    spared = len(study.get_trials(deepcopy=False, states=FINISHED)) < len(study.user_attrs[_FIRST])
    for fold in range(len(folds)):
        predictions, fitted_rounds = folds.get(family, fold).fit(params)
        score = folds.score(fold, predictions, search.metric, search.unit_size)
        if np.isnan(score):
            raise ModelError(
                f"{search.metric} is undefined on fold {fold + 1} of {len(folds)}: a class has no row there",
                hint="set tuning.metric to log_loss, which is always defined, or tuning.folds lower",
            )
        scores.append(score)
        predicted.append(predictions)
        if fitted_rounds is not None:
            rounds.append(fitted_rounds)
        trial.report(float(np.mean(scores)), fold)
        if fold + 1 < len(folds) and not spared and trial.should_prune():
            break
    trial.set_user_attr(FAMILY, family)
    trial.set_user_attr(PARAMS, params)
    trial.set_user_attr(SCORE, float(np.mean(scores)))
    trial.set_user_attr(FOLD_SCORES, scores)
    trial.set_user_attr(ROUNDS, round(float(np.mean(rounds))) if rounds else None)
    trial.set_user_attr(SECONDS, time.monotonic() - started)
    if len(scores) < len(folds):
        study.tell(trial, state=TrialState.PRUNED)
    else:
        kept.keep(trial.number, np.concatenate(predicted))
        study.tell(trial, float(np.mean(scores)))


def _prefixed(family: str, params: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{family}_{name}": value for name, value in params.items()}
