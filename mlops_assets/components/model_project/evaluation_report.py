"""evaluation_report: how well the model predicts rows that it never saw, beside its baselines."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets import names
from mlops_assets.components.model_project.code import FEATURES_SQL, public_settings
from mlops_assets.components.model_project.partitions import cutoff_partitions, one_by_one, partition_of
from mlops_assets.components.model_project.project import (
    INPUTS,
    Project,
    inputs_digest,
    markdown_table,
    plain_failures,
)
from mlops_assets.components.model_project.search import fit_settings
from mlops_assets.components.model_project.training_set import training_set
from mlops_assets.digests import text_digest
from mlops_assets.resources import MlflowTracking, WarehouseResource, WorkFolders
from mlops_assets.stores.disk import disk_faults_told, write_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlops_assets.ml.evaluation import Evaluation
    from mlops_assets.ml.model import TabularModel
    from mlops_assets.ml.training import TrainingData
    from mlops_assets.stores.tracking import TrackingStore, TrainedModel
    from mlops_assets.stores.warehouse import Warehouse

BEATS_BASELINE = "beats_baseline"
PAGE, NUMBERS = "evaluation_report.html", "evaluation_report.json"


def evaluation_report_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that predicts the holdout and writes the report."""
    settings = project.settings
    metric = settings.tuning.metric_for(settings.task)
    partitions, tuned_key = cutoff_partitions(project), project.key(names.TUNED_MODEL)
    spec = project.spec(
        project.key(names.EVALUATION_REPORT),
        description="Metrics on the holdout against a constant and a linear baseline, and a page to read.",
        kinds=["scikitlearn", "mlflow"],
        deps=[tuned_key],
        code=["evaluation_report 1", metric, public_settings(settings.target), settings.description],
        partitions=partitions,
    )
    check = dg.AssetCheckSpec(
        BEATS_BASELINE,
        asset=spec.key,
        description=f"The model's {metric} on the holdout beats a constant and a linear model.",
        partitions_def=partitions,
    )

    @dg.multi_asset(
        specs=[spec],
        check_specs=[check],
        name=names.op_name(*spec.key.path),
        backfill_policy=one_by_one(partitions),
    )
    def evaluation_report(
        context: dg.AssetExecutionContext,
        warehouse: WarehouseResource,
        mlflow: MlflowTracking,
        folders: WorkFolders,
    ) -> dg.MaterializeResult:
        from mlops_assets.ml.evaluation import MODEL
        from mlops_assets.ml.report import render_report, verdict
        from mlops_assets.stores.trainings import INTERVAL_HIGH, INTERVAL_LOW

        with plain_failures(project.name):
            tracking, cutoff = mlflow.store, partition_of(context)
            trained = tracking.trained_model(project.name, dagster_run_id=context.run.run_id, cutoff=cutoff)
            with mlflow.run(project.name, run_id=trained.run_id):
                evaluation, over = _evaluate(project, tracking, trained, warehouse.store)
                told = verdict(evaluation)
                page, numbers = render_report(evaluation), json.dumps(evaluation.to_json(), indent=2)
                ours = {f"test_{name}": value for name, value in evaluation.scores["model"].items()}
                theirs = evaluation.scores[evaluation.best_baseline][metric]
                low, high = evaluation.intervals[MODEL]
                tracking.log_facts(
                    trained.run_id,
                    metrics={
                        **ours,
                        f"baseline_{metric}": theirs,
                        INTERVAL_LOW: low,
                        INTERVAL_HIGH: high,
                        **over,
                    },
                    facts={"evaluation_digest": _digest(evaluation)},
                )
                folder = Path(folders.reports) / project.name / trained.run_id
                with disk_faults_told("the evaluation report", folder):
                    write_whole(folder / PAGE, page)
                    write_whole(folder / NUMBERS, numbers)
                tracking.log_files(trained.run_id, folder, "report")
                tracking.log_figures(trained.run_id, _figures(evaluation))
        return dg.MaterializeResult(
            data_version=dg.DataVersion(_digest(evaluation)),
            metadata={
                "report": dg.MetadataValue.path(folder / PAGE),
                "verdict": told,
                "scores": _score_table(evaluation),
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
                    description=told,
                    metadata={"model": ours[f"test_{metric}"], "best_baseline": theirs},
                )
            ],
        )

    return evaluation_report


def interval_over(metrics: Mapping[str, float], role: str) -> tuple[float, float]:
    """How much a model's deciding metric is above the `constant` or best `baseline`, as its run was told."""
    low, high = (metrics.get(f"over_{role}_{end}", float("nan")) for end in ("low", "high"))
    return low, high


