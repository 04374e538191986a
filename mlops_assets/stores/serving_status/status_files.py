"""The files of the status of services: `serving/status/PROJECT/SERVICE.json` in the state directory."""

import json
from contextlib import suppress
from pathlib import Path

from mlops_assets.stores.serving_status.status import ServingStatus
from mlops_assets.stores.system.disk_errors import write_replaceable

_FOLDER = "serving/status"


def write_status(state: Path, status: ServingStatus) -> None:
    """Replace the status of a project of a service.

    Parameters
    ----------
    state
        The state directory.
    """
    file = state / _FOLDER / status.project / f"{status.service}.json"
    write_replaceable(file, json.dumps(status.to_json(), indent=2))


def read_statuses(state: Path, project: str) -> list[ServingStatus]:
    """Return the status of each service of a project, the most recently started first.

    A service that was killed leaves its status until another service starts: see `ServingStatus.is_fresh`.
    A service that was stopped leaves none.
    """
    found = []
    for file in (state / _FOLDER / project).glob("*.json"):
        with suppress(FileNotFoundError):  # stopped since it was listed
            found.append(ServingStatus.of_json(json.loads(file.read_text("utf-8"))))
    return sorted(found, key=lambda status: status.started_at, reverse=True)


def remove_statuses(state: Path, service: str) -> None:
    """Remove the status of all projects of a service."""
    for file in (state / _FOLDER).glob(f"*/{service}.json"):
        file.unlink(missing_ok=True)
