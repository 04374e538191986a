"""The sensor that starts the training that the asset `retraining` has decided on."""

from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.compat.dagster import IN_PROGRESS_RUN_STATUSES
from mlops_assets.components.model_project.automation.jobs import MODEL_ASSETS, REGISTRY_ASSETS
from mlops_assets.components.model_project.automation.sensors import staleness_of
from mlops_assets.components.model_project.monitoring.retraining import CUTOFF, DECISION, NUMBER
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.resources import WarehouseResource
from mlops_assets.core import job_names, names

if TYPE_CHECKING:
    from collections.abc import Sequence


def retrain_sensor(project: Project) -> dg.SensorDefinition:
    """Start the training of the newest decision, once.

    The run key is the number of the decision, so that neither a second tick nor a restarted daemon starts it
    again. A run that trains already is not doubled, and a cut-off that was trained meanwhile is skipped.
    """
    on = project.settings.automation.assets
    keys = [project.key(name) for name in (*MODEL_ASSETS, *REGISTRY_ASSETS)]

    @dg.sensor(
        name=job_names.sensor_name(project.name, job_names.RETRAIN),
        job_name=job_names.job_name(project.name, job_names.TRAIN),
        minimum_interval_seconds=project.settings.automation.seconds,
        default_status=dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED,
        description=f"Starts the training that {names.RETRAINING} has decided on.",
    )
    def retrain(
        context: dg.SensorEvaluationContext, warehouse: WarehouseResource
    ) -> dg.RunRequest | dg.SkipReason:
        with as_dagster_failures(project.name, project.sensitive):
            latest = context.instance.get_latest_materialization_event(project.key(names.RETRAINING))
            materialization = latest.asset_materialization if latest else None
            if materialization is None:
                return dg.SkipReason("no decision was made yet")
            decided = {name: value.value for name, value in materialization.metadata.items()}
            if decided[DECISION] != "train":
                return dg.SkipReason(f"{decided[DECISION]}: {decided['reason']}")
            cutoff = str(decided[CUTOFF]) if CUTOFF in decided else None
            if not staleness_of(context, warehouse).stale(keys, cutoff):
                return dg.SkipReason(f"{_model(cutoff)} is up to date")
            if running := _trainings(context.instance, project, cutoff):
                return dg.SkipReason(f"{_model(cutoff)} is trained by run {running[0]}")
            number = str(decided[NUMBER])
            return dg.RunRequest(
                run_key=f"{project.name}: decision {number}",
                partition_key=cutoff,
                tags={job_names.DECISION_TAG: number},
            )

    return retrain


def _model(cutoff: str | None) -> str:
    return f"the model of cut-off {cutoff}" if cutoff else "the model"


def _trainings(instance: dg.DagsterInstance, project: Project, cutoff: str | None) -> "Sequence[str]":
    """Ids of runs that are queued or in progress and train the model of a cut-off."""
    job, tuned = job_names.job_name(project.name, job_names.TRAIN), project.key(names.TUNED_MODEL)
    waiting = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED]
    tags = {"dagster/partition": cutoff} if cutoff else {}
    runs = instance.get_runs(dg.RunsFilter(tags=tags, statuses=[*waiting, *IN_PROGRESS_RUN_STATUSES]))
    return [
        run.run_id
        for run in runs
        if (run.job_name == job or tuned in (run.asset_selection or ()))
        and run.tags.get(job_names.PURPOSE_TAG) != job_names.BACKTEST
    ]
