"""registered_model: registers an evaluated model as a version and evaluates its gates."""

from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.evaluation.drift_reference import (
    compute_reference,
    log_reference,
)
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata import inputs_digest
from mlops_assets.components.model_project.project.metadata_names import INPUTS
from mlops_assets.components.model_project.project.partitions import (
    cutoff_partitions,
    one_by_one,
    partition_of,
)
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.target_columns import EXPRESSION_SETTINGS
from mlops_assets.components.model_project.promotion.gate_checks import (
    gate_check_results,
    gate_check_specs,
)
from mlops_assets.components.model_project.promotion.gates import describe_failures, evaluate_gates
from mlops_assets.components.model_project.promotion.model_cards import update_cards
from mlops_assets.components.model_project.promotion.transitions import open_champion_ledger
from mlops_assets.components.model_project.settings.base import public_settings
from mlops_assets.components.resources import MlflowTracking, WarehouseResource, WorkFolders
from mlops_assets.core import names
from mlops_assets.core.errors import TrackingError
from mlops_assets.stores.tracking.trained_model import is_refitted

if TYPE_CHECKING:
    from mlops_assets.stores.tracking.registry import Version
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.tracking.trained_model import TrainedModel
    from mlops_assets.stores.warehouse.warehouse import Warehouse


def registered_model_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that registers a trained and evaluated model as a version."""
    partitions, report_key = cutoff_partitions(project), project.key(names.EVALUATION_REPORT)
    metric = project.settings.primary_metric
    spec = project.spec(
        project.key(names.REGISTERED_MODEL),
        description=f"Version of `{project.name}` in MLflow's registry, with its provenance as tags. A "
        "version that fails a gate is registered as rejected.",
        kinds=["mlflow"],
        deps=[report_key],
        code=[
            "registered_model 2",
            metric,
            public_settings(project.settings.gates),
            public_settings(project.settings.target, added=EXPRESSION_SETTINGS),
        ],
        partitions=partitions,
    )

    @dg.multi_asset(
        specs=[spec],
        check_specs=gate_check_specs(project, spec.key, partitions),
        name=names.op_name(*spec.key.path),
        backfill_policy=one_by_one(partitions),
    )
    def registered_model(
        context: dg.AssetExecutionContext,
        warehouse: WarehouseResource,
        mlflow: MlflowTracking,
        folders: WorkFolders,
    ) -> dg.MaterializeResult:
        with as_dagster_failures(project.name, project.sensitive):
            tracking, cutoff = mlflow.store, partition_of(context)
            trained = tracking.trained_model(project.name, dagster_run_id=context.run.run_id, cutoff=cutoff)
            _require_evaluation(project, trained)
            champion_ledger = open_champion_ledger(project, warehouse.store, tracking)
            with champion_ledger.lock(f"Dagster run {context.run.run_id}", context.log.info):
                champion_ledger.recover()
                version = _register(project, tracking, trained)
                results = evaluate_gates(
                    project, warehouse.store, tracking, version, trained, context.run.run_id
                )
                update_cards(project, warehouse.store, tracking, folders.reports)
            digest = version.facts["model_digest"]
            _keep_drift_reference(project, warehouse.store, tracking, trained)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(data_version(version)),
            metadata={
                "version": version.version,
                **project.declaration,
                "model_uri": f"models:/{project.name}/{version.version}",
                "rejected": describe_failures(results),
                "model_digest": digest,
                "mlflow_run_id": trained.run_id,
                **({"cutoff": cutoff} if cutoff else {}),
                INPUTS: inputs_digest({(report_key, cutoff): trained.facts["evaluation_digest"]}),
            },
            check_results=gate_check_results(project, spec.key, results),
        )

    return registered_model


def data_version(version: "Version") -> str:
    """Data version of a registered version: its number and the digest of its model."""
    return f"{version.version}-{version.facts['model_digest'][:16]}"


def _register(project: Project, tracking: "TrackingStore", trained: "TrainedModel") -> "Version":
    metrics = {name: f"{value:.6g}" for name, value in trained.metrics.items() if name.startswith("test_")}
    return tracking.registry.register(project.name, trained, {**_registered_facts(trained), **metrics})


def _keep_drift_reference(
    project: Project, warehouse: "Warehouse", tracking: "TrackingStore", trained: "TrainedModel"
) -> None:
    """Keep the histograms that drift reports compare with, so that they outlive the training rows."""
    is_predicted = project.timeline is not None or project.settings.scoring is not None
    if "drift" in project.settings.monitoring.reports and is_predicted:
        reference = compute_reference(project, warehouse, tracking.load(trained), trained.facts)
        if reference is not None:
            log_reference(project, tracking, trained.run_id, reference)


def _registered_facts(trained: "TrainedModel") -> dict[str, str]:
    """Facts of a version; its digest is that of the deployed model, which may be refitted on all rows."""
    facts = dict(trained.facts)
    if is_refitted(facts):
        facts |= {"evaluated_uri": trained.uri, "evaluated_digest": facts["model_digest"]}
        facts |= {"model_digest": facts["serving_digest"], "model_uri": facts["serving_uri"]}
        if "serving_manifest" in facts:
            facts["evaluated_manifest"] = facts["model_manifest"]
            facts["model_manifest"] = facts["serving_manifest"]
    return facts


def _require_evaluation(project: Project, trained: "TrainedModel") -> None:
    if "evaluation_digest" not in trained.facts:
        raise TrackingError(
            f"{project.name}: the model of run {trained.run_id} has no evaluation",
            hint=f"materialize {project.name}/{names.EVALUATION_REPORT} first",
        )
