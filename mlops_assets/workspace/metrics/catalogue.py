"""The catalogue of metrics: name, meaning and labels of each family.

Labels name declared things (projects, assets, checks, jobs, sensors), so that their number is bounded: none
is a partition, a run or a version, except for the version in an `_info` metric. Times are Unix timestamps,
because an age would be that of the collection.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Family:
    """One metric family.

    Attributes
    ----------
    name
        Name without the suffix `_total` of a counter.
    help
        One sentence about the value.
    labels
        Names of its labels.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "counter"] = "gauge"


_PROJECT, _ASSET, _CHECK = ("project",), ("project", "asset"), ("project", "asset", "check")
_JOB = ("project", "job_name", "state")
"""`job` is the label of a target in Prometheus."""
_AUTOMATION = ("project", "kind", "name")
_PERFORMANCE = ("project", "kind", "metric")

BUILD = Family("mlops_build_info", "Versions of the exporter; the value is 1.", ("version", "dagster"))
COLLECTOR_SUCCESS = Family(
    "mlops_collector_success", "Whether a part could be collected; the log has the error.", ("collector",)
)
COLLECTOR_DURATION = Family(
    "mlops_collector_duration_seconds", "Duration of the last collection of a part.", ("collector",)
)
COLLECTED_AT = Family(
    "mlops_collection_timestamp_seconds", "When the figures were collected; they are cached for some seconds."
)

WORKSPACE_ERRORS = Family(
    "mlops_workspace_errors", "Errors of all projects together, such as an instance that can't be opened."
)
PROJECT_LOAD_ERROR = Family(
    "mlops_project_load_error", "Whether the declarations of a project are invalid.", _PROJECT
)
PROJECT_ERRORS = Family(
    "mlops_project_unreadable_parts", "Tables or files of a project that can't be read.", _PROJECT
)
PROJECT_HEALTH = Family(
    "mlops_project_health", "Health of a project; 1 for the current one.", ("project", "health")
)
PROJECT_DISK = Family("mlops_project_disk_bytes", "Size of the tables, reports and searches.", _PROJECT)

MATERIALIZED_AT = Family(
    "mlops_asset_last_materialization_timestamp_seconds", "When an asset was materialized last.", _ASSET
)
DEADLINE = Family(
    "mlops_asset_freshness_deadline_timestamp_seconds",
    "When an asset is overdue by its freshness policy, unless it is materialized before.",
    _ASSET,
)
OVERDUE = Family("mlops_asset_overdue", "Whether an asset is older than its freshness policy allows.", _ASSET)
ROWS = Family("mlops_asset_rows", "Rows of the latest materialization of an asset.", _ASSET)
PARTITIONS = Family(
    "mlops_asset_partitions",
    "Partitions of an asset that exist by now: `materialized` or `missing`.",
    ("project", "asset", "state"),
)
FAILED_PARTITIONS = Family(
    "mlops_asset_failed_partitions", "Partitions of an asset whose latest run failed.", _ASSET
)
CHECKS = Family("mlops_checks", "Asset checks by the state of their newest partition.", ("project", "state"))
CHECK_PASSED = Family(
    "mlops_check_passed", "Whether a check passed in its newest partition.", (*_CHECK, "blocking")
)
CHECK_FAILED_PARTITIONS = Family(
    "mlops_check_failed_partitions", "Partitions whose latest evaluation of a check failed.", _CHECK
)

RUNS_IN_PROGRESS = Family("mlops_runs_in_progress", "Runs that have not ended, by state.", _JOB)
RUNS_FINISHED = Family("mlops_runs_finished", "Runs that have ended, by state.", _JOB, "counter")
QUEUE_LENGTH = Family("mlops_run_queue_length", "Runs in the queue.")
QUEUED_AT = Family(
    "mlops_run_queue_oldest_timestamp_seconds", "When the oldest run of the queue was created."
)
DAEMON_RUNNING = Family("mlops_dagster_daemon_running", "Whether Dagster's daemon runs, by its heartbeats.")
DAEMON_HEALTHY = Family(
    "mlops_dagster_daemon_healthy", "Whether a part of the daemon runs without errors.", ("daemon",)
)
HEARTBEAT_AT = Family(
    "mlops_dagster_daemon_last_heartbeat_timestamp_seconds", "Last heartbeat of a part.", ("daemon",)
)
AUTOMATION_RUNNING = Family(
    "mlops_automation_running", "Whether a sensor or schedule is switched on.", _AUTOMATION
)
TICK_AT = Family(
    "mlops_automation_last_tick_timestamp_seconds", "Last tick of a sensor or schedule.", _AUTOMATION
)
TICK_FAILED = Family(
    "mlops_automation_last_tick_failed", "Whether the last tick of a sensor or schedule failed.", _AUTOMATION
)

CHAMPION = Family("mlops_champion_info", "Version of the champion; the value is 1.", ("project", "version"))
CHAMPION_METRIC = Family(
    "mlops_champion_metric", "Primary metric of the champion on its holdout.", ("project", "metric")
)
REGISTERED_AT = Family(
    "mlops_champion_registration_timestamp_seconds", "When the champion was registered.", _PROJECT
)
PROMOTED_AT = Family(
    "mlops_champion_promotion_timestamp_seconds", "When the champion was promoted.", _PROJECT
)
PENDING = Family("mlops_pending_approvals", "Versions that are pending approval.", _PROJECT)
PENDING_SINCE = Family(
    "mlops_pending_approvals_oldest_timestamp_seconds", "Since when the oldest one is pending.", _PROJECT
)

QUALITY = Family(
    "mlops_data_quality_out_of_line", "Measures of the newest partition out of line with the past.", _PROJECT
)
DRIFT_EFFECT = Family(
    "mlops_drift_largest_weighted_effect",
    "Largest effect, weighted by importance, of the newest partition against a reference.",
    ("project", "reference"),
)
DRIFTED_COLUMNS = Family(
    "mlops_drift_drifted_columns", "Drifted columns of the newest partition.", ("project", "reference")
)
PERFORMANCE = Family(
    "mlops_performance",
    "A metric over all rows of the newest partition, `measured` or `estimated`.",
    _PERFORMANCE,
)
PERFORMANCE_LOW = Family("mlops_performance_low", "Lower end of its 95 % interval.", _PERFORMANCE)
PERFORMANCE_HIGH = Family("mlops_performance_high", "Upper end of its 95 % interval.", _PERFORMANCE)
PERFORMANCE_BEFORE = Family(
    "mlops_performance_at_registration", "The same metric when the version was registered.", _PERFORMANCE
)
PERFORMANCE_HOLDS = Family(
    "mlops_performance_holds", "Whether the metric holds its value at registration.", _PERFORMANCE
)
RETRAINING = Family(
    "mlops_retraining_decision",
    "Latest decision about retraining; 1 for the one made.",
    ("project", "decision"),
)
RETRAINING_AT = Family("mlops_retraining_decision_timestamp_seconds", "When it was made.", _PROJECT)

INCIDENTS = Family(
    "mlops_incidents_open", "Open incidents; those of no project have an empty one.", ("project", "severity")
)
UNDELIVERED = Family("mlops_alerts_undelivered", "Alerts that a channel has not delivered.", ("channel",))
DISK_FREE = Family("mlops_disk_free_bytes", "Free space on the disk of the state directory.")
DISK_SIZE = Family("mlops_disk_size_bytes", "Size of the disk of the state directory.")
