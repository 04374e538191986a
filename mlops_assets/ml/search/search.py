"""The search for the family and parameters with the best cross-validated metric.

Every fold is preprocessed and binned once (`prepared_folds.py`); a trial fits one fold after another and may
be pruned between folds. Its out-of-fold predictions are stored before the trial is finished.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import optuna
import pandas as pd
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from mlops_assets.core.errors import ModelError
from mlops_assets.ml.families import FAMILIES, Settings
from mlops_assets.ml.families.wide_tables import first_defaults, first_portfolio
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
    weights: NDArray | None = None,
    monotone: Mapping[str, int] = MappingProxyType({}),
    journal: Path | None = None,
    on_trial: Callable[[TrialSummary], None] = lambda _: None,
    on_fold: Callable[[int, str, int, float], None] = lambda *_: None,
) -> SearchResult:
    """Run trials until their number or the time limit is reached.

    Parameters
    ----------
    features, target
        The training rows: features in the form of `feature_frame`, and the target, for
        classification the index of the class.
    folds
        Positions of the training and validation rows of each fold.
    weights, monotone
        As in `PreparedFolds`.
    journal
        File of the study. An interrupted search resumes from it and proposes the same trials as an
        uninterrupted one. Each search needs its own file, and only one process may use it at a time, which
        the caller ensures. Out-of-fold predictions are stored in a folder beside it.
    on_trial
        Called with every finished trial, including those from the journal.
    on_fold
        Called after each fold but the last with the number of the trial, its family, the number of its folds
        so far and their seconds.
    """
    shape = features.shape
    study = _open_study(search, journal, shape)
    kept = OutOfFold(journal.with_suffix(".predictions") if journal else None)
    prepared = PreparedFolds(
        features, target, folds, make_pipeline, settings, weights=weights, monotone=monotone
    )
    finished = study.get_trials(states=FINISHED)
    resumed = finished[: search.trials]
    for number, trial in enumerate(resumed, 1):
        on_trial(summary(number, trial))
    while _has_budget(study, search, finished):
        proposed = _propose(study, search, finished, shape, settings.seed)
        _run(study, proposed, search, prepared, kept, partial(on_fold, len(finished) + 1))
        finished = study.get_trials(states=FINISHED)
        on_trial(summary(len(finished), finished[-1]))
    result = select_winner(search, finished[: search.trials], prepared, kept)
    return replace(result, resumed_seconds=sum(trial.user_attrs[SECONDS] for trial in resumed))


def _open_study(search: SearchSettings, journal: Path | None, shape: tuple[int, int]) -> optuna.Study:
    """Open the study; trials that were running when the process ended are marked as failed."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # `on_trial` reports progress
    study = optuna.create_study(
        study_name="search",
        storage=open_journal(journal) if journal else None,
        load_if_exists=True,
        direction="maximize" if search.metric in HIGHER_IS_BETTER else "minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=0),
    )
    for left in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        study.tell(left.number, state=TrialState.FAIL)  # interrupted
    if _FIRST not in study.user_attrs:  # a new champion must not change a resumed search
        first = [
            (family, dict(params)) for family, params in search.first if _can_try(family, params, search)
        ]
        defaults = [(family, first_defaults(family, *shape)) for family in search.families]
        study.set_user_attr(_FIRST, first + [each for each in defaults if each not in first])
    return study


def _can_try(family: str, params: Mapping[str, Any], search: SearchSettings) -> bool:
    """Whether the family is part of the search and still has these parameters."""
    return family in search.families and set(params) == set(FAMILIES[family].defaults())


def _has_budget(study: optuna.Study, search: SearchSettings, finished: Sequence[FrozenTrial]) -> bool:
    """Whether to run another trial; the study records after how many trials the time limit was reached."""
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


def _propose(
    study: optuna.Study,
    search: SearchSettings,
    finished: Sequence[FrozenTrial],
    shape: tuple[int, int],
    seed: int,
) -> optuna.Trial:
    """Propose a trial: first trials, then the next family by budget, with its portfolio before TPE.

    The sampler is seeded by the number of finished trials, so that a resumed search proposes the same
    parameters as an uninterrupted one.
    """
    number, first = len(finished), study.user_attrs[_FIRST]
    study.sampler = optuna.samplers.TPESampler(seed=seed + number, n_startup_trials=max(5, len(first)))
    queued = study.get_trials(deepcopy=False, states=[TrialState.WAITING])  # of an interrupted search
    if not queued:
        if number < len(first):
            family, params = first[number]
        else:
            family = next_family(search.families, [attempt(each, search) for each in finished])
            params = _from_portfolio(family, finished, shape)
        study.enqueue_trial({FAMILY: family, **_prefixed(family, params)})
    return study.ask()


def _from_portfolio(family: str, finished: Sequence[FrozenTrial], shape: tuple[int, int]) -> dict[str, Any]:
    """The next parameters of the portfolio of a family; empty when all were tried."""
    tried = [trial.user_attrs[PARAMS] for trial in finished if trial.user_attrs[FAMILY] == family]
    return next((params for params in first_portfolio(family, *shape) if params not in tried), {})


def _run(
    study: optuna.Study,
    trial: optuna.Trial,
    search: SearchSettings,
    folds: PreparedFolds,
    kept: OutOfFold,
    on_fold: Callable[[str, int, float], None],
) -> None:
    """Fit one fold after another; prune when the median of earlier trials is better at this fold."""
    started = time.monotonic()
    family = trial.suggest_categorical(FAMILY, search.families)
    params = FAMILIES[family].suggest(trial)
    scores: list[float] = []
    rounds: list[int] = []
    predicted: list[NDArray] = []
    is_first = len(study.get_trials(deepcopy=False, states=FINISHED)) < len(study.user_attrs[_FIRST])
    with closing(folds.fit(family, params)) as fitted:
        for fold, (predictions, fitted_rounds) in enumerate(fitted):
            score = folds.score(fold, predictions, search.metric, search.unit_size)
            if np.isnan(score):
                raise ModelError(
                    f"{search.metric} is undefined on fold {fold + 1} of {len(folds)}: a class has no rows",
                    hint="set tuning.metric to log_loss, which is always defined, or reduce tuning.folds",
                )
            scores.append(score)
            predicted.append(predictions)
            if fitted_rounds is not None:
                rounds.append(fitted_rounds)
            trial.report(float(np.mean(scores)), fold)
            if fold + 1 == len(folds) or (not is_first and trial.should_prune()):
                break
            on_fold(family, fold + 1, time.monotonic() - started)
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
