"""The search behind a tuned model: what all of its fits share, its folds, its journal and its log.

Holds: settings of fits and search as a project declares them, and running the search.
Add here: another thing that a project's search needs to know.
Not here: the asset (`tuned_model.py`), and how a search goes (`ml/tuning.py`).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.project import Project
from mlops_assets.digests import text_digest
from mlops_assets.ml.machine import thread_count
from mlops_assets.resources import WorkFolders
from mlops_assets.stores.disk import disk_faults_told
from mlops_assets.stores.holders import held

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlops_assets.ml.evaluation import TrialSummary
    from mlops_assets.ml.families import Settings
    from mlops_assets.ml.training import TrainingData
    from mlops_assets.ml.tuning import SearchResult, SearchSettings


def fit_settings(project: Project, classes: int) -> "Settings":
    """What every fit of the project shares."""
    from mlops_assets.ml.families import Settings

    tuning = project.settings.tuning
    return Settings(
        task=project.settings.task,
        classes=max(classes, 1),
        seed=tuning.seed,
        threads=thread_count(tuning.threads),
        device=tuning.device,
    )


def search_settings(project: Project, trials: int | None) -> "SearchSettings":
    from mlops_assets.ml.tuning import SearchSettings

    settings = project.settings
    return SearchSettings(
        families=tuple(settings.tuning.families),
        metric=settings.tuning.metric_for(settings.task),
        trials=trials or settings.tuning.trials,
        timeout_seconds=settings.tuning.timeout_seconds,
        unit_size=settings.target.unit_size,
    )


def run_search(
    context: dg.AssetExecutionContext,
    project: Project,
    train: "TrainingData",
    search: "SearchSettings",
    shared: "Settings",
    tracking: Any,
    run_id: str,
    facts: dict[str, str],
    folders: WorkFolders,
) -> "SearchResult":
    """Search with a journal that only an equal search goes on from, logging each trial."""
    from mlops_assets.ml.tasks import is_better
    from mlops_assets.ml.tuning import tune
    from mlops_assets.ml.wording import duration

    best: list[float] = []
    took: list[float] = []

    def on_trial(trial: "TrialSummary") -> None:
        took.append(trial.seconds)
        rest = search.trials - len(took)
        if trial.state == "complete" and (not best or is_better(search.metric, trial.score, best[-1])):
            best.append(trial.score)
        tracking.log_trial(project.name, run_id, trial, search.metric)
        context.log.info(
            f"trial {len(took)}/{search.trials}: {trial.family} {search.metric} {trial.score:.4g}"
            f"{' (pruned)' if trial.state == 'pruned' else ''}, best {best[-1] if best else float('nan'):.4g}"
            f"{f', about {duration(rest * sum(took) / len(took))} left' if rest > 0 else ''}"
        )

    key = text_digest(
        facts["training_set_digest"], facts["code_version"], repr(search.families), search.metric
    )
    journal = Path(folders.studies) / project.name / f"{key[:16]}.journal"
    folds = _folds(project, train)
    with (
        held(  # a second run of the same search waits, and finds it done
            journal.with_suffix(".lock"),
            what=f"the search of {project.name}",
            by=f"Dagster run {context.run.run_id}",
            on_wait=context.log.info,
        ),
        disk_faults_told(f"the search of {project.name}", journal.parent),
    ):
        return tune(
            train.features,
            train.target,
            folds,
            project.code.make_pipeline(),
            search,
            shared,
            journal=journal,
            on_trial=on_trial,
        )


def _folds(project: Project, train: "TrainingData") -> "list[tuple[NDArray, NDArray]]":
    """The folds of the search; in an event project they walk forward in time."""
    from mlops_assets.ml.splits import forward_folds, make_folds

    task, tuning = project.settings.task, project.settings.tuning
    if train.periods is None:
        return make_folds(task, train.target, folds=tuning.folds, seed=tuning.seed, groups=train.groups)
    return forward_folds(
        train.periods,
        train.target,
        folds=tuning.folds,
        gap=project.time.horizon,
        by_class=task != "regression",
    )
