"""champion: the deployed version; promotes a version that passed its gates."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.assets.registered_model import data_version
from mlops_assets.components.model_project.automation.conditions import freshness
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata import inputs_digest
from mlops_assets.components.model_project.project.metadata_names import INPUTS, SERVING
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.promotion.approval_reminder import (
    approval_check,
    approval_check_result,
)
from mlops_assets.components.model_project.promotion.decide import ChampionConfig, decide
from mlops_assets.components.model_project.promotion.model_cards import update_cards
from mlops_assets.components.model_project.promotion.transitions import open_champion_ledger
from mlops_assets.components.model_project.settings.base import public_settings
from mlops_assets.components.resources import MlflowTracking, WarehouseResource, WorkFolders
from mlops_assets.core import names
from mlops_assets.core.errors import ModelError

if TYPE_CHECKING:
    import pandas as pd

    from mlops_assets.stores.tracking.registry import RecordedVersion
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.warehouse import Warehouse

PREDICTS = "predicts"
_SAMPLE_ROWS = 100


def champion_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that moves the alias: by gates, or by a manual decision."""
    settings, registered_key = project.settings, project.key(names.REGISTERED_MODEL)
    spec = project.spec(
        project.key(names.CHAMPION),
        description=f"`models:/{project.name}@{names.CHAMPION}`. The alias moves only to a version that "
        "passed its gates" + (" and was approved manually." if settings.approval.required else "."),
        kinds=["mlflow"],
        deps=[registered_key],
        code=["champion 2", public_settings(settings.approval, but=["remind_after_hours"])],
        skippable=True,
        freshness=freshness(settings.freshness.champion_hours),
        metadata={SERVING: dg.MetadataValue.json(settings.serving.model_dump(mode="json"))},
    )
    predicts = dg.AssetCheckSpec(
        PREDICTS,
        asset=spec.key,
        description="Loaded by MLflow, the champion predicts raw rows like the logged model.",
    )

    checks = [predicts, approval_check(project)]

    @dg.multi_asset(specs=[spec], check_specs=checks, name=names.op_name(*spec.key.path))
    def champion(
        context: dg.AssetExecutionContext,
        config: ChampionConfig,
        warehouse: WarehouseResource,
        mlflow: MlflowTracking,
        folders: WorkFolders,
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        from mlops_assets.stores.governance.ledger.state import LedgerState

        with as_dagster_failures(project.name, project.sensitive):
            tracking, store = mlflow.store, warehouse.store
            champion_ledger = open_champion_ledger(project, store, tracking)
            with champion_ledger.lock(f"Dagster run {context.run.run_id}", context.log.info):
                before = tracking.registry.champion(project.name)
                serving = Path(folders.serving) if folders.serving else None
                found = decide(context, project, config, tracking, store, serving)
                context.log.info(found.reason)
                candidate = found.candidate or champion_ledger.recorded_champion()
                check = _predicts(project, tracking, store, candidate) if candidate else None
                if found.move and check and check.passed:
                    found.move()
                elif found.move and check and config.decision:
                    raise ModelError(
                        f"{project.name}: {check.description}",
                        hint="choose another version, or materialize its features again",
                    )
                now = tracking.registry.champion(project.name)
                update_cards(project, store, tracking, folders.reports)
                approval = approval_check_result(project, LedgerState.of(champion_ledger.ledger.entries()))
        yield approval
        newest = found.newest
        if now is None or newest is None:
            yield check or _no_champion(found.reason)
            return
        yield dg.MaterializeResult(
            data_version=dg.DataVersion(now.facts["model_digest"]),
            metadata={
                "version": now.version,
                "alias": f"models:/{project.name}@{names.CHAMPION}",
                "moved": before is None or now.version != before.version,
                "challenger": newest.version,
                "decision": found.reason,
                "model_digest": now.facts["model_digest"],
                "mlflow_run_id": now.run_id,
                **({"cutoff": now.facts["cutoff"]} if "cutoff" in now.facts else {}),
                INPUTS: inputs_digest({(registered_key, newest.facts.get("cutoff")): data_version(newest)}),
            },
        )
        if check:
            yield check

    return champion


def _no_champion(reason: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=PREDICTS,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"there is no champion: {reason}",
    )


def _some_rows(project: Project, warehouse: "Warehouse") -> "pd.DataFrame":
    """Rows as clients send them: of the table, or in an event project the newest features."""
    events = project.timeline is not None
    table = project.key(names.FEATURES).path if events else project.table_key(names.VALIDATED).path
    newest = max(warehouse.partitions(table)) if events else None
    with warehouse.connect() as connection:
        return warehouse.relation(connection, table, partition=newest).limit(_SAMPLE_ROWS).df()


def _predicts(
    project: Project, tracking: "TrackingStore", warehouse: "Warehouse", version: "RecordedVersion"
) -> dg.AssetCheckResult:
    """Load a version by MLflow, as clients do, and compare its predictions with the logged model."""
    import numpy as np

    from mlops_assets.ml.model.input_rows import InputError

    rows, model = _some_rows(project, warehouse), tracking.load(version)
    missing = [column.name for column in model.spec.columns if column.required and column.name not in rows]
    table = names.FEATURES if project.timeline else f"{names.VALIDATED}_{project.table}"
    if missing:
        return dg.AssetCheckResult(
            check_name=PREDICTS,
            passed=False,
            description=f"version {version.version} requires columns that {table} does not have: "
            f"{', '.join(missing)}; materialize {table}, or train and promote a version without them",
        )
    raw = model.as_sent(rows[[column.name for column in model.spec.columns if column.name in rows]])
    try:
        expected = model.predict(raw)
    except InputError as error:
        return dg.AssetCheckResult(
            check_name=PREDICTS,
            passed=False,
            description=f"version {version.version} can't predict rows of {table}: {error.message}; "
            "train and promote a version of the current contract",
        )
    served: Any = tracking.load_pyfunc(f"models:/{project.name}/{version.version}", version).predict(raw)
    same = served.equals(expected) and not served["prediction"].isna().any()
    return dg.AssetCheckResult(
        check_name=PREDICTS,
        passed=bool(same),
        description=f"version {version.version}, loaded by MLflow, predicted {len(raw)} rows"
        + ("" if same else ", and they differ from those of the logged model"),
        metadata={"first_predictions": [str(value) for value in np.asarray(served["prediction"])[:3]]},
    )
