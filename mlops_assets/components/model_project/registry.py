"""registered_model and champion: the version that the registry knows, and the one that serves."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets import names
from mlops_assets.components.model_project.code import public_settings
from mlops_assets.components.model_project.project import Project, plain_failures
from mlops_assets.components.model_project.training_set import training_set
from mlops_assets.errors import TrackingError
from mlops_assets.resources import MlflowTracking, WarehouseResource
from mlops_assets.sql import quoted

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

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
        description="Loaded by MLflow, what serves predicts raw rows as the model that was logged.",
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
            decision = _decide(project, tracking, warehouse.store, challenger, trained, before)
            serving = challenger if decision.promote else before
            context.log.info(f"version {challenger.version}: {decision.reason}")
            if serving is None:
                yield _unserved(decision.reason)
                return
            verdict = _predicts(project, tracking, warehouse.store, serving)
            if decision.promote and verdict.passed:
                tracking.promote(project.name, challenger.version)
            now = tracking.champion(project.name)
            if now is None:
                yield verdict
                return
            yield dg.MaterializeResult(
                data_version=dg.DataVersion(now.facts["model_digest"]),
                metadata={
                    "version": now.version,
                    "alias": f"models:/{project.name}@{names.CHAMPION}",
                    "moved": before is None or now.version != before.version,
                    "challenger": challenger.version,
                    "decision": decision.reason,
                    "model_digest": now.facts["model_digest"],
                    "mlflow_run_id": now.run_id,
                },
            )
            yield verdict

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
    from mlops_assets.ml.comparison import Decision, decide

    if before and before.version == challenger.version:
        return Decision(False, f"version {before.version} is the champion already")
    metric = project.settings.tuning.metric_for(project.settings.task)
    ours, baseline = (trained.metrics.get(f"{side}_{metric}") for side in ("test", "baseline"))
    if ours is None or baseline is None:
        raise TrackingError(
            f"{project.name}: the evaluation of run {trained.run_id} has no {metric}, or it is undefined",
            hint=f"materialize {names.EVALUATION_REPORT} again, or set tuning.metric to one that is defined",
        )
    if before is None:
        return decide(metric, challenger=ours, baseline=baseline)
    rows = _rows_unseen_by(project, warehouse, challenger, before)
    scores = [_score(project, tracking, version, rows) for version in (challenger, before)]
    return decide(
        metric,
        challenger=ours,
        baseline=baseline,
        challenger_on_common=scores[0],
        champion=scores[1],
        common_rows=len(rows),
    )


def _rows_unseen_by(
    project: Project, warehouse: "Warehouse", challenger: "Version", before: "Version"
) -> "pd.DataFrame":
    """The challenger's holdout, as valid rows, less those that the champion was trained on.

    Rows are told apart by the values of the columns that both knew, not by `row_id`: the contract, and with
    it the identity of a row, may have changed since.
    """
    if "training_set_digest" not in before.facts:
        raise TrackingError(
            f"{project.name}: version {before.version}, the champion, was not registered by mlops_assets",
            hint=f"to start over, delete the alias {names.CHAMPION} in MLflow and materialize champion again",
        )
    with warehouse.connect() as connection:
        sides = [
            _valid_rows(project, warehouse, connection, version, side)
            for version, side in ((challenger, names.HOLDOUT), (before, names.TRAIN))
        ]
        target = project.settings.target.column
        hidden = {names.ROW_ID, target, *names.PROVENANCE}
        shared = [name for name in sides[0].columns if name in sides[1].columns and name not in hidden]
        if not shared:
            return sides[0].limit(0).df()
        same = " and ".join(
            f"ours.{quoted(name)} is not distinct from theirs.{quoted(name)}" for name in shared
        )
        return sides[0].set_alias("ours").join(sides[1].set_alias("theirs"), same, how="anti").df()


def _valid_rows(
    project: Project,
    warehouse: "Warehouse",
    connection: "duckdb.DuckDBPyConnection",
    version: "Version",
    side: str,
) -> "duckdb.DuckDBPyRelation":
    """The valid rows behind one side of the training set of a version."""
    frame = training_set(project, warehouse, version.facts)
    ids = connection.from_df(frame.loc[frame[names.SPLIT] == side, [names.ROW_ID]])
    key = project.table_key(names.VALIDATED).path
    inputs = json.loads(version.facts["inputs"])
    valid = warehouse.relation(connection, key, version=inputs["/".join(key)])
    return valid.join(ids, names.ROW_ID, how="semi")


def _score(project: Project, tracking: "TrackingStore", version: "Version", rows: "pd.DataFrame") -> float:
    """The deciding metric of a version on rows; it computes its own features, as it does when it serves."""
    from mlops_assets.ml.metrics import compute_metrics
    from mlops_assets.ml.training import encode_target

    if rows.empty:
        return float("nan")
    settings = project.settings
    model = tracking.load(version)
    target = encode_target(
        rows[settings.target.column], model.spec.classes, subject=f"version {version.version}"
    )
    return compute_metrics(
        settings.task,
        target,
        model.predict_features(model.compute_features(rows)),
        classes=max(len(model.spec.classes), 1),
        unit_size=settings.target.unit_size,
    )[settings.tuning.metric_for(settings.task)]


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
    """Load a version as any user of MLflow would, and compare with the model that was logged."""
    import numpy as np

    with warehouse.connect() as connection:
        rows = (
            warehouse.relation(connection, project.table_key(names.VALIDATED).path).limit(_SAMPLE_ROWS).df()
        )
    model = tracking.load(version)
    raw = rows[[column.name for column in model.spec.columns if column.name in rows]]
    served: Any = tracking.load_pyfunc(f"models:/{project.name}/{version.version}").predict(raw)
    expected = model.predict(raw)
    same = served.equals(expected) and not served["prediction"].isna().any()
    return dg.AssetCheckResult(
        check_name=PREDICTS,
        passed=bool(same),
        description=f"version {version.version}, loaded by MLflow, predicted {len(raw)} rows"
        + ("" if same else ", and otherwise than the model that was logged"),
        metadata={"first_predictions": [str(value) for value in np.asarray(served["prediction"])[:3]]},
    )
