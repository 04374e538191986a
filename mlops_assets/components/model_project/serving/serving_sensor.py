"""The sensor `<project>_serving`: it observes service and log, and requests the reports on ended days."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.automation.sensors import staleness_of
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.log_window import LogWindow
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.serving.endpoint_status import (
    SERVES_CHAMPION,
    EndpointStatus,
    state_folder,
)
from mlops_assets.components.resources import WarehouseResource
from mlops_assets.core import job_names, names

if TYPE_CHECKING:
    from mlops_assets.components.model_project.project.staleness import Staleness
    from mlops_assets.stores.warehouse.warehouse import Warehouse

_SECONDS = 30
_REPEATED = timedelta(minutes=5)
"""How often traffic is reported although nothing else has changed."""
_LIVE = ("live_rows", "live_days", "live_drifted_columns")


@dataclass
class _Cursor:
    """What earlier ticks have reported."""

    endpoint: str = ""
    endpoint_at: str = ""
    log: str = ""
    log_at: str = ""
    days: dict[str, int] = field(default_factory=dict)

    def is_due(self, at: str, now: datetime) -> bool:
        return not at or now - datetime.fromisoformat(at) >= _REPEATED


def serving_sensor(project: Project, reports: Sequence[dg.AssetKey]) -> dg.SensorDefinition:
    """Observe service and log, when something has changed and every few minutes.

    Parameters
    ----------
    reports
        The reports that read the log. Those of a partition are requested when one of its days has ended.
    """
    on, window = project.settings.automation.assets, LogWindow.of_project(project)

    @dg.sensor(
        name=job_names.sensor_name(project.name, "serving"),
        asset_selection=dg.AssetSelection.assets(*reports, project.key(names.CHAMPION)),
        minimum_interval_seconds=_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED,
        description="Observes the HTTP service and its log of predictions, and reports on ended days.",
    )
    def serving(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SensorResult:
        cursor, now = _Cursor(**json.loads(context.cursor or "{}")), datetime.now(UTC)
        events: list[dg.AssetObservation | dg.AssetCheckEvaluation | dg.AssetMaterialization] = []
        requests: list[dg.RunRequest] = []
        with as_dagster_failures(project.name, project.sensitive):
            store = warehouse.store
            if project.settings.serving.observe:
                events += _endpoint_events(context, project, store, cursor, now)
            if window is not None:
                days = _logged_days(project, store)
                events += _log_events(project, store, days, cursor, now)
                ended = {day: rows for day, rows in days.items() if day < now.date().isoformat()}
                if ended != cursor.days:
                    changed = [day for day, rows in ended.items() if cursor.days.get(day) != rows]
                    requests = list(
                        _requests(window, reports, changed, days, staleness_of(context, warehouse))
                    )
                    cursor.days = ended
        nothing = not events and not requests
        return dg.SensorResult(
            run_requests=requests,
            asset_events=events,
            skip_reason=dg.SkipReason("nothing has changed") if nothing else None,
            cursor=json.dumps(vars(cursor)),
        )

    return serving


def _endpoint_events(
    context: dg.SensorEvaluationContext, project: Project, store: "Warehouse", cursor: _Cursor, now: datetime
) -> "Iterator[dg.AssetObservation | dg.AssetCheckEvaluation]":
    """An observation and the check; nothing before the first service was started."""
    status = EndpointStatus.read(project, store, now)
    if not status.is_known and not cursor.endpoint:
        return
    signature = status.signature()
    if signature == cursor.endpoint and not (status.services and cursor.is_due(cursor.endpoint_at, now)):
        return
    key, (passed, description) = project.key(names.ENDPOINT), status.evaluate()
    yield dg.AssetObservation(key, metadata={**status.metadata(), **_live_drift(context, project)})
    yield dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=SERVES_CHAMPION,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
    )
    cursor.endpoint, cursor.endpoint_at = signature, now.isoformat()


def _live_drift(context: dg.SensorEvaluationContext, project: Project) -> dict[str, Any]:
    """What the last drift report found about logged requests."""
    event = context.instance.get_latest_materialization_event(project.key(names.DRIFT_REPORT))
    found = event.asset_materialization.metadata if event and event.asset_materialization else {}
    return {name: found[name].value for name in _LIVE if name in found}


def _logged_days(project: Project, store: "Warehouse") -> dict[str, int]:
    from mlops_assets.stores.prediction_log.log_table import LogTable

    return LogTable(store.root, project.name).rows_by_day()


def _log_events(
    project: Project, store: "Warehouse", days: Mapping[str, int], cursor: _Cursor, now: datetime
) -> Iterator[dg.AssetObservation]:
    from mlops_assets.stores.prediction_log.status import LogStatus

    status = LogStatus.read(state_folder(store), project.name)
    if not days and status is None:
        return
    lost = {"dropped_rows": status.dropped, "failed_rows": status.failed} if status else {}
    signature = repr((list(days), lost, status.error if status else ""))
    is_quiet = signature == cursor.log and (
        status is None or not cursor.is_due(cursor.log_at, now) or str(status.updated_at) < cursor.log_at
    )
    if is_quiet:
        return
    newest = max(days, default=None)
    yield dg.AssetObservation(
        project.key(names.PREDICTION_LOG),
        metadata={
            "dagster/row_count": sum(days.values()),
            "days": len(days),
            **({"newest_day": newest, "rows_of_newest_day": days[newest]} if newest else {}),
            **lost,
            **({"spooled_bytes": status.spooled_bytes} if status else {}),
            **({"error": status.error} if status and status.error else {}),
        },
    )
    cursor.log, cursor.log_at = signature, now.isoformat()


def _requests(
    window: LogWindow,
    reports: Sequence[dg.AssetKey],
    changed: Sequence[str],
    days: Mapping[str, int],
    staleness: "Staleness",
) -> Iterator[dg.RunRequest]:
    """Request the reports that ended days belong to and that were made before, as far as they are stale."""
    for partition in sorted({window.partition_of(day) for day in changed}, key=str):
        made = [key for key in reports if staleness.is_materialized(key)]
        if partition is not None:
            made = [key for key in made if partition in staleness.partitions(key)]
        if stale := sorted(staleness.stale(made, partition)):
            rows = {day: days[day] for day in window.chosen(partition, days)}
            yield dg.RunRequest(
                run_key=f"log of {partition or 'the last days'}: {rows}",
                partition_key=partition,
                asset_selection=stale,
            )
