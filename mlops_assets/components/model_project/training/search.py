"""The search for a model: settings of its fits, folds, journal and log."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.resources import WorkFolders
from mlops_assets.core.digests import text_digest
from mlops_assets.ml.metrics.tasks import Measure
from mlops_assets.ml.model.runtime_environment import thread_count
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.system.process_lock import process_lock

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlops_assets.ml.families import Settings
    from mlops_assets.ml.search.search import SearchResult, SearchSettings
    from mlops_assets.ml.search.training_data import TrainingData
    from mlops_assets.ml.search.trials import TrialSummary
    from mlops_assets.stores.tracking.registry import Version

Tried = tuple[str, Mapping[str, Any]]
"""A family and its parameters."""
TRIED = "tried"
"""Tag of a run: families and parameters of the winner."""
MOST_FIRST = 3
"""Maximum number of members of the champion that the next search tries first."""


def fit_settings(project: Project, classes: int) -> "Settings":
    """Settings of all fits of the project; raises `ModelError` if there is no declared GPU or library."""
    from mlops_assets.ml.families import Settings
    from mlops_assets.ml.families.device import require_device
    from mlops_assets.ml.families.extras import require_extras

    tuning = project.settings.tuning
    require_extras(tuning.families)
    if "xgboost" in tuning.families:
        require_device(tuning.device)
    return Settings(
        task=project.settings.task,
        classes=max(classes, 1),
        seed=tuning.seed,
        threads=thread_count(tuning.threads),
        device=tuning.device,
        quantile=project.settings.target.quantile,
    )


def primary_measure(project: Project, classes: int) -> Measure:
    """The primary metric with its unit.

    Parameters
    ----------
    classes
        Number of classes; 1 for regression.
    """
    settings = project.settings
    return Measure(
        settings.task,
        settings.primary_metric,
        classes=max(classes, 1),
        unit_size=settings.target.unit_size,
        quantile=settings.target.quantile,
    )


def search_settings(project: Project, trials: int | None, first: "Sequence[Tried]" = ()) -> "SearchSettings":
    """Budget and metric of a project's search.

    Parameters
    ----------
    first
        Candidates to try first: families and parameters.
    """
    from mlops_assets.ml.search.search import SearchSettings

    settings = project.settings
    return SearchSettings(
        families=tuple(settings.tuning.families),
        metric=settings.primary_metric,
        trials=trials or settings.tuning.trials,
        timeout_seconds=settings.tuning.timeout_seconds,
        unit_size=settings.target.unit_size,
        ensemble=settings.tuning.ensemble,
        first=tuple(first),
    )


def tried_by_champion(champion: "Version | None", cutoff: str | None) -> "list[Tried]":
    """Families and parameters of the champion, unless its cut-off is the same or later.

    The model of a past cut-off, as in a backtest, would otherwise use information from its future.
    """
    if champion is None or (cutoff is not None and champion.facts.get("cutoff", cutoff) >= cutoff):
        return []
    return [(family, params) for family, params in json.loads(champion.facts.get(TRIED, "[]"))]


def tried_by(result: "SearchResult") -> str:
    """Families and parameters of the winner as JSON, for the next search to try first."""
    members = sorted(result.members, key=lambda member: -member.weight)[:MOST_FIRST]
    return json.dumps([[member.family, member.params] for member in members])


def run_search(
    context: dg.AssetExecutionContext,
    project: Project,
    train: "TrainingData",
    search: "SearchSettings",
    shared: "Settings",
    log_trial: "Callable[[TrialSummary], None]",
    facts: dict[str, str],
    folders: WorkFolders,
    class_weights: "Sequence[float]",
) -> "SearchResult":
    """Run the search and log each trial.

    The journal is named by a digest of all that determines the search, so that only an identical search
    resumes it. The name is added to `facts`.
    """
    from mlops_assets.components.model_project.training.search_progress import SearchProgress
    from mlops_assets.ml.model.class_weights import fit_weights
    from mlops_assets.ml.search.search import tune

    def on_trial(trial: "TrialSummary") -> None:
        log_trial(trial)
        context.log.info(progress.after_trial(trial))

    def on_fold(number: int, family: str, folds_done: int, seconds: float) -> None:
        if line := progress.after_fold(number, family, folds_done, seconds):
            context.log.info(line)

    key = text_digest(
        facts["training_set_digest"], facts["code_version"], repr(search.families), search.metric
    )
    journal = Path(folders.studies) / project.name / f"{key[:16]}.journal"
    facts["study"] = journal.name
    folds = search_folds(project, train)
    progress = SearchProgress(search, len(folds))
    with (
        process_lock(  # a second run of the same search waits, and finds it complete
            journal.with_suffix(".lock"),
            subject=f"the search of {project.name}",
            holder=f"Dagster run {context.run.run_id}",
            on_wait=context.log.info,
        ),
        translated_disk_errors(f"the search of {project.name}", journal.parent),
    ):
        return tune(
            train.features,
            train.target,
            folds,
            project.files.make_pipeline(),
            search,
            shared,
            weights=fit_weights(train.target, train.weights, class_weights),
            monotone=project.settings.monotone_signs,
            journal=journal,
            on_trial=on_trial,
            on_fold=on_fold,
        )


def search_folds(project: Project, train: "TrainingData") -> "list[tuple[NDArray, NDArray]]":
    """Folds of the search: walk-forward in an event project, and expanding windows in a split over time."""
    from mlops_assets.ml.search.splits import forward_folds, make_folds
    from mlops_assets.ml.search.time_split import time_folds

    task, tuning = project.settings.task, project.settings.tuning
    if train.times is not None:
        return time_folds(
            train.times,
            train.target,
            folds=tuning.folds,
            by_class=task != "regression",
            groups=train.groups,
        )
    if train.periods is None:
        return make_folds(task, train.target, folds=tuning.folds, seed=tuning.seed, groups=train.groups)
    return forward_folds(
        train.periods,
        train.target,
        folds=tuning.folds,
        gap=project.time.horizon,
        by_class=task != "regression",
    )
