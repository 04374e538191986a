"""tuned_model: hyperparameter search, and the model with the best parameters."""

import json
import math
from collections.abc import Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from mlops_assets.components.model_project.project.blocked_inputs import require_succeeded
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata import inputs_digest, markdown_table
from mlops_assets.components.model_project.project.metadata_names import BACKTEST, EXPRESSION, INPUTS, TRIALS
from mlops_assets.components.model_project.project.partitions import (
    cutoff_partitions,
    is_backtest,
    one_by_one,
    partition_of,
)
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.target_columns import EXPRESSION_SETTINGS
from mlops_assets.components.model_project.project.training_rows import inputs_of
from mlops_assets.components.model_project.settings.base import public_settings
from mlops_assets.components.model_project.settings.protected_columns import protected_column
from mlops_assets.components.model_project.training.fit_winner import Rows, fit_and_log
from mlops_assets.components.model_project.training.intervals import (
    require_rows_for_intervals,
    uncertainty_settings,
)
from mlops_assets.components.model_project.training.provenance import record_provenance
from mlops_assets.components.model_project.training.search import (
    TRIED,
    fit_settings,
    run_search,
    search_settings,
    tried_by,
    tried_by_champion,
)
from mlops_assets.components.resources import MlflowTracking, WarehouseResource, WorkFolders
from mlops_assets.core import names
from mlops_assets.ml.contracts.time_sql import UTC_ZONE
from mlops_assets.ml.model.runtime_environment import peak_memory_bytes
from mlops_assets.stores.project_folder.files import FEATURES_SQL, PIPELINE, SCHEMA

if TYPE_CHECKING:
    import pandas as pd

    from mlops_assets.ml.search.leaderboard import LeaderboardEntry
    from mlops_assets.ml.search.search import SearchResult, SearchSettings


BUDGET = ("trials", "timeout_seconds", "threads")
"""Settings that do not change the study: with a larger budget, the same study is continued."""


class TuningConfig(dg.Config):
    """Configuration of a run."""

    trials: int | None = Field(default=None, ge=1, description="Number of trials instead of `tuning.trials`.")


