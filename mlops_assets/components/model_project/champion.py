"""champion: the version that serves; its alias moves when another one deserves it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets import names
from mlops_assets.components.model_project.automation import freshness
from mlops_assets.components.model_project.challenge import decide_challenge
from mlops_assets.components.model_project.code import public_settings
from mlops_assets.components.model_project.project import INPUTS, Project, inputs_digest, plain_failures
from mlops_assets.resources import MlflowTracking, WarehouseResource

if TYPE_CHECKING:
    import pandas as pd

    from mlops_assets.stores.registry import Version
    from mlops_assets.stores.tracking import TrackingStore
    from mlops_assets.stores.warehouse import Warehouse

PREDICTS = "predicts"
_SAMPLE_ROWS = 100


def champion_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that moves the alias when the new version deserves it."""
    settings, registered_key = project.settings, project.key(names.REGISTERED_MODEL)
    spec = project.spec(
        project.key(names.CHAMPION),
        description=f"`models:/{project.name}@{names.CHAMPION}`. The alias moves only to one that beats "
        "its baselines, and the champion before it on holdout rows that neither was trained on.",
        kinds=["mlflow"],
        deps=[registered_key],
        code=["champion 1", settings.tuning.metric_for(settings.task), public_settings(settings.target)],
        skippable=True,
        freshness=freshness(settings.freshness.champion_hours),
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
        cutoff = context.partition_key if context.has_partition_key else None
        with plain_failures(project.name), _turn(project, mlflow.store, context) as tracking:
            trained = tracking.trained_model(project.name, dagster_run_id=context.run.run_id, cutoff=cutoff)
            challenger = tracking.registry.version_of(project.name, trained.run_id)
            registered = f"{challenger.version}-{challenger.facts['model_digest'][:16]}"
            before = tracking.registry.champion(project.name)
            decision = decide_challenge(project, tracking, warehouse.store, challenger, trained, before)
            serving = challenger if decision.promote else before
            context.log.info(f"version {challenger.version}: {decision.reason}")
            if serving is None:
                yield _unserved(decision.reason)
                return
            verdict = _predicts(project, tracking, warehouse.store, serving)
            if decision.promote and verdict.passed:
                tracking.registry.promote(project.name, challenger.version)
            now = tracking.registry.champion(project.name)
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
                    **({"cutoff": now.facts["cutoff"]} if "cutoff" in now.facts else {}),
                    INPUTS: inputs_digest({(registered_key, challenger.facts.get("cutoff")): registered}),
                },
            )
            yield verdict

    return champion


@contextmanager
def _turn(
    project: Project, tracking: "TrackingStore", context: dg.AssetExecutionContext
) -> "Iterator[TrackingStore]":
    """Nobody else registers or promotes while a challenge is decided."""
    by = f"Dagster run {context.run.run_id}"
    with tracking.registry.turn(project.name, by=by, on_wait=context.log.info):
        yield tracking


def _unserved(reason: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=PREDICTS,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"there is no champion: {reason}",
    )


def _some_rows(project: Project, warehouse: "Warehouse") -> "pd.DataFrame":
    """Rows such as a caller has: of the table, or in an event project features of its newest partition."""
    events = project.timeline is not None
    table = project.key(names.FEATURES).path if events else project.table_key(names.VALIDATED).path
    newest = max(warehouse.partitions(table)) if events else None
    with warehouse.connect() as connection:
        return warehouse.relation(connection, table, partition=newest).limit(_SAMPLE_ROWS).df()


def _predicts(
    project: Project, tracking: "TrackingStore", warehouse: "Warehouse", version: "Version"
) -> dg.AssetCheckResult:
    """Load a version as any user of MLflow would, and compare with the model that was logged."""
    import numpy as np

    rows, model = _some_rows(project, warehouse), tracking.load(version)
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
