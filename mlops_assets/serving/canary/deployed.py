"""The file of the run folder that names the challengers of the service."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_assets.serving.deployment.state import DeployedVersion
from mlops_assets.stores.system.disk_errors import write_replaceable

if TYPE_CHECKING:  # which imports the tables: workers do without
    from mlops_assets.stores.governance.challenger import Mode

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


def write_challengers(run: Path, challengers: Mapping[str, DeployedChallenger]) -> None:
    """Replace the challengers of a run folder atomically."""
    values = {name: asdict(one) for name, one in challengers.items()}
    write_replaceable(run / _FILE, json.dumps(values, indent=2))


def read_challengers(run: Path) -> dict[str, DeployedChallenger]:
    """Return the challengers by project; empty before the first one."""
    try:
        values = json.loads((run / _FILE).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return {name: _challenger(one) for name, one in values.items()}


def challengers_changed(run: Path) -> int:
    """A number that changes with the file of challengers; 0 before the first one."""
    try:
        return (run / _FILE).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _challenger(values: dict[str, Any]) -> DeployedChallenger:
    return DeployedChallenger(**{**values, "deployed": DeployedVersion(**values["deployed"])})
