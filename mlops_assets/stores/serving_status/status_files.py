"""The status of services: one file for each project of a service."""

from pathlib import Path

from mlops_assets.stores.serving_status.status import ServingStatus
from mlops_assets.stores.system.service_files import ServiceFiles


def write_status(state: Path, status: ServingStatus) -> None:
    """Replace the status of a project of a service.

    Parameters
    ----------
    state
        The state directory.
    """
    _files(state).write(status.project, status.service, status.to_json())


def read_statuses(state: Path, project: str) -> list[ServingStatus]:
    """Return the status of each service of a project, the most recently started first.

    A service that was killed leaves its status until another service starts: see `ServingStatus.is_fresh`.
    A service that was stopped leaves none.
    """
    found = map(ServingStatus.of_json, _files(state).read(project))
    return sorted(found, key=lambda status: status.started_at, reverse=True)


def remove_statuses(state: Path, service: str) -> None:
    """Remove the status of all projects of a service."""
    _files(state).remove(service)


def _files(state: Path) -> ServiceFiles:
    return ServiceFiles(state / "serving", "status")
