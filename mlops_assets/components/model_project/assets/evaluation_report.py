"""evaluation_report: metrics of the model and its baselines on the holdout, and the report page."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.evaluation.behaviour_checks import (
    behaviour_checks,
    behaviour_facts,
    behaviour_metrics,
    behaviour_specs,
)
from mlops_assets.components.model_project.evaluation.constraint_checks import (
    constraint_checks,
    constraint_specs,
)
from mlops_assets.components.model_project.evaluation.coverage import coverage_check, coverage_spec
from mlops_assets.components.model_project.evaluation.evaluate import evaluate
from mlops_assets.components.model_project.evaluation.fairness_check import (
    fairness_metadata,
    fairness_metrics,
    fairness_results,
    fairness_specs,
)
from mlops_assets.components.model_project.evaluation.result_tables import analysis_tables, score_table
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata import inputs_digest
from mlops_assets.components.model_project.project.metadata_names import (
    IMPORTANCES,
    INPUTS,
    NUMBERS,
    PAGE,
    SPLIT,
)
from mlops_assets.components.model_project.project.partitions import (
    cutoff_partitions,
    is_backtest,
    one_by_one,
    partition_of,
)
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.target_columns import EXPRESSION_SETTINGS
from mlops_assets.components.model_project.settings.base import public_settings
from mlops_assets.components.model_project.training.row_weights import weight_code
from mlops_assets.components.resources import MlflowTracking, WarehouseResource, WorkFolders
from mlops_assets.core import names
from mlops_assets.core.digests import text_digest
from mlops_assets.stores.system.disk_errors import translated_disk_errors, write_atomically

if TYPE_CHECKING:
    from mlops_assets.ml.evaluation.evaluation import Evaluation

BEATS_BASELINE, PLAUSIBLE_SCORE = "beats_baseline", "plausible_score"


def evaluation_report_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that evaluates the model on the holdout and writes the report."""
    settings = project.settings
    metric = settings.primary_metric
    partitions, tuned_key = cutoff_partitions(project), project.key(names.TUNED_MODEL)
    spec = project.spec(
        project.key(names.EVALUATION_REPORT),
        description="Holdout metrics of the model and of a constant and a linear baseline, with a report "
        "page.",
        kinds=["scikitlearn", "mlflow"],
        deps=[tuned_key],
        code=[
            "evaluation_report 5",
            metric,
            public_settings(settings.target, added=EXPRESSION_SETTINGS),
            public_settings(settings.evaluation),
            public_settings(settings.behaviour),
            *([public_settings(settings.fairness)] if settings.fairness else []),
            repr(settings.gates.baseline_margin),
            settings.description,
            settings.intended_use,
            *settings.limits,
            *weight_code(project),
            *([f"monotone {sorted(settings.monotone.items())!r}"] if settings.monotone else []),
        ],
        partitions=partitions,
    )
    check = dg.AssetCheckSpec(
        BEATS_BASELINE,
        asset=spec.key,
        description=f"The holdout {metric} of the model passes the gate `better_than_baseline`: "
        "significantly better than the constant baseline, and non-inferior to the best baseline.",
        partitions_def=partitions,
    )

    plausible = dg.AssetCheckSpec(
        PLAUSIBLE_SCORE,
        asset=spec.key,
        description="The holdout score is not near-perfect (R² or ROC AUC below 0.999), which suggests "
        "target leakage.",
        partitions_def=partitions,
    )

    @dg.multi_asset(
        specs=[spec],
        check_specs=[
            check,
            plausible,
            *constraint_specs(project, spec.key, partitions),
            *coverage_spec(project, spec.key, partitions),
            *behaviour_specs(project, spec.key, partitions),
            *fairness_specs(project, spec.key, partitions),
        ],
        name=names.op_name(*spec.key.path),
        backfill_policy=one_by_one(partitions),
    )
    def evaluation_report(
        context: dg.AssetExecutionContext,
        warehouse: WarehouseResource,
        mlflow: MlflowTracking,
        folders: WorkFolders,
    ) -> dg.MaterializeResult:
        from mlops_assets.ml.evaluation.interval_coverage import coverage_metrics
        from mlops_assets.ml.reports.coverage_captions import coverage_summary
        from mlops_assets.ml.reports.evaluation_page import evaluation_summary, render_report
        from mlops_assets.ml.search.baselines import CONSTANT_BASELINE, MODEL
        from mlops_assets.stores.tracking.training_history import INTERVAL_HIGH, INTERVAL_LOW

        with as_dagster_failures(project.name, project.sensitive):
            tracking, cutoff = mlflow.store, partition_of(context)
            trained = tracking.trained_model(
                project.name,
                dagster_run_id=context.run.run_id,
                cutoff=cutoff,
                backtests=is_backtest(context),
            )
            with mlflow.run(project.name, run_id=trained.run_id):
                evaluation, over = evaluate(project, tracking, trained, warehouse.store)
                summary = evaluation_summary(evaluation)
                page, numbers = render_report(evaluation), json.dumps(evaluation.to_json(), indent=2)
                ours = {f"test_{name}": value for name, value in evaluation.scores["model"].items()}
                theirs = evaluation.scores[evaluation.best_baseline][metric]
                low, high = evaluation.intervals[MODEL]
                tracking.log_facts(
                    trained.run_id,
                    metrics={
                        **ours,
                        f"baseline_{metric}": theirs,
                        f"constant_{metric}": evaluation.scores[CONSTANT_BASELINE][metric],
                        "holdout_clusters": evaluation.cluster_count,
                        INTERVAL_LOW: low,
                        INTERVAL_HIGH: high,
                        **over,
                        **coverage_metrics(evaluation.coverage),
                        **behaviour_metrics(evaluation.behaviour),
                        **fairness_metrics(evaluation.mitigation),
                        **_costs(evaluation),
                    },
                    facts={
                        "evaluation_digest": _digest(evaluation),
                        **behaviour_facts(evaluation.behaviour),
                    },
                )
                folder = Path(folders.reports) / project.name / trained.run_id
                with translated_disk_errors("the evaluation report", folder):
                    write_atomically(folder / PAGE, page)
                    write_atomically(folder / NUMBERS, numbers)
                tracking.log_files(trained.run_id, folder, "report")
                tracking.log_figures(trained.run_id, _figures(evaluation))
        return dg.MaterializeResult(
            data_version=dg.DataVersion(_digest(evaluation)),
            metadata={
                "report": dg.MetadataValue.path(folder / PAGE),
                "summary": summary,
                **project.declaration,
                IMPORTANCES: dg.MetadataValue.json(evaluation.importances),
                **({SPLIT: evaluation.split} if evaluation.split else {}),
                **({"intervals": coverage_summary(evaluation)} if evaluation.coverage else {}),
                "scores": score_table(evaluation),
                **analysis_tables(evaluation),
                **fairness_metadata(evaluation.mitigation),
                **{name: value for name, value in ours.items() if value == value},
                f"baseline_{metric}": theirs,
                "mlflow_run_id": trained.run_id,
                INPUTS: inputs_digest({(tuned_key, cutoff): trained.facts["model_digest"]}),
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name=BEATS_BASELINE,
                    passed=evaluation.beats_baseline,
                    severity=dg.AssetCheckSeverity.WARN,
                    description=summary,
                    metadata={"model": ours[f"test_{metric}"], "best_baseline": theirs},
                ),
                dg.AssetCheckResult(
                    check_name=PLAUSIBLE_SCORE,
                    passed=not evaluation.leakage_warning,
                    severity=dg.AssetCheckSeverity.WARN,
                    description=evaluation.leakage_warning or "the score is not near-perfect",
                ),
                *constraint_checks(evaluation),
                *coverage_check(project, evaluation.coverage),
                *behaviour_checks(evaluation.behaviour),
                *fairness_results(evaluation.mitigation),
            ],
        )

    return evaluation_report


def _figures(evaluation: "Evaluation") -> dict[str, Any]:
    from mlops_assets.ml.reports.plots.explanations import importance_bars, trial_history

    return {
        "search_history.png": trial_history(evaluation.trials, evaluation.metric),
        "importances.png": importance_bars(evaluation.importances, evaluation.metric, evaluation.permutation),
    }


def _digest(evaluation: "Evaluation") -> str:
    return text_digest(evaluation.facts["model digest"], json.dumps(evaluation.to_json()["scores"]))[:32]


def _costs(evaluation: "Evaluation") -> dict[str, float]:
    """Latency, throughput and size as metrics of the run; the first leaderboard entry is the model."""
    costs = {}
    if evaluation.served:
        costs["single_row_milliseconds"] = evaluation.served.single_row_milliseconds
        costs["batch_rows_per_second"] = evaluation.served.batch_rows_per_second
    if evaluation.leaderboard:
        costs["size_bytes"] = evaluation.leaderboard[0].size_bytes
    return costs
