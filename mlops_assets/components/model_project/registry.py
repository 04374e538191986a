"""registered_model and champion: the version that the registry knows, and the one that serves."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets import names
from mlops_assets.components.model_project.code import public_settings
from mlops_assets.components.model_project.project import Project, plain_failures
from mlops_assets.errors import ModelError, TrackingError
from mlops_assets.resources import MlflowTracking, WarehouseResource

if TYPE_CHECKING:
    from mlops_assets.ml.comparison import Decision
    from mlops_assets.stores.tracking import TrackingStore, TrainedModel, Version
    from mlops_assets.stores.warehouse import Warehouse

PREDICTS = "predicts"
_SAMPLE_ROWS = 100


def registered_model_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that makes a trained and evaluated model a version of the registry."""
    spec = project.spec(
        project.key(names.REGISTERED_MODEL),
        description=f"A version of `{project.name}` in MLflow's registry, tagged with where it comes from.",
        kinds=["mlflow"],
        deps=[project.key(names.EVALUATION_REPORT)],
        code=["registered_model 1"],
    )

    @dg.multi_asset(specs=[spec], name=names.op_name(*spec.key.path))
    def registered_model(context: dg.AssetExecutionContext, mlflow: MlflowTracking) -> dg.MaterializeResult:
        with plain_failures():
            tracking = mlflow.store
            trained = tracking.trained_model(project.name, dagster_run_id=context.run.run_id)
            _refuse_unevaluated(project, trained)
            metrics = {
                name: f"{value:.6g}" for name, value in trained.metrics.items() if name.startswith("test_")
            }
            version = tracking.register(project.name, trained, {**trained.facts, **metrics})
        return dg.MaterializeResult(
            data_version=dg.DataVersion(f"{version.version}-{trained.facts['model_digest'][:16]}"),
            metadata={
                "version": version.version,
                "model_uri": f"models:/{project.name}/{version.version}",
                "model_digest": trained.facts["model_digest"],
                "mlflow_run_id": trained.run_id,
            },
        )

    return registered_model


def champion_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that moves the alias when the new version deserves it."""
    settings = project.settings
    spec = project.spec(
        project.key(names.CHAMPION),
        description=f"`models:/{project.name}@{names.CHAMPION}`. The alias moves only to one that beats "
        "its baselines, and the champion before it on holdout rows that neither was trained on.",
        kinds=["mlflow"],
        deps=[project.key(names.REGISTERED_MODEL)],
        code=["champion 1", settings.tuning.metric_for(settings.task), public_settings(settings.target)],
        skippable=True,
    )
    check = dg.AssetCheckSpec(
        PREDICTS,
        asset=spec.key,
        description="Loaded by its alias, the champion predicts raw rows as it predicts their features.",
    )

    @dg.multi_asset(specs=[spec], check_specs=[check], name=names.op_name(*spec.key.path))
    def champion(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource, mlflow: MlflowTracking
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        with plain_failures():
            tracking = mlflow.store
            trained = tracking.trained_model(project.name, dagster_run_id=context.run.run_id)
            challenger = tracking.version_of(project.name, trained.run_id)
            before = tracking.champion(project.name)
            if before and before.version == challenger.version:
                told = f"version {before.version} is the champion already"
            else:
                decision = _decide(project, tracking, warehouse.store, challenger, trained, before)
                told = decision.reason
                if decision.promote:
                    tracking.promote(project.name, challenger.version)
            context.log.info(f"version {challenger.version}: {told}")
            now = tracking.champion(project.name)
            if now is None:
                yield _unserved(told)
                return
            yield dg.MaterializeResult(
                data_version=dg.DataVersion(now.facts["model_digest"]),
                metadata={
                    "version": now.version,
                    "alias": f"models:/{project.name}@{names.CHAMPION}",
                    "moved": before is None or now.version != before.version,
                    "challenger": challenger.version,
                    "decision": told,
                    "model_digest": now.facts["model_digest"],
                    "mlflow_run_id": now.run_id,
                },
            )
            yield _predicts(project, tracking, warehouse.store, now)

    return champion


def _refuse_unevaluated(project: Project, trained: "TrainedModel") -> None:
    if "evaluation_digest" not in trained.facts:
        raise TrackingError(
            f"{project.name}: the model of run {trained.run_id} has no evaluation",
            hint=f"materialize {project.name}/{names.EVALUATION_REPORT} first",
        )


def _decide(
    project: Project,
    tracking: "TrackingStore",
    warehouse: "Warehouse",
    challenger: "Version",
    trained: "TrainedModel",
    before: "Version | None",
) -> "Decision":
    """Compare on the challenger's holdout, less the rows that the champion was trained on."""
    from mlops_assets.ml.comparison import decide

    metric = project.settings.tuning.metric_for(project.settings.task)
    ours, baseline = trained.metrics[f"test_{metric}"], trained.metrics[f"baseline_{metric}"]
    if before is None:
        return decide(metric, challenger=ours, baseline=baseline)
    scores, rows = _scores_on_common_rows(project, tracking, warehouse, challenger, before)
    return decide(
        metric,
        challenger=ours,
        baseline=baseline,
        challenger_on_common=scores[0],
        champion=scores[1],
        common_rows=rows,
    )


