"""tuned_model: the search, and the model that won it."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING, Any

import dagster as dg
from filelock import FileLock
from pydantic import Field

from mlops_assets import names
from mlops_assets.components.model_project.code import FEATURES_SQL, PIPELINE, SCHEMA, public_settings
from mlops_assets.components.model_project.project import Project, markdown_table, plain_failures
from mlops_assets.digests import text_digest
from mlops_assets.ml.machine import peak_memory_bytes, thread_count
from mlops_assets.resources import MlflowTracking, WarehouseResource, WorkFolders

if TYPE_CHECKING:
    from mlops_assets.ml.evaluation import TrialSummary
    from mlops_assets.ml.families import Settings
    from mlops_assets.ml.model import ModelSpec
    from mlops_assets.ml.training import TrainingData
    from mlops_assets.ml.tuning import SearchResult, SearchSettings

TRIALS = "trials"
"""Name in metadata: how many trials the search was asked for."""

BUDGET = ("trials", "timeout_seconds", "threads")
"""Settings that say how long to search, not for what: with more trials, the same study goes on."""


class TuningConfig(dg.Config):
    """What a run may choose."""

    trials: int | None = Field(default=None, ge=1, description="Trials instead of `tuning.trials`.")


def tuned_model_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that searches, fits the winner and logs it."""
    training_key = project.key(names.TRAINING_SET)
    settings = project.settings
    spec = project.spec(
        project.key(names.TUNED_MODEL),
        description=f"A search over {', '.join(settings.tuning.families)} by cross-validation on the rows "
        "that train, and the winner fitted on all of them.",
        kinds=["optuna", "xgboost", "scikitlearn", "mlflow"],
        deps=[training_key],
        code=[
            "tuned_model 1",
            project.code.version(PIPELINE, FEATURES_SQL, SCHEMA),
            settings.task,
            public_settings(settings.target),
            public_settings(settings.tuning, but=BUDGET),
        ],
        metadata={TRIALS: settings.tuning.trials},
    )

    @dg.multi_asset(specs=[spec], name=names.op_name(*spec.key.path))
    def tuned_model(
        context: dg.AssetExecutionContext,
        config: TuningConfig,
        warehouse: WarehouseResource,
        mlflow: MlflowTracking,
        folders: WorkFolders,
    ) -> dg.MaterializeResult:
        from mlops_assets.ml.artifact import save_model
        from mlops_assets.ml.model import TabularModel
        from mlops_assets.ml.training import TrainingData, check_pipeline, find_classes

        started = monotonic()
        store, table = warehouse.store, training_key.path
        with plain_failures(), TemporaryDirectory() as scratch:
            version = store.version(table)
            frame = store.frame(table, version=version)
            frame = frame[frame[names.SPLIT] == names.TRAIN]
            target = settings.target.column
            classes = find_classes(settings.task, frame[target], subject=project.name)
            train = TrainingData.of(frame, target=target, classes=classes, subject=project.name)
            shared = fit_settings(project, len(classes))
            check_pipeline(project.code.make_pipeline(), train)
            facts = {
                "project": project.name,
                "training_set_version": str(version),
                "training_set_digest": store.digest(table, version=version),
                "inputs": json.dumps(store.inputs(table, version)),
                "code_version": str(spec.code_version),
                "dagster_run_id": context.run.run_id,
            }
            with mlflow.run(project.name) as run_id:
                tracking = mlflow.store
                search = _search_settings(project, config.trials)
                result = _search(context, project, train, search, shared, tracking, run_id, facts, folders)
                spec_of_model = _model_spec(project, train, classes, result)
                model = TabularModel.fit(
                    spec_of_model,
                    project.code.text(FEATURES_SQL),
                    train.features,
                    train.target,
                    project.code.make_pipeline(),
                    shared,
                )
                folder = Path(scratch) / "model"
                facts["model_digest"] = save_model(model, folder)
                facts["model_uri"] = tracking.log_model(folder, spec_of_model)
                facts["training_seconds"] = f"{monotonic() - started:.1f}"
                facts["peak_memory_bytes"] = str(peak_memory_bytes())
                tracking.log_dataset(
                    run_id,
                    name=f"{project.name}.{names.TRAINING_SET}",
                    digest=facts["training_set_digest"][:32],
                    source={"table": "/".join(table), "version": version, **store.inputs(table, version)},
                    profile={"train_rows": len(train.target), "features": list(train.features.columns)},
                )
                tracking.log_facts(
                    run_id,
                    params={"family": result.family, **result.params, "rounds": result.rounds},
                    metrics={f"cv_{search.metric}": result.score},
                    facts=facts,
                )
        return dg.MaterializeResult(
            data_version=dg.DataVersion(facts["model_digest"]),
            metadata=_metadata(result, search, facts, run_id),
        )

    return tuned_model


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


