"""The file of the run folder that names the challengers of the service."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from mlops_assets.serving.canary.problems import read_problems
from mlops_assets.serving.deployment.state import DeployedVersion
from mlops_assets.stores.serving_status.status import ServedVersion
from mlops_assets.stores.system.disk_errors import write_replaceable

if TYPE_CHECKING:  # which imports the tables: workers do without
    from mlops_assets.stores.governance.ledger.challenger import Mode

_FILE, _FOLDER = "challengers.json", "canary"


@dataclass(frozen=True)
class DeployedChallenger:
    """A challenger whose files were verified.

    Attributes
    ----------
    challenge
        The entry of the ledger that started the challenge, which identifies it.
    share
        Share of the traffic.
    salt
        Of the digests of routing keys in samples; random for each run of the service, hexadecimal.
    window_seconds
        Length of the windows of the statistics.
    """

    challenge: int
    mode: "Mode"
    share: float
    salt: str
    window_seconds: float
    deployed: DeployedVersion


def challenge_folder(run: Path, project: str, challenge: int) -> Path:
    """The folder for samples and problems of a challenge."""
    return run / _FOLDER / project / str(challenge)


def challengers_file(run: Path) -> Path:
    """The file that names the challengers of a run folder."""
    return run / _FILE


def read_challengers(run: Path) -> dict[str, DeployedChallenger]:
    """Return the challengers by project; empty before the first one."""
    try:
        values = json.loads(challengers_file(run).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return {name: _challenger(one) for name, one in values.items()}


class DeployedChallengers:
    """The challengers of all projects in the run folder; several watches change them."""

    def __init__(self, run: Path) -> None:
        self.run, self._lock = run, Lock()
        self._found: dict[str, DeployedChallenger] = {}
        self._since: dict[str, datetime] = {}

    def set(self, project: str, challenger: DeployedChallenger | None) -> None:
        """Replace the challenger of a project; with None, it has none."""
        with self._lock:
            self._found.pop(project, None)
            if challenger is not None:
                self._found[project], self._since[project] = challenger, datetime.now(UTC)
            _write(self.run, self._found)

    def served(self, project: str) -> dict[str, ServedVersion]:
        """The challenger by its role, for the status; empty without one, or if it does not load."""
        with self._lock:
            found, since = self._found.get(project), self._since.get(project)
        if found is None or since is None:
            return {}
        if read_problems(challenge_folder(self.run, project, found.challenge)):
            return {}
        return {found.mode: ServedVersion(found.deployed.version, found.deployed.digest, since)}


def _write(run: Path, challengers: Mapping[str, DeployedChallenger]) -> None:
    """Replace the challengers of a run folder atomically."""
    values = {name: asdict(one) for name, one in challengers.items()}
    write_replaceable(challengers_file(run), json.dumps(values, indent=2))


def _challenger(values: dict[str, Any]) -> DeployedChallenger:
    return DeployedChallenger(**{**values, "deployed": DeployedVersion(**values["deployed"])})
