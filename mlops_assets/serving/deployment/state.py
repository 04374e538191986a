"""The file that names the versions that workers serve."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlops_assets.stores.system.disk_errors import write_replaceable

_FILE = "deployment.json"


@dataclass(frozen=True)
class DeployedVersion:
    """A version in a local folder, whose files were verified against the digests of the ledger.

    Attributes
    ----------
    digest
        The digest of the model.
    folder
        The folder of the model's files.
    """

    version: int
    digest: str
    folder: str


@dataclass(frozen=True)
class ProjectDeployment:
    """The versions of a project that are loaded.

    Attributes
    ----------
    champion
        The version that answers; None if the project was left without a champion.
    upcoming
        The version that becomes the champion once all workers have loaded it.
    """

    champion: DeployedVersion | None
    upcoming: DeployedVersion | None = None

    @property
    def versions(self) -> Iterator[DeployedVersion]:
        """All versions that workers load; those that answer come first."""
        yield from (one for one in (self.champion, self.upcoming) if one is not None)


Deployment = Mapping[str, ProjectDeployment]
"""The deployments by project."""


def write_deployment(run: Path, deployment: Deployment) -> None:
    """Replace the deployment of a run folder atomically."""
    values = {name: asdict(one) for name, one in deployment.items()}
    write_replaceable(run / _FILE, json.dumps(values, indent=2))


def read_deployment(run: Path) -> Deployment:
    """Return the deployment; empty before the first one is written."""
    try:
        values = json.loads((run / _FILE).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return {name: _project(one) for name, one in values.items()}


def _project(values: Mapping[str, Any]) -> ProjectDeployment:
    found = {role: one and DeployedVersion(**one) for role, one in values.items()}
    return ProjectDeployment(**found)
