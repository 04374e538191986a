"""The metrics of the service.

prometheus_client decides when it is imported whether processes share their metrics: the environment variable
of the folder must be set before this module is imported.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from mlops_assets.serving.metrics.reserved_files import reserve_metrics

BUCKETS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
DURATION = "mlops_serving_request_duration_seconds"
ROWS, REJECTED_ROWS = "mlops_serving_rows", "mlops_serving_rejected_rows"


class RequestMetrics:
    """What workers count."""

    def __init__(self, registry: CollectorRegistry) -> None:
        reserve_metrics()
        self.durations = Histogram(
            DURATION,
            "Time from the headers of a request until its answer was sent.",
            ["project", "route", "version", "outcome"],
            buckets=BUCKETS,
            registry=registry,
        )
        self.errors = Counter(
            "mlops_serving_errors",
            "Requests that were answered with an error, by HTTP status.",
            ["project", "route", "status"],
            registry=registry,
        )


class ServiceMetrics:
    """What the supervisor records."""

    def __init__(self, registry: CollectorRegistry) -> None:
        reserve_metrics()
        self.champion = Gauge(
            "mlops_serving_champion_version",
            "Number of the version that answers; 0 while the project has no champion.",
            ["project"],
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self.upcoming = Gauge(
            "mlops_serving_upcoming_version",
            "Number of the version that workers load; 0 without one.",
            ["project"],
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self.changed_at = Gauge(
            "mlops_serving_champion_since_timestamp_seconds",
            "When the version began to answer.",
            ["project"],
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self.checked_at = Gauge(
            "mlops_serving_last_check_timestamp_seconds",
            "When ledger and registry were last read and found to agree.",
            ["project"],
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self.changes = Counter(
            "mlops_serving_champion_changes",
            "Changes of the version that answers.",
            ["project"],
            registry=registry,
        )
        self.failures = Counter(
            "mlops_serving_deployment_failures",
            "Versions that did not verify or load (load), and failed reads of ledger or registry (check).",
            ["project", "kind"],
            registry=registry,
        )
        self.workers = Gauge(
            "mlops_serving_workers",
            "Worker processes: those that there should be (wanted), and those that answer (ready).",
            ["state"],
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self.restarts = Counter(
            "mlops_serving_worker_restarts",
            "Workers that ended unexpectedly and were replaced.",
            registry=registry,
        )
        self.log_rows = Gauge(
            "mlops_serving_log_rows",
            "Logged rows since the start of the service: committed, dropped (memory or spool was full) and "
            "failed (not converted).",
            ["project", "result"],
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self.log_spool = Gauge(
            "mlops_serving_log_spool_bytes",
            "Size of the files of logged rows that are not in the table yet.",
            ["project"],
            multiprocess_mode="mostrecent",
            registry=registry,
        )
