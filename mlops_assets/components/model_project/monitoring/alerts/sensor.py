"""The sensor of alerts: finds what is wrong, opens and resolves incidents, and delivers alerts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout

from mlops_assets.components.model_project.monitoring.alerts.channels import (
    channels_of,
    recipients_of,
    ui_address,
)
from mlops_assets.components.model_project.monitoring.alerts.checks import failed_checks
from mlops_assets.components.model_project.monitoring.alerts.evaluation import (
    Automation,
    Collector,
    Evaluation,
)
from mlops_assets.components.model_project.monitoring.alerts.freshness import overdue
from mlops_assets.components.model_project.monitoring.alerts.operation import daemons, disk, ticks
from mlops_assets.components.model_project.monitoring.alerts.runs import failed_runs
from mlops_assets.components.model_project.monitoring.alerts.serving import services
from mlops_assets.components.model_project.monitoring.alerts.versions import retraining, versions
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.settings.monitoring.alerts import AlertSettings
from mlops_assets.components.resources import WarehouseResource, WorkFolders
from mlops_assets.core import job_names
from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.alerts.alert import Condition, Kind
from mlops_assets.stores.alerts.delivery import Delivered, deliver

SECONDS = 30
SETTINGS, FOLDER = "mlops/alerts", "mlops/project_folder"
"""Metadata of the sensor: the settings as JSON, and the project's folder."""


def alerts_sensor(
    project: Project, settings: AlertSettings, definitions: dg.Definitions
) -> dg.SensorDefinition:
    """The sensor that evaluates the alerts of a project.

    Parameters
    ----------
    definitions
        The definitions of the project, whose sensors, schedules and jobs are looked at.

    Raises
    ------
    ProjectError
        When the template of a channel is invalid.
    """
    automation = _automation(definitions)
    channels_of(settings, project.files.folder, ui_address(settings))

    @dg.sensor(
        name=job_names.sensor_name(project.name, job_names.ALERTS),
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Sends alerts to {', '.join(settings.channels)}, once for each incident and again when "
        "it is resolved.",
        metadata={
            SETTINGS: dg.MetadataValue.json(settings.model_dump(mode="json")),
            FOLDER: str(project.files.folder),
        },
    )
    def alerts(
        context: dg.SensorEvaluationContext, folders: WorkFolders, warehouse: WarehouseResource
    ) -> dg.SkipReason:
        if context.repository_def is None:
            raise ProjectError("alerts require the definitions of their code location")
        evaluation = Evaluation(
            project=project,
            settings=settings,
            automation=automation,
            instance=context.instance,
            graph=context.repository_def.asset_graph,
            state=Path(folders.sensors).parent,
            now=datetime.now(UTC),
        )
        with as_dagster_failures(project.name, project.sensitive):
            return evaluate(evaluation, warehouse, context.log.warning)

    return alerts


def evaluate(
    evaluation: Evaluation, warehouse: WarehouseResource, log: Callable[[str], None]
) -> dg.SkipReason:
    """Find the conditions that hold, record and deliver what follows, and describe it.

    Raises
    ------
    Exception
        Of the first collector that failed, after the alerts of the others were delivered. Incidents of its
        kinds stay as they are.
    """
    evaluation.store.folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(evaluation.store.folder / f"{evaluation.project.name}.evaluation.lock")
    try:
        with lock.acquire(timeout=0):
            return _evaluate(evaluation, warehouse, log)
    except Timeout:  # what it saw is newer or older, and the later one to record it would be wrong
        return dg.SkipReason("another process evaluates the alerts of the project")


def _evaluate(
    evaluation: Evaluation, warehouse: WarehouseResource, log: Callable[[str], None]
) -> dg.SkipReason:
    found, evaluated, errors = _collect(evaluation, warehouse)
    settings, ui = evaluation.settings, ui_address(evaluation.settings)
    channels = channels_of(settings, evaluation.project.files.folder, ui, log=log)
    evaluation.store.reconcile(
        evaluation.project.name,
        found,
        evaluated,
        recipients_of(channels),
        now=evaluation.now,
        repeat=timedelta(hours=settings.repeat_hours) if settings.repeat_hours else None,
        positions=evaluation.positions,
    )
    delivered = deliver(evaluation.store, evaluation.project.name, channels, ui)
    for error in delivered.errors:
        log(error)
    if errors:
        raise errors[0]
    count = len(evaluation.store.open_incidents(evaluation.project.name))
    return dg.SkipReason(_describe(count, delivered))


def _collect(
    evaluation: Evaluation, warehouse: WarehouseResource
) -> tuple[list[Condition], set[Kind], list[Exception]]:
    collectors = (
        Collector(frozenset({"run"}), failed_runs),
        Collector(frozenset({"blocked", "data_quality", "drift", "performance", "check"}), failed_checks),
        Collector(frozenset({"freshness"}), overdue),
        Collector(frozenset({"approval", "promotion", "canary"}), partial(versions, warehouse=warehouse)),
        Collector(frozenset({"retraining"}), retraining),
        Collector(frozenset({"sensor"}), ticks),
        Collector(frozenset({"daemon"}), daemons),
        Collector(frozenset({"disk"}), disk),
        Collector(frozenset({"serving"}), services),
    )
    found: list[Condition] = []
    evaluated: set[Kind] = set()
    errors: list[Exception] = []
    for collector in collectors:
        try:
            found.extend(list(collector.collect(evaluation)))
            evaluated |= collector.kinds
        except Exception as error:  # what one source lacks must not hide the alerts of the others
            errors.append(error)
    return found, evaluated, errors


def _describe(count: int, delivered: Delivered) -> str:
    incidents = f"{count or 'no'} open incident{'' if count == 1 else 's'}"
    sent = f", {delivered.sent} alert{'' if delivered.sent == 1 else 's'} sent" if delivered.sent else ""
    return "; ".join((f"{incidents}{sent}", *delivered.errors))


def _automation(definitions: dg.Definitions) -> Automation:
    intervals: dict[str, int | None] = {}
    for sensor in definitions.sensors or ():
        intervals[sensor.name] = getattr(sensor, "minimum_interval_seconds", None)
    for schedule in definitions.schedules or ():
        intervals[schedule.name] = None
    return Automation(intervals, frozenset(job.name for job in definitions.jobs or ()))
