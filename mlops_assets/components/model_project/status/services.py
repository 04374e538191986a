"""The running services of a project, by the files that they write."""

from datetime import datetime
from pathlib import Path

from mlops_assets.core.status.project import ServiceStatus


def services(state: Path, project: str, now: datetime) -> tuple[ServiceStatus, ...]:
    """The services that have reported recently.

    Parameters
    ----------
    state
        The root of the state directory.
    """
    from mlops_assets.stores.serving_status.status_files import read_statuses

    return tuple(
        ServiceStatus(
            address=found.address,
            version=champion.version if (champion := found.versions.get("champion")) else None,
            since=champion.since if champion else None,
            workers=found.workers,
            ready=found.ready,
            requests=found.traffic.requests,
            p50=found.traffic.p50,
            p99=found.traffic.p99,
            error=found.error.message if found.error else None,
        )
        for found in read_statuses(state, project)
        if found.is_fresh(now)
    )
