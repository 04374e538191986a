"""The metrics that the supervisor writes, and what it reads of those of its workers."""

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from mlops_assets.serving.deployment.rollout import ProjectRollout
from mlops_assets.serving.metrics.definitions import ServiceMetrics
from mlops_assets.serving.metrics.traffic import Counts, counts_by_project, traffic_between
from mlops_assets.stores.prediction_log.status import LogStatus
from mlops_assets.stores.serving_status.status import Traffic

_RECENT_SECONDS = 60.0


class SupervisorMetrics:
    """The metrics of a service.

    Parameters
    ----------
    folder
        The folder that all processes write to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._metrics = folder, ServiceMetrics(CollectorRegistry())
        self._restarts = 0
        self._recorded: dict[str, ProjectRollout] = {}
        self._past: deque[tuple[float, Mapping[str, Counts]]] = deque()

    def forget_worker(self, pid: int) -> None:
        """Remove the gauges of a worker that has ended; its counters remain, so that sums never fall."""
        mark_process_dead(pid, str(self._folder))

    def record(self, project: str, rollout: ProjectRollout) -> None:
        """Record the served versions of a project."""
        found, deployed, before = self._metrics, rollout.deployment, self._recorded.get(project)
        found.champion.labels(project).set(deployed.champion.version if deployed.champion else 0)
        found.upcoming.labels(project).set(deployed.upcoming.version if deployed.upcoming else 0)
        found.changed_at.labels(project).set(rollout.since.timestamp())
        if rollout.checked is not None:
            found.checked_at.labels(project).set(rollout.checked.timestamp())
        found.changes.labels(project).inc(rollout.changes - (before.changes if before else 0))
        for kind, count in rollout.failures.items():
            found.failures.labels(project, kind).inc(count - (before.failures[kind] if before else 0))
        self._recorded[project] = rollout

    def record_workers(self, wanted: int, ready: int, restarts: int) -> None:
        """Record the numbers of workers."""
        self._metrics.workers.labels("wanted").set(wanted)
        self._metrics.workers.labels("ready").set(ready)
        self._metrics.restarts.inc(restarts - self._restarts)
        self._restarts = restarts

    def logged(self, project: str, status: LogStatus) -> None:
        """Record what became of logged rows."""
        for result in ("committed", "dropped", "failed"):
            self._metrics.log_rows.labels(project, result).set(getattr(status, result))
        self._metrics.log_spool.labels(project).set(status.spooled_bytes)

    def traffic(self) -> dict[str, Traffic]:
        """Requests by project since the start, with the latencies of the last minute."""
        registry, now = CollectorRegistry(), monotonic()
        MultiProcessCollector(registry, path=str(self._folder))
        counts = counts_by_project(registry.collect())
        self._past.append((now, counts))
        while len(self._past) > 1 and now - self._past[1][0] >= _RECENT_SECONDS:
            self._past.popleft()
        since, before = self._past[0]
        return {
            project: traffic_between(before.get(project), found, now - since)
            for project, found in counts.items()
        }
