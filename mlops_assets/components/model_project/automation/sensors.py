"""Sensors of a project: ingestion of files, scoring by a new champion, and approval reminders."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from mlops_assets.components.model_project.project.declared_tables import (
    declared_source,
    describe_source,
    ingestion_of,
    is_remote,
    kind_of,
)
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.materializations import latest_materializations
from mlops_assets.components.model_project.project.metadata_names import FINGERPRINT
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.staleness import Staleness
from mlops_assets.components.model_project.promotion.approval_reminder import overdue_evaluation, remind
from mlops_assets.components.resources import WarehouseResource, WorkFolders
from mlops_assets.core import job_names, names
from mlops_assets.core.errors import ProjectError

MAX_REQUESTS = 100
"""Maximum number of runs that one tick requests; the next tick requests the rest."""
_REMINDER_SECONDS = 60


def project_sensors(project: Project) -> list[dg.SensorDefinition]:
    """The sensors of a project: one for each table of files, and those of champion and approval."""
    sensors: list[dg.SensorDefinition] = [
        file_sensor(project, table)
        for table in project.read_tables
        if kind_of(declared_source(project, table)) == "files"
    ]
    if project.scored_key:
        sensors.append(champion_sensor(project, project.scored_key))
    return [*sensors, approval_sensor(project)]


def file_sensor(project: Project, table: str) -> dg.SensorDefinition:
    """Request a run for each partition whose files are new or changed since they were ingested.

    A file counts once two consecutive ticks have seen the same size and modification time. The cursor is the
    name of a snapshot of the folder: it stays short, and Dagster commits it with the tick.
    """
    automation = project.settings.automation
    declared, ingestion = declared_source(project, table), ingestion_of(project, table)
    periods, remote = ingestion.periods, is_remote(declared)
    raw_key = project.table_key(names.RAW, table)
    layers = [project.table_key(layer, table) for layer in names.TABLE_LAYERS]

    @dg.sensor(
        name=job_names.sensor_name(project.name, f"{table}_files"),
        asset_selection=dg.AssetSelection.assets(*layers),
        minimum_interval_seconds=automation.remote_seconds if remote else automation.seconds,
        default_status=_status(automation.files),
        description=f"Ingests and validates new and changed files of {describe_source(declared)}.",
    )
    def files(
        context: dg.SensorEvaluationContext, folders: WorkFolders, warehouse: WarehouseResource
    ) -> dg.SensorResult:
        from mlops_assets.stores.sources.base import scratch_folder
        from mlops_assets.stores.sources.file_source import open_file_source
        from mlops_assets.stores.sources.watch import poll_source
        from mlops_assets.stores.sources.watch_snapshot import SnapshotStore

        store = warehouse.store
        with (
            as_dagster_failures(project.name, project.sensitive),
            open_file_source(declared, ingestion, root=project.root, scratch=scratch_folder(store)) as source,
        ):
            snapshots = SnapshotStore(Path(folders.sensors) / project.name / table)
            known = snapshots.load(context.cursor)
            if not known.requested:  # first tick: skip files that are already ingested
                known = known.with_ingested(_ingested(context.instance, raw_key))
            seen = poll_source(
                known,
                source.files,
                periods,
                ingestion.column,
                subject=ingestion.subject,
                time_text=ingestion.time_text,
                until=periods.start_of(periods.newest(datetime.now(UTC))) if periods else None,
                connect=store.connect,
            )
            requested = list(seen.changed)[:MAX_REQUESTS]
            requests = [
                dg.RunRequest(
                    run_key=f"{table}:{seen.run_key(partition)}",
                    partition_key=partition,
                    asset_selection=layers,
                )
                for partition in requested
            ]
            cursor = snapshots.save(seen.requesting(requested))
        for message in seen.left_out if requests else ():
            context.log.warning(f"{project.subject(table)}: {message}")
        unfinished = f"{', '.join(seen.pending[:5])} may still be written to; " if seen.pending else ""
        reason = (
            None if requests else dg.SkipReason(f"{unfinished}{'; '.join(seen.left_out) or 'nothing is new'}")
        )
        return dg.SensorResult(run_requests=requests, skip_reason=reason, cursor=cursor)

    return files


def champion_sensor(project: Project, scored_key: dg.AssetKey) -> dg.SensorDefinition:
    """Score the newest partition, or without partitions all rows, again after a promotion.

    Older predictions are not changed.
    """
    what = scored_rows(project)

    @dg.asset_sensor(
        asset_key=project.key(names.CHAMPION),
        name=job_names.sensor_name(project.name, "new_champion"),
        job_name=job_names.job_name(project.name, job_names.SCORE),
        minimum_interval_seconds=project.settings.automation.seconds,
        default_status=_status(project.settings.automation.assets),
        description=f"Scores the {what} after another version becomes champion.",
    )
    def new_champion(
        context: dg.SensorEvaluationContext, asset_event: dg.EventLogEntry, warehouse: WarehouseResource
    ) -> dg.RunRequest | dg.SkipReason:
        staleness = staleness_of(context, warehouse)
        newest = max(staleness.partitions(scored_key), default=None)
        if not staleness.is_materialized(scored_key):
            return dg.SkipReason("there are no rows to score yet")
        expected = staleness.expected_from_champion(project.name)
        if not staleness.stale([project.key(names.PREDICTIONS)], newest, expected):
            return dg.SkipReason(f"the predictions{_of(newest)} are from the new champion already")
        return dg.RunRequest(run_key=f"{asset_event.run_id}: {newest or 'all'}", partition_key=newest)

    return new_champion


def approval_sensor(project: Project) -> dg.SensorDefinition:
    """Report, as a failed check of the champion, a version that is pending approval for too long.

    A tick only reads the ledger: a pending approval occupies no worker.
    """

    @dg.sensor(
        name=job_names.sensor_name(project.name, job_names.REMINDER),
        minimum_interval_seconds=_REMINDER_SECONDS,
        default_status=_status(project.settings.automation.assets),
        description=f"Reports versions that are pending approval for more than "
        f"{project.settings.approval.remind_after_hours:g} hours, once per this time.",
    )
    def approval_reminder(
        context: dg.SensorEvaluationContext, warehouse: WarehouseResource
    ) -> dg.SensorResult:
        from mlops_assets.stores.governance.ledger.ledger import Ledger
        from mlops_assets.stores.governance.ledger.state import LedgerState

        with as_dagster_failures(project.name, project.sensitive):
            ledger_state = LedgerState.of(Ledger(warehouse.store, project.name).entries())
            found = remind(project, ledger_state, context.cursor)
        for message in found.messages:
            context.log.warning(f"{project.name}: {message}")
        return dg.SensorResult(
            skip_reason=None if found.messages else dg.SkipReason(found.skip_reason),
            asset_events=[overdue_evaluation(project, found)] if found.messages else [],
            cursor=found.cursor,
        )

    return approval_reminder


def scored_rows(project: Project) -> str:
    """What a tick scores, for descriptions."""
    partitioned = project.timeline or project.periods_of(names.SCORING)
    return "newest partition" if partitioned else "rows of `scoring`"


def _of(partition: str | None) -> str:
    return f" of {partition}" if partition else ""


def staleness_of(
    context: dg.SensorEvaluationContext | dg.ScheduleEvaluationContext, warehouse: WarehouseResource
) -> Staleness:
    """Staleness of the assets, for a tick of a sensor or schedule."""
    if context.repository_def is None:
        raise ProjectError(
            "a tick requires the definitions of its code location to determine which assets are out of date"
        )
    return Staleness(context.repository_def.asset_graph, context.instance, warehouse.store)


def _status(on: bool) -> dg.DefaultSensorStatus:
    return dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED


def _ingested(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str | None, str]:
    """Fingerprint of the source that each partition was last ingested from."""
    found = {}
    for partition, record in latest_materializations(instance, key).items():
        fingerprint = (
            record.asset_materialization.metadata.get(FINGERPRINT) if record.asset_materialization else None
        )
        if fingerprint:
            found[partition] = str(fingerprint.value)
    return found