def _scores_on_common_rows(
    project: Project,
    tracking: "TrackingStore",
    warehouse: "Warehouse",
    challenger: "Version",
    before: "Version",
) -> tuple[tuple[float, float], int]:
    """The metric of challenger and champion, and on how many rows."""
    from mlops_assets.ml.metrics import compute_metrics
    from mlops_assets.ml.training import TrainingData

    table, settings = project.key(names.TRAINING_SET).path, project.settings
    metric = settings.tuning.metric_for(settings.task)
    theirs = warehouse.frame(table, version=int(before.facts["training_set_version"]))
    trained_on = set(theirs.loc[theirs[names.SPLIT] == names.TRAIN, names.ROW_ID])
    frame = warehouse.frame(table, version=int(challenger.facts["training_set_version"]))
    frame = frame[(frame[names.SPLIT] == names.HOLDOUT) & ~frame[names.ROW_ID].isin(trained_on)]
    models = [tracking.load(version.uri) for version in (challenger, before)]
    if models[0].spec.classes != models[1].spec.classes:
        raise ModelError(
            f"{project.name}: version {challenger.version} and the champion, version {before.version}, know "
            "different classes and can't be compared",
            hint=f"to start over, delete the alias {names.CHAMPION} in MLflow and materialize champion again",
        )
    if frame.empty:
        return (float("nan"), float("nan")), 0
    valid = warehouse.frame(
        project.table_key(names.VALIDATED).path,
        version=json.loads(challenger.facts["inputs"])["/".join(project.table_key(names.VALIDATED).path)],
    )
    rows = TrainingData.of(
        frame, target=settings.target.column, classes=models[0].spec.classes, subject=project.name
    )
    # Each model computes its own features: the champion's features.sql may be an older one.
    raw = valid.set_index(names.ROW_ID).loc[rows.row_ids]
    scores = [
        compute_metrics(
            settings.task,
            rows.target,
            model.predict_features(model.compute_features(raw)),
            classes=max(len(model.spec.classes), 1),
            unit_size=settings.target.unit_size,
        )[metric]
        for model in models
    ]
    return (scores[0], scores[1]), len(frame)


def _unserved(reason: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=PREDICTS,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"there is no champion: {reason}",
    )


def _predicts(
    project: Project, tracking: "TrackingStore", warehouse: "Warehouse", version: "Version"
) -> dg.AssetCheckResult:
    """Load by alias as a user would, and compare with the model that was logged."""
    import numpy as np

    with warehouse.connect() as connection:
        rows = (
            warehouse.relation(connection, project.table_key(names.VALIDATED).path).limit(_SAMPLE_ROWS).df()
        )
    model = tracking.load(version.uri)
    raw = rows[[column.name for column in model.spec.columns]]
    served: Any = tracking.load_pyfunc(f"models:/{project.name}@{names.CHAMPION}").predict(raw)
    expected = model.predict(raw)
    same = served.equals(expected) and not served["prediction"].isna().any()
    return dg.AssetCheckResult(
        check_name=PREDICTS,
        passed=bool(same),
        description=f"version {version.version} predicted {len(raw)} rows through its alias"
        + ("" if same else ", and otherwise than the model that was logged"),
        metadata={"first_predictions": [str(value) for value in np.asarray(served["prediction"])[:3]]},
    )
