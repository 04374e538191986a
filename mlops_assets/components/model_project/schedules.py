"""The schedules of a project, as its `defs.yaml` asks for them.

Holds: scoring the newest partition, training at the newest cut-off, reading the newest partitions again.
Add here: another thing that is done at set times.
Not here: what answers an event (`sensors.py`, `automation.py`).

A schedule aims at the newest partition that has data, not at the calendar's, and does nothing where nothing
has changed.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets import names
from mlops_assets.components.model_project.jobs import MODEL_ASSETS, REGISTRY_ASSETS
from mlops_assets.components.model_project.project import Project, plain_failures
from mlops_assets.components.model_project.sensors import staleness_of
from mlops_assets.resources import WarehouseResource

if TYPE_CHECKING:
    Requests = list[dg.RunRequest] | dg.RunRequest | dg.SkipReason


def project_schedules(project: Project) -> list[dg.ScheduleDefinition]:
    """The schedules that the project declares."""
    settings = project.settings.schedules
    schedules = []
    if settings.train:
        schedules.append(train_schedule(project, settings.train))
    if settings.score:
        schedules.append(score_schedule(project, settings.score))
    if settings.backfill:
        schedules.append(backfill_schedule(project, settings.backfill.cron, settings.backfill.last))
    return schedules


def train_schedule(project: Project, cron: str) -> dg.ScheduleDefinition:
    """Trains at the newest cut-off whose judging partition is labelled, unless that was done of the same
    data.
    """
    keys = [project.key(name) for name in (*MODEL_ASSETS, *REGISTRY_ASSETS)]

    def evaluate(context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource) -> "Requests":
        staleness = staleness_of(context, warehouse)
        cutoff = None
        if project.timeline:
            cutoffs = project.timeline.cutoffs(staleness.partitions(project.key(names.TARGET)))
            if not cutoffs:
                return dg.SkipReason("no cut-off has a labelled partition that could judge a model")
            cutoff = cutoffs[-1]
        elif not staleness.is_made(project.key(names.FEATURES)):
            return dg.SkipReason("there are no features yet")
        if not staleness.stale(keys, cutoff):
            return dg.SkipReason(f"the model{f' of cut-off {cutoff}' if cutoff else ''} is up to date")
        return _request(context, cutoff)

    return _schedule(
        project,
        names.TRAIN_JOB,
        cron,
        evaluate,
        "Train again at the newest cut-off, if something has changed.",
    )


def score_schedule(project: Project, cron: str) -> dg.ScheduleDefinition:
    """Scores the newest partition that has features, unless the champion has scored the same features."""
    features_key, predictions_key = project.key(names.FEATURES), project.key(names.PREDICTIONS)

    def evaluate(context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource) -> "Requests":
        staleness = staleness_of(context, warehouse)
        newest = max(staleness.partitions(features_key), default=None)
        if newest is None:
            return dg.SkipReason("there are no features yet")
        if not staleness.is_made(project.key(names.CHAMPION)):
            return dg.SkipReason("there is no champion yet")
        if not staleness.stale([predictions_key], newest, staleness.by_champion(project.name)):
            return dg.SkipReason(f"the predictions of {newest} are up to date")
        return _request(context, newest)

    return _schedule(
        project, names.SCORE, cron, evaluate, "Score the newest partition, if something has changed."
    )


def backfill_schedule(project: Project, cron: str, last: int) -> dg.ScheduleDefinition:
    """Reads the newest partitions again, whatever is known of them; equal content is not written twice."""

    def evaluate(context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource) -> "Requests":
        staleness = staleness_of(context, warehouse)
        made = [staleness.partitions(project.table_key(names.RAW, table)) for table in project.event_tables]
        newest = sorted(set.union(*made))[-last:]
        if not newest:
            return dg.SkipReason("nothing has arrived yet")
        return [_request(context, partition) for partition in newest]

    return _schedule(
        project,
        names.INGEST,
        cron,
        evaluate,
        f"Read the newest {last} partitions again, and what follows from them.",
        purpose="backfill",
    )


def _schedule(
    project: Project,
    job: str,
    cron: str,
    evaluate: "Callable[[dg.ScheduleEvaluationContext, WarehouseResource], Requests]",
    description: str,
    *,
    purpose: str | None = None,
) -> dg.ScheduleDefinition:
    on = project.settings.automation.schedules

    @dg.schedule(
        name=names.schedule_name(project.name, purpose or job),
        job_name=names.job_name(project.name, job),
        cron_schedule=cron,
        execution_timezone=project.settings.schedules.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED,
        description=description,
    )
    def schedule(
        context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
    ) -> "list[dg.RunRequest] | dg.RunRequest | dg.SkipReason":
        with plain_failures(project.name):
            return evaluate(context, warehouse)

    return schedule


def _request(context: dg.ScheduleEvaluationContext, partition: str | None) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{context.scheduled_execution_time.isoformat()} {partition or ''}", partition_key=partition
    )