def _search_settings(project: Project, trials: int | None) -> "SearchSettings":
    from mlops_assets.ml.tuning import SearchSettings

    settings = project.settings
    return SearchSettings(
        families=tuple(settings.tuning.families),
        metric=settings.tuning.metric_for(settings.task),
        trials=trials or settings.tuning.trials,
        timeout_seconds=settings.tuning.timeout_seconds,
        unit_size=settings.target.unit_size,
    )


def _search(
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
    from mlops_assets.ml.splits import make_folds
    from mlops_assets.ml.tasks import is_better
    from mlops_assets.ml.tuning import tune

    tuning = project.settings.tuning
    best: list[float] = []
    count = 0

    def on_trial(trial: "TrialSummary") -> None:
        nonlocal count
        count += 1
        if trial.state == "complete" and (not best or is_better(search.metric, trial.score, best[-1])):
            best.append(trial.score)
        tracking.log_trial(project.name, run_id, trial, search.metric)
        context.log.info(
            f"trial {count}/{search.trials}: {trial.family} {search.metric} {trial.score:.4g}"
            f"{' (pruned)' if trial.state == 'pruned' else ''}, best {best[-1] if best else float('nan'):.4g}"
        )

    key = text_digest(
        facts["training_set_digest"], facts["code_version"], repr(search.families), search.metric
    )
    journal = Path(folders.studies) / project.name / f"{key[:16]}.journal"
    journal.parent.mkdir(parents=True, exist_ok=True)
    folds = make_folds(
        project.settings.task, train.target, folds=tuning.folds, seed=tuning.seed, groups=train.groups
    )
    with FileLock(journal.with_suffix(".lock")):  # a second run of the same search waits, and finds it done
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


def _model_spec(
    project: Project, train: "TrainingData", classes: tuple[Any, ...], result: "SearchResult"
) -> "ModelSpec":
    from mlops_assets.ml.model import ModelSpec

    target = project.settings.target.column
    key = project.settings.tables[project.table].key
    columns = project.code.contract(project.table, key=key).columns
    return ModelSpec(
        project=project.name,
        task=project.settings.task,
        target=target,
        table=project.table,
        columns=tuple(column for column in columns if column.name != target),
        features=tuple(train.features.columns),
        classes=classes,
        family=result.family,
        params=result.params,
        rounds=result.rounds,
        seed=project.settings.tuning.seed,
    )


def _metadata(
    result: "SearchResult", search: "SearchSettings", facts: dict[str, str], run_id: str
) -> dict[str, Any]:
    metric = search.metric
    leaders = sorted(result.trials, key=lambda trial: (trial.state == "pruned", trial.score))
    ranked = leaders[:10] if result.score == leaders[0].score else leaders[::-1][:10]
    return {
        "family": result.family,
        f"cv_{metric}": result.score,
        TRIALS: search.trials,
        "trials_finished": len(result.trials),
        "params": dg.MetadataValue.json(result.params),
        "best_trials": markdown_table(
            ["trial", "family", metric, "state"],
            [(trial.number, trial.family, f"{trial.score:.4g}", trial.state) for trial in ranked],
        ),
        "model_digest": facts["model_digest"],
        "mlflow_run_id": run_id,
        "training_seconds": float(facts["training_seconds"]),
    }
