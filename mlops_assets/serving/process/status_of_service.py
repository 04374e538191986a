"""The status of a project, from what its service knows: rollout, reports of workers and traffic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mlops_assets.serving.deployment.rollout import ProjectRollout
from mlops_assets.serving.deployment.worker_reports import WorkerReport
from mlops_assets.stores.serving_status.status import ServedVersion, ServingStatus, State, Traffic


@dataclass(frozen=True)
class ServiceFacts:
    """What does not change while a service runs; see `ServingStatus`."""

    service: str
    address: str
    host: str
    pid: int
    started_at: datetime


def project_status(
    name: str,
    rollout: ProjectRollout,
    facts: ServiceFacts,
    reports: Sequence[WorkerReport],
    workers: int,
    restarts: int,
    traffic: Traffic | None,
    challenger: Mapping[str, ServedVersion],
) -> ServingStatus:
    """The status of a project now.

    Parameters
    ----------
    reports
        Of the workers that are alive.
    workers
        Number of workers that there should be.
    restarts
        Workers that ended unexpectedly and were replaced.
    traffic
        None without requests.
    challenger
        The challenger by its role.
    """
    deployed = rollout.deployment
    versions = dict(challenger)
    if (champion := deployed.champion) is not None:
        loaded = sum(champion.folder in report.loaded for report in reports)
        versions["champion"] = ServedVersion(champion.version, champion.digest, rollout.since, loaded)
    return ServingStatus(
        project=name,
        service=facts.service,
        address=facts.address,
        host=facts.host,
        pid=facts.pid,
        started_at=facts.started_at,
        updated_at=datetime.now(UTC),
        state=_state(rollout),
        workers=workers,
        ready=sum(report.ready for report in reports),
        restarts=restarts,
        versions=versions,
        upcoming=deployed.upcoming.version if deployed.upcoming else None,
        error=rollout.error,
        traffic=traffic or Traffic(),
    )


def _state(rollout: ProjectRollout) -> State:
    if rollout.deployment.upcoming is not None:
        return "changing"
    return "serving" if rollout.deployment.champion is not None else "refusing"
