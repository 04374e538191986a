"""The file that names the versions that workers serve."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from mlops_assets.stores.system.disk_errors import write_atomically

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
        The version that answers.
    """

    champion: DeployedVersion


Deployment = Mapping[str, ProjectDeployment]
"""The deployments by project."""


def write_deployment(run: Path, deployment: Deployment) -> None:
    """Replace the deployment of a run folder atomically."""
    values = {name: asdict(one) for name, one in deployment.items()}
    write_atomically(run / _FILE, json.dumps(values, indent=2))


def read_deployment(run: Path) -> Deployment:
    """Return the deployment; empty before the first one is written."""
    try:
        values = json.loads((run / _FILE).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return {name: ProjectDeployment(DeployedVersion(**one["champion"])) for name, one in values.items()}