def tuned_model_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that runs the search, and fits and logs the best model."""
    training_key, partitions = project.key(names.TRAINING_SET), cutoff_partitions(project)
    settings = project.settings
    spec = project.spec(
        project.key(names.TUNED_MODEL),
        description=f"Search over {', '.join(settings.tuning.families)} by cross-validation on the training "
        "rows, and the best model fitted on all of them"
        + ("; for deployment, it is refitted on all labelled rows." if settings.is_refitted else "."),
        kinds=["optuna", "xgboost", "scikitlearn", "mlflow"],
        deps=[training_key],
        code=[
            "tuned_model 5",
            project.files.version(PIPELINE, FEATURES_SQL, SCHEMA),
            "seeded pipeline" if project.files.has(PIPELINE) else public_settings(settings.preprocessing),
            settings.task,
            public_settings(settings.target, added=EXPRESSION_SETTINGS),
            public_settings(settings.tuning, but=BUDGET),
            repr(uncertainty_settings(project)),
            *(
                [public_settings(settings.fairness), str(protected_column(settings))]
                if settings.fairness
                else []
            ),
            *_refit(project),
            *_spelling(project),
            *([f"monotone {sorted(settings.monotone.items())!r}"] if settings.monotone else []),
        ],
        metadata={TRIALS: settings.tuning.trials},
        partitions=partitions,
    )

    @dg.multi_asset(specs=[spec], name=names.op_name(*spec.key.path), backfill_policy=one_by_one(partitions))
    def tuned_model(
        context: dg.AssetExecutionContext,
        config: TuningConfig,
        warehouse: WarehouseResource,
        mlflow: MlflowTracking,
        folders: WorkFolders,
    ) -> dg.MaterializeResult:
        from mlops_assets.ml.search.training_data import check_pipeline, require_defined_metric

        started = monotonic()
        store, table, cutoff = warehouse.store, training_key.path, partition_of(context)
        with as_dagster_failures(project.name, project.sensitive):
            require_succeeded(context.instance, project.name, [(training_key, cutoff)])
            version = store.version(table)
            inputs = inputs_of(context.instance, store, training_key, cutoff)
            rows = _read_rows(project, store.frame(table, partition=cutoff, version=version), cutoff)
            shared = fit_settings(project, len(rows.classes))
            require_defined_metric(settings.primary_metric, rows.train, subject=project.name)
            require_rows_for_intervals(project, rows.train)
            check_pipeline(
                project.files.make_pipeline(),
                rows.train,
                seed=shared.seed,
                monotone=settings.monotone_signs,
            )
            facts = {
                "project": project.name,
                "training_set_version": str(version),
                "training_set_digest": store.digest(table, partition=cutoff, version=version),
                "inputs": json.dumps(inputs),
                "code_version": str(spec.code_version),
                "dagster_run_id": context.run.run_id,
                **({"cutoff": cutoff} if cutoff else {}),
                **({EXPRESSION: settings.target.expression} if settings.target.expression else {}),
                **({BACKTEST: "true"} if is_backtest(context) else {}),
            }
            with mlflow.run(project.name) as run_id:
                tracking = mlflow.store
                first = tried_by_champion(tracking.registry.champion(project.name), cutoff)
                search = search_settings(project, config.trials, first)
                log_trial = partial(tracking.log_trial, project.name, run_id, metric=search.metric)
                result = run_search(
                    context,
                    project,
                    rows.train,
                    search,
                    shared,
                    log_trial,
                    facts,
                    folders,
                    rows.class_weights,
                )
                facts[TRIED] = tried_by(result)
                leaders = fit_and_log(
                    project, rows, result, shared, tracking, run_id, facts, context.log.info
                )
                facts["training_seconds"] = f"{result.resumed_seconds + monotonic() - started:.1f}"
                facts["peak_memory_bytes"] = str(peak_memory_bytes())
                facts["training_sequence"] = tracking.next_training_sequence(project.name)
                facts |= record_provenance(project, shared, tracking, run_id, facts)
                source = {"table": "/".join(table), "version": version, **inputs}
                features = list(rows.train.features.columns)
                tracking.log_dataset(
                    run_id,
                    name=f"{project.name}.{names.TRAINING_SET}",
                    digest=facts["training_set_digest"][:32],
                    source=source,
                    profile={"train_rows": len(rows.train.target), "features": features},
                )
                tracking.log_facts(
                    run_id,
                    params={"family": result.family, **result.params, "rounds": result.rounds},
                    metrics={
                        f"cv_{search.metric}": result.score,
                        "single_row_milliseconds": leaders[0].single_row_milliseconds,
                    },
                    facts=facts,
                )
        read = {(training_key, cutoff): facts["training_set_digest"]}
        return dg.MaterializeResult(
            data_version=dg.DataVersion(facts["model_digest"]),
            metadata={
                **_metadata(result, search, facts, run_id, leaders),
                **project.declaration,
                INPUTS: inputs_digest(read),
            },
        )

    return tuned_model


def _read_rows(project: Project, frame: "pd.DataFrame", cutoff: str | None) -> Rows:
    from mlops_assets.ml.model.class_weights import resolve_class_weights
    from mlops_assets.ml.search.training_data import TrainingData, find_classes

    target, train = project.settings.target.column, frame[frame[names.SPLIT] == names.TRAIN]
    classes = find_classes(project.settings.task, train[target], subject=project.name)

    def read(rows: "pd.DataFrame") -> TrainingData:
        return TrainingData.of(
            rows, target=target, classes=classes, subject=project.name, aside=project.settings.entity
        )

    labelled = None
    if project.settings.is_refitted:
        known = frame[names.PERIOD].isin(project.time.labelled_periods(cutoff)) if cutoff else slice(None)
        labelled = read(frame[known])
    fitted, declared = read(train), project.settings.tuning.class_weight
    class_weights = (
        resolve_class_weights(declared, classes, fitted.target, fitted.weights) if declared else ()
    )
    return Rows(fitted, labelled, classes, class_weights)


def _refit(project: Project) -> list[str]:
    """The partitions and the refit; nothing of a static project without one, as before it could have one."""
    if project.timeline is None:
        return ["refit"] if project.settings.is_refitted else []
    training = project.settings.training
    return [public_settings(training.model_copy(update={"refit": project.settings.is_refitted}))]


def _spelling(project: Project) -> list[str]:
    """Number marks, formats and time zone, if not the default: the model casts its inputs by them."""
    if project.timeline is not None:
        return []
    table = project.settings.tables[project.table]
    marks = [repr((table.csv.decimal, table.csv.thousands))] if table.csv.dialect.has_number_marks else []
    formats = [repr(table.column_formats)] if table.formats else []
    return [*marks, *formats, *([repr(table.clock)] if table.time_zone != UTC_ZONE else [])]


def _metadata(
    result: "SearchResult",
    search: "SearchSettings",
    facts: dict[str, str],
    run_id: str,
    leaders: "Sequence[LeaderboardEntry]",
) -> dict[str, Any]:
    metric = search.metric
    complete = [trial for trial in result.trials if trial.state == "complete"]
    ranked = sorted(complete, key=lambda trial: search.loss(trial.score))[:10]
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
        "leaderboard": markdown_table(
            ["model", metric, "fit s", "one row ms", "rows/s", "MB"],
            [
                (
                    row.name,
                    "" if math.isnan(row.score) else f"{row.score:.4g}",
                    f"{row.fit_seconds:.1f}",
                    f"{row.single_row_milliseconds:.1f}",
                    f"{row.batch_rows_per_second:,.0f}",
                    f"{row.size_bytes / 1e6:.1f}",
                )
                for row in leaders
            ],
        ),
        "single_row_milliseconds": leaders[0].single_row_milliseconds,
        "model_digest": facts["model_digest"],
        "mlflow_run_id": run_id,
        "training_seconds": float(facts["training_seconds"]),
        **({BACKTEST: True} if BACKTEST in facts else {}),
    }
