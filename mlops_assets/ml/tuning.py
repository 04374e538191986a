"""The search: which family, with which parameters, predicts rows best that it was not fitted on.

Holds: `tune`, an Optuna study over all families that can be killed at any moment and goes on where it was.
Add here: what the search as a whole does, such as another pruner.
Not here: search spaces (`families/`), and the fit of the winner (`model.py`).

Every fold is preprocessed once and binned once; a trial fits each fold in turn and is pruned between folds.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from mlops_assets.errors import ModelError
from mlops_assets.ml.evaluation import TrialSummary
from mlops_assets.ml.families import FAMILIES, Prepared, Settings
from mlops_assets.ml.journal import open_journal
from mlops_assets.ml.metrics import compute_metrics
from mlops_assets.ml.pipelines import MakePipeline, transform
from mlops_assets.ml.tasks import HIGHER_IS_BETTER, Metric, is_better

_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
_STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned"}
_ROUNDS, _SECONDS, _FAMILY, _PARAMS, _SCORE = "rounds", "seconds", "family", "params", "score"


@dataclass(frozen=True)
class SearchSettings:
    """How long to search, and by what to choose."""

    families: tuple[str, ...]
    metric: Metric
    trials: int
    timeout_seconds: float | None = None
    unit_size: float = 1.0


@dataclass(frozen=True)
class SearchResult:
    """The winner, and all that was tried.

    Attributes
    ----------
    rounds
        Boosting rounds of the winner, the mean over the folds; None for a family without rounds.
    """

    family: str
    params: dict[str, Any]
    rounds: int | None
    score: float
    trials: list[TrialSummary]


def tune(
    features: pd.DataFrame,
    target: NDArray,
    folds: Sequence[tuple[NDArray, NDArray]],
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
        at a time may search: the caller sees to that.
    on_trial
        Called with every finished trial, those from the journal included.
    """
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
    finished = study.get_trials(states=_FINISHED)
    for number, trial in enumerate(finished[: search.trials]):
        on_trial(_summary(number, trial))
    deadline = time.monotonic() + (search.timeout_seconds or float("inf"))
    prepare = _FoldCache(features, target, folds, make_pipeline, settings)
    while len(finished) < search.trials and (time.monotonic() < deadline or not finished):
        proposed = _ask(study, search, len(finished), settings.seed)
        _run(study, proposed, search, settings, prepare)
        finished = study.get_trials(states=_FINISHED)
        on_trial(_summary(len(finished) - 1, finished[-1]))
    return _result(search.metric, finished[: search.trials])


class _FoldCache:
    """Folds in the form of each family, made when a trial first needs them."""

    def __init__(
        self,
        features: pd.DataFrame,
        target: NDArray,
        folds: Sequence[tuple[NDArray, NDArray]],
        make_pipeline: MakePipeline,
        settings: Settings,
    ) -> None:
        self._features, self._target, self._folds = features, target, folds
        self._make_pipeline, self._settings = make_pipeline, settings
        self._matrices: dict[int, tuple[NDArray, NDArray]] = {}
        self._prepared: dict[tuple[str, int], Prepared] = {}

    def __len__(self) -> int:
        return len(self._folds)

    def truth(self, fold: int) -> NDArray:
        return self._target[self._folds[fold][1]]

    def get(self, family: str, fold: int) -> Prepared:
        if (family, fold) not in self._prepared:
            train, valid = self._folds[fold]
            if fold not in self._matrices:
                pipeline = self._make_pipeline()
                fitted = transform(pipeline, self._features.iloc[train], fit=self._target[train])
                self._matrices[fold] = fitted, transform(pipeline, self._features.iloc[valid])
            matrix, valid_matrix = self._matrices[fold]
            self._prepared[family, fold] = FAMILIES[family].prepare(
                (matrix, self._target[train]), (valid_matrix, self._target[valid]), self._settings
            )
        return self._prepared[family, fold]


def _ask(study: optuna.Study, search: SearchSettings, number: int, seed: int) -> optuna.Trial:
    """Propose trial `number`: each family's defaults first, then by TPE.

    The sampler is seeded by the count of finished trials, so that a search which was killed and goes on
    proposes the same parameters as one that was not.
    """
    study.sampler = optuna.samplers.TPESampler(
        seed=seed + number, n_startup_trials=max(5, len(search.families))
    )
    waiting = study.get_trials(deepcopy=False, states=[TrialState.WAITING])  # of a search that was killed
    if number < len(search.families) and not waiting:
        family = search.families[number]
        study.enqueue_trial({_FAMILY: family, **_prefixed(family, FAMILIES[family].defaults())})
    return study.ask()


def _run(
    study: optuna.Study,
    trial: optuna.Trial,
    search: SearchSettings,
    settings: Settings,
    folds: _FoldCache,
) -> None:
    """Fit one fold after the other; stop when the median of earlier trials was better by then."""
    started = time.monotonic()
    family = trial.suggest_categorical(_FAMILY, search.families)
    params = FAMILIES[family].suggest(trial)
    scores: list[float] = []
    rounds: list[int] = []
    for fold in range(len(folds)):
        predictions, fitted_rounds = folds.get(family, fold).fit(params)
        metrics = compute_metrics(
            settings.task,
            folds.truth(fold),
            predictions,
            classes=settings.classes,
            unit_size=search.unit_size,
        )
        if np.isnan(metrics[search.metric]):
            raise ModelError(
                f"{search.metric} is undefined on fold {fold + 1} of {len(folds)}: a class has no row there",
                hint="set tuning.metric to log_loss, which is always defined, or tuning.folds lower",
            )
        scores.append(metrics[search.metric])
        if fitted_rounds is not None:
            rounds.append(fitted_rounds)
        trial.report(float(np.mean(scores)), fold)
        if fold + 1 < len(folds) and trial.should_prune():
            break
    trial.set_user_attr(_FAMILY, family)
    trial.set_user_attr(_PARAMS, params)
    trial.set_user_attr(_SCORE, float(np.mean(scores)))
    trial.set_user_attr(_ROUNDS, round(float(np.mean(rounds))) if rounds else None)
    trial.set_user_attr(_SECONDS, time.monotonic() - started)
    if len(scores) < len(folds):
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, float(np.mean(scores)))


def _summary(number: int, trial: FrozenTrial) -> TrialSummary:
    """A finished trial; its number leaves out those that a kill cut short, which Optuna counts."""
    facts = trial.user_attrs
    return TrialSummary(
        number=number,
        family=facts[_FAMILY],
        params=facts[_PARAMS],
        score=facts[_SCORE],
        state=_STATES[trial.state],
        seconds=facts[_SECONDS],
    )


def _result(metric: Metric, finished: Sequence[FrozenTrial]) -> SearchResult:
    """The best of the trials that were asked for; a journal may hold more, of a longer search."""
    complete = [trial for trial in finished if trial.state == TrialState.COMPLETE]
    best = complete[0]  # there is one: the first trials are never pruned
    for trial in complete[1:]:
        if is_better(metric, trial.user_attrs[_SCORE], best.user_attrs[_SCORE]):
            best = trial
    return SearchResult(
        family=best.user_attrs[_FAMILY],
        params=best.user_attrs[_PARAMS],
        rounds=best.user_attrs[_ROUNDS],
        score=best.user_attrs[_SCORE],
        trials=[_summary(number, trial) for number, trial in enumerate(finished)],
    )


def _prefixed(family: str, params: dict[str, Any]) -> dict[str, Any]:
    return {f"{family}_{name}": value for name, value in params.items()}