def _evaluate(
    project: Project, tracking: "TrackingStore", trained: "TrainedModel", warehouse: "Warehouse"
) -> "tuple[Evaluation, dict[str, float]]":
    """Predict the holdout of the very table version that the model was trained on.

    Returns
    -------
    The evaluation, and as metrics the 95 % intervals of how much the deciding metric is above that of the
    constant baseline and of the best one.
    """
    from mlops_assets.ml.evaluation import (
        CONSTANT_BASELINE,
        LINEAR_BASELINE,
        MODEL,
        Evaluation,
        score_all,
        score_intervals,
    )
    from mlops_assets.ml.intervals import paired_difference_interval
    from mlops_assets.ml.training import constant_predictions, fit_linear_baseline, split_sides

    settings = project.settings
    model = tracking.load(trained)
    frame = training_set(project, warehouse, trained.facts)
    train, holdout = split_sides(
        frame,
        target=settings.target.column,
        classes=model.spec.classes,
        subject=project.name,
        aside=settings.entity,
    )
    shared = fit_settings(project, len(model.spec.classes))
    linear = fit_linear_baseline(
        model.spec, project.code.text(FEATURES_SQL), train, project.code.make_pipeline(), shared
    )
    rows, classes = len(holdout.target), max(len(model.spec.classes), 1)
    predictions = {
        MODEL: model.predict_features(holdout.features),
        CONSTANT_BASELINE: constant_predictions(settings.task, train.target, rows, classes),
        LINEAR_BASELINE: linear.predict_features(holdout.features),
    }
    unit_size = settings.target.unit_size
    scores = score_all(settings.task, holdout.target, predictions, classes=classes, unit_size=unit_size)
    evaluation = Evaluation(
        project=project.name,
        description=settings.description,
        task=settings.task,
        target=settings.target.column,
        metric=settings.tuning.metric_for(settings.task),
        unit=settings.target.unit,
        unit_size=unit_size,
        classes=[str(label) for label in model.spec.classes],
        family=model.spec.family,
        params=model.spec.params,
        scores=scores,
        truth=holdout.target,
        predictions=predictions[MODEL],
        train_rows=len(train.target),
        features=list(model.spec.features),
        importances=_importances(project, model, holdout, classes),
        trials=tracking.trials(project.name, trained.run_id, settings.tuning.metric_for(settings.task)),
        training_seconds=float(trained.facts["training_seconds"]),
        peak_memory_bytes=int(trained.facts["peak_memory_bytes"]),
        facts=_provenance(trained),
        intervals=score_intervals(
            settings.task,
            settings.tuning.metric_for(settings.task),
            holdout.target,
            predictions,
            classes=classes,
            unit_size=unit_size,
        ),
        split=project.time.told(trained.facts["cutoff"]) if project.timeline else "",
    )
    over: dict[str, float] = {}
    for role, name in (("constant", CONSTANT_BASELINE), ("baseline", evaluation.best_baseline)):
        interval = paired_difference_interval(
            settings.task,
            evaluation.metric,
            holdout.target,
            predictions[MODEL],
            predictions[name],
            classes=classes,
            unit_size=unit_size,
        )
        over |= {f"over_{role}_low": interval.low, f"over_{role}_high": interval.high}
    return evaluation, over


def _importances(
    project: Project, model: "TabularModel", holdout: "TrainingData", classes: int
) -> dict[str, float]:
    from mlops_assets.ml.evaluation import shuffled_importances
    from mlops_assets.ml.metrics import compute_metric
    from mlops_assets.ml.tasks import HIGHER_IS_BETTER

    settings = project.settings
    metric = settings.tuning.metric_for(settings.task)
    sign = -1.0 if metric in HIGHER_IS_BETTER else 1.0

    def loss(positions: "NDArray", predictions: "NDArray") -> float:
        truth = holdout.target[positions]
        unit_size = settings.target.unit_size
        return sign * compute_metric(
            settings.task, metric, truth, predictions, classes=classes, unit_size=unit_size
        )

    return shuffled_importances(model.predict_features, holdout.features, loss, seed=settings.split.seed)


def _provenance(trained: "TrainedModel") -> dict[str, str]:
    facts = trained.facts
    tables = {f"table {name}": f"version {version}" for name, version in json.loads(facts["inputs"]).items()}
    return {
        **tables,
        **({"cut-off": facts["cutoff"]} if "cutoff" in facts else {}),
        "training set": f"version {facts['training_set_version']}, digest {facts['training_set_digest']}",
        "code version": facts["code_version"],
        "model digest": facts["model_digest"],
        "Dagster run": facts["dagster_run_id"],
        "MLflow run": trained.run_id,
    }


def _figures(evaluation: "Evaluation") -> dict[str, Any]:
    from mlops_assets.ml.plots import importance_bars, trial_history

    return {
        "search_history.png": trial_history(evaluation.trials, evaluation.metric),
        "importances.png": importance_bars(evaluation.importances, evaluation.metric),
    }


def _digest(evaluation: "Evaluation") -> str:
    return text_digest(evaluation.facts["model digest"], json.dumps(evaluation.to_json()["scores"]))[:32]


def _score_table(evaluation: "Evaluation") -> dg.MarkdownMetadataValue:
    columns = list(evaluation.scores)
    return markdown_table(
        ["metric", *columns],
        [
            (metric, *(f"{evaluation.scores[name][metric]:.4g}" for name in columns))
            for metric in evaluation.scores[columns[0]]
        ],
    )
