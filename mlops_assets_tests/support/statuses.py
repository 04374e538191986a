"""A status of a workspace with every kind of figure, known in advance."""

from datetime import UTC, datetime, timedelta

from mlops_assets.core.status.asset import AssetStatus, CheckStatus, FreshnessStatus, PartitionStatus
from mlops_assets.core.status.project import (
    ChampionStatus,
    DriftPoint,
    IncidentStatus,
    PendingVersion,
    PerformancePoint,
    ProjectStatus,
    QualityPoint,
    RetrainingStatus,
    ScheduleStatus,
    SensorStatus,
    ServiceStatus,
    TickStatus,
    UndeliveredStatus,
)
from mlops_assets.core.status.workspace import DaemonStatus, DiskStatus, HeartbeatStatus, WorkspaceStatus

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def full_project(name: str = "shop", now: datetime = NOW, partitions: int = 2) -> ProjectStatus:
    """A project whose predictions are overdue, with drift and a version that is pending."""
    months = [f"2025-{month:02}" for month in range(1, partitions + 1)]
    checks = (
        CheckStatus("contract", "passed", blocking=True, partition=months[-1]),
        CheckStatus("no_drift", "warned", partition=months[-1], failed_partitions=tuple(months[-2:])),
        CheckStatus("one_row_each", "failed", blocking=True, failed_partitions=(months[-1],)),
        CheckStatus("never", "not_run"),
    )
    return ProjectStatus(
        name,
        "overdue",
        assets=(
            AssetStatus("raw", "missing"),
            AssetStatus(
                "predictions",
                "overdue",
                "overdue since noon",
                now - 3 * HOUR,
                1_234,
                FreshnessStatus("overdue", "every 2 h", now - HOUR),
                PartitionStatus(5, 3, (months[-1],), months[-1]),
                checks=checks,
            ),
        ),
        champion=ChampionStatus(
            3, now - 20 * HOUR, now - 30 * HOUR, "ada", "better", None, None, "roc_auc", 0.81, 0.8, 0.82
        ),
        pending=(
            PendingVersion(4, now - 5 * HOUR, "mlops approve"),
            PendingVersion(5, now - 2 * HOUR, "mlops approve"),
        ),
        schedules=(ScheduleStatus(f"{name}_train_schedule", "@daily", "UTC", False),),
        sensors=(
            SensorStatus(f"{name}_files", True, 5.0, TickStatus(now - HOUR, "failure", "no such file")),
        ),
        quality=(QualityPoint(months[0], 40, 3), QualityPoint(months[-1], 40, 1, "rows")),
        drift=tuple(
            DriftPoint(month, reference, 20, drifted, effect)
            for month, drifted in zip(months, [0] * (partitions - 1) + [2], strict=True)
            for reference, effect in (("training", 0.25), ("previous", 0.125))
        ),
        performance=(
            PerformancePoint(months[0], "measured", "roc_auc", 0.75, 0.7, 0.8, 0.81, holds=True),
            PerformancePoint(months[-1], "measured", "roc_auc", 0.5, 0.45, 0.55, 0.81, holds=False),
            PerformancePoint(months[-1], "estimated", "roc_auc", 0.7, 0.6, 0.8, 0.81, holds=None),
        ),
        retraining=RetrainingStatus("train", "drift", now.replace(tzinfo=None) - HOUR, "2025-02"),
        services=(
            ServiceStatus("http://127.0.0.1:8000", 2, now - HOUR, 2, 2, 1_500, 0.0012, 0.0034, "no server"),
        ),
        incidents=(IncidentStatus("drift", "warning", "drift of 2025-02", now),),
        undelivered=tuple(
            UndeliveredStatus(channel, "drift of 2025-02", 3, False, "no answer", now)
            for channel in ("webhook", "email")
        ),
        disk_bytes=5_000,
        errors=("table shop.drift_report is damaged",),
    )


def full_status(now: datetime = NOW) -> WorkspaceStatus:
    """A workspace with that project, one that is invalid, and a daemon of which a part has stopped."""
    daemons = (HeartbeatStatus("sensor", True, now), HeartbeatStatus("scheduler", False, now - HOUR))
    invalid = ProjectStatus("broken", "unknown", "defs.yaml:3: x is not a setting", errors=("defs.yaml:3",))
    return WorkspaceStatus(
        now,
        (invalid, full_project(now=now)),
        DaemonStatus(True, daemons),
        DiskStatus("/state", 250, 1_000),
        (IncidentStatus("disk", "critical", "the disk is nearly full", now),),
    )
