"""registered_model: a trained and evaluated model becomes a version of MLflow's registry."""

from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets import names
from mlops_assets.components.model_project.partitions import cutoff_partitions, one_by_one, partition_of
from mlops_assets.components.model_project.project import INPUTS, Project, inputs_digest, plain_failures
from mlops_assets.errors import TrackingError
from mlops_assets.resources import MlflowTracking

if TYPE_CHECKING:
    from mlops_assets.stores.tracking import TrainedModel


def registered_model_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that makes a trained and evaluated model a version of the registry."""
    partitions, report_key = cutoff_partitions(project), project.key(names.EVALUATION_REPORT)
    spec = project.spec(
        project.key(names.REGISTERED_MODEL),
        description=f"A version of `{project.name}` in MLflow's registry, tagged with where it comes from.",
        kinds=["mlflow"],
        deps=[report_key],
        code=["registered_model 1"],
        partitions=partitions,
    )

    @dg.multi_asset(specs=[spec], name=names.op_name(*spec.key.path), backfill_policy=one_by_one(partitions))
    def registered_model(context: dg.AssetExecutionContext, mlflow: MlflowTracking) -> dg.MaterializeResult:
        with plain_failures(project.name):
            tracking, cutoff = mlflow.store, partition_of(context)
            trained = tracking.trained_model(project.name, dagster_run_id=context.run.run_id, cutoff=cutoff)
            _refuse_unevaluated(project, trained)
            metrics = {
                name: f"{value:.6g}" for name, value in trained.metrics.items() if name.startswith("test_")
            }
            by = f"Dagster run {context.run.run_id}"
            with tracking.registry.turn(project.name, by=by, on_wait=context.log.info):
                version = tracking.registry.register(
                    project.name, trained, {**_registered_facts(trained), **metrics}
                )
            digest = version.facts["model_digest"]
        return dg.MaterializeResult(
            data_version=dg.DataVersion(f"{version.version}-{digest[:16]}"),
            metadata={
                "version": version.version,
                "model_uri": f"models:/{project.name}/{version.version}",
                "model_digest": digest,
                "mlflow_run_id": trained.run_id,
                **({"cutoff": cutoff} if cutoff else {}),
                INPUTS: inputs_digest({(report_key, cutoff): trained.facts["evaluation_digest"]}),
            },
        )

    return registered_model


def _registered_facts(trained: "TrainedModel") -> dict[str, str]:
    """What a version tells of itself: its digest is that of the model that serves, which may be a refitted
    one.
    """
    facts = dict(trained.facts)
    if "serving_uri" in facts:
        facts |= {"judged_uri": trained.uri, "judged_digest": facts["model_digest"]}
        facts |= {"model_digest": facts["serving_digest"], "model_uri": facts["serving_uri"]}
    return facts


def _refuse_unevaluated(project: Project, trained: "TrainedModel") -> None:
    if "evaluation_digest" not in trained.facts:
        raise TrackingError(
            f"{project.name}: the model of run {trained.run_id} has no evaluation",
            hint=f"materialize {project.name}/{names.EVALUATION_REPORT} first",
        )
