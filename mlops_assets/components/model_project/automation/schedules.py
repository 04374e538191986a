"""Schedules that a project declares in `defs.yaml`.

A schedule targets the newest partition that has data, not the calendar's, and skips if nothing has changed.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.automation.jobs import MODEL_ASSETS, REGISTRY_ASSETS
from mlops_assets.components.model_project.automation.sensors import MAX_REQUESTS, scored_rows, staleness_of
from mlops_assets.components.model_project.project.declared_tables import (
    declared_source,
    describe_source,
    ingestion_of,
    kind_of,
)
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.settings.automation import IngestSchedule
from mlops_assets.components.resources import WarehouseResource
from mlops_assets.core import job_names, names

if TYPE_CHECKING:
    Requests = list[dg.RunRequest] | dg.RunRequest | dg.SkipReason


def project_schedules(project: Project) -> list[dg.ScheduleDefinition]:
    """The declared schedules of a project."""
    settings = project.settings.schedules
    schedules = []
    if settings.train:
        schedules.append(train_schedule(project, settings.train))
    if settings.score and project.scored_key:
        schedules.append(score_schedule(project, settings.score, project.scored_key))
    if settings.backfill:
        schedules.append(backfill_schedule(project, settings.backfill.cron, settings.backfill.last))
    if settings.ingest:
        queries = [
            table for table in project.read_tables if kind_of(declared_source(project, table)) == "query"
        ]
        schedules.extend(ingest_schedule(project, table, settings.ingest) for table in queries)
    return schedules


def train_schedule(project: Project, cron: str) -> dg.ScheduleDefinition:
    """Train at the newest cut-off whose evaluation partition is labelled, unless its model is up to date.

    With `retrain`, a tick requests a decision in place of a training: two triggers make one training then.
    """
    decides = project.settings.retrain is not None
    keys = [project.key(name) for name in (*MODEL_ASSETS, *REGISTRY_ASSETS)]

    def evaluate(context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource) -> "Requests":
        staleness = staleness_of(context, warehouse)
        cutoff = None
        if project.timeline:
            cutoffs = project.timeline.cutoffs(staleness.partitions(project.key(names.TARGET)))
            if not cutoffs:
                return dg.SkipReason("no cut-off has a labelled evaluation partition yet")
            cutoff = cutoffs[-1]
        elif not staleness.is_materialized(project.key(names.FEATURES)):
            return dg.SkipReason("there are no features yet")
        if not staleness.stale(keys, cutoff):
            return dg.SkipReason(f"the model{f' of cut-off {cutoff}' if cutoff else ''} is up to date")
        if not decides:
            return _request(context, cutoff)
        at = context.scheduled_execution_time.isoformat()
        return dg.RunRequest(
            run_key=at, tags={job_names.TICK_TAG: at, job_names.TICK_CUTOFF_TAG: cutoff or ""}
        )

    return _schedule(
        project,
        job_names.TRAIN,
        cron,
        evaluate,
        "Trains at the newest cut-off, if something has changed.",
        target=dg.AssetSelection.assets(project.key(names.RETRAINING)) if decides else None,
    )


def score_schedule(project: Project, cron: str, scored_key: dg.AssetKey) -> dg.ScheduleDefinition:
    """Score the newest partition, or without partitions all rows, unless the predictions are up to date."""
    predictions_key = project.key(names.PREDICTIONS)

    def evaluate(context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource) -> "Requests":
        staleness = staleness_of(context, warehouse)
        newest = max(staleness.partitions(scored_key), default=None)
        if not staleness.is_materialized(scored_key):
            return dg.SkipReason("there are no rows to score yet")
        if not staleness.is_materialized(project.key(names.CHAMPION)):
            return dg.SkipReason("there is no champion yet")
        if not staleness.stale([predictions_key], newest, staleness.expected_from_champion(project.name)):
            return dg.SkipReason(f"the predictions{f' of {newest}' if newest else ''} are up to date")
        return _request(context, newest)

    return _schedule(
        project,
        job_names.SCORE,
        cron,
        evaluate,
        f"Scores the {scored_rows(project)}, if something has changed.",
    )


def backfill_schedule(project: Project, cron: str, last: int) -> dg.ScheduleDefinition:
    """Ingest the newest partitions again; content that did not change is not written again."""
    tables = project.event_tables or [names.SCORING]
    layers = [project.table_key(layer, names.SCORING) for layer in names.TABLE_LAYERS]

    def evaluate(context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource) -> "Requests":
        staleness = staleness_of(context, warehouse)
        ingested = [staleness.partitions(project.table_key(names.RAW, table)) for table in tables]
        newest = sorted(set.union(*ingested))[-last:]
        if not newest:
            return dg.SkipReason("nothing has arrived yet")
        return [_request(context, partition) for partition in newest]

    return _schedule(
        project,
        job_names.INGEST,
        cron,
        evaluate,
        f"Ingests the newest {last} partitions again{', with their features' if project.timeline else ''}.",
        purpose="backfill",
        target=None if project.timeline else dg.AssetSelection.assets(*layers),
    )


def ingest_schedule(project: Project, table: str, settings: IngestSchedule) -> dg.ScheduleDefinition:
    """Ingest a table whose source is a query; content that did not change is not written again.

    With partitions: those of the database that were never ingested, and the newest again. One query with
    counts lists them.
    """
    declared, ingestion = declared_source(project, table), ingestion_of(project, table)
    raw_key = project.table_key(names.RAW, table)
    layers = [project.table_key(layer, table) for layer in names.TABLE_LAYERS]

    def evaluate(context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource) -> "Requests":
        if ingestion.periods is None:
            return _request(context, None)
        from mlops_assets.stores.sources.open import open_source

        until = ingestion.periods.start_of(ingestion.periods.newest(datetime.now(UTC)))
        store = warehouse.store
        with (
            open_source(declared, ingestion, root=project.root, warehouse=store) as source,
            store.connect() as connection,
        ):
            available = [
                key for key in source.arrivals(connection, until=until, wanted=()).by_partition if key
            ]
        ingested = staleness_of(context, warehouse).partitions(raw_key)
        requested = sorted({*available[-settings.last :], *(key for key in available if key not in ingested)})
        return [_request(context, partition) for partition in requested[:MAX_REQUESTS]]

    return _schedule(
        project,
        job_names.INGEST,
        settings.cron,
        evaluate,
        f"Ingests {describe_source(declared)} into {table}.",
        purpose=f"{table}_{job_names.INGEST}",
        target=dg.AssetSelection.assets(*layers),
    )


def _schedule(
    project: Project,
    job: str,
    cron: str,
    evaluate: "Callable[[dg.ScheduleEvaluationContext, WarehouseResource], Requests]",
    description: str,
    *,
    purpose: str | None = None,
    target: dg.AssetSelection | None = None,
) -> dg.ScheduleDefinition:
    on = project.settings.automation.schedules
    runs: dict[str, Any] = (
        {"target": target} if target else {"job_name": job_names.job_name(project.name, job)}
    )

    @dg.schedule(
        name=job_names.schedule_name(project.name, purpose or job),
        **runs,
        cron_schedule=cron,
        execution_timezone=project.settings.schedules.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED,
        description=description,
    )
    def schedule(
        context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
    ) -> "list[dg.RunRequest] | dg.RunRequest | dg.SkipReason":
        with as_dagster_failures(project.name, project.sensitive):
            return evaluate(context, warehouse)

    return schedule


def _request(context: dg.ScheduleEvaluationContext, partition: str | None) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{context.scheduled_execution_time.isoformat()} {partition or ''}", partition_key=partition
    )
