"""Facts about a version for clients, beside its folder: its card, metrics and lineage from the registry."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_assets.stores.system.disk_errors import write_atomically

if TYPE_CHECKING:
    from mlops_assets.stores.tracking.registry import RecordedVersion
    from mlops_assets.stores.tracking.tracking import TrackingStore

_LINEAGE = ("git_commit", "cutoff", "training_set_version", "training_set_digest", "code_version")
_PREFIXES = ("test_", "baseline_", "interval_")


def write_facts(folder: Path, version: "RecordedVersion", tracking: "TrackingStore") -> None:
    """Write the facts about a version beside its folder.

    Raises
    ------
    TrackingError
        When the registry can't be read.
    """
    metrics = tracking.metrics_of_run(version.run_id)
    values = {
        "run_id": version.run_id,
        "metrics": {name: value for name, value in metrics.items() if name.startswith(_PREFIXES)},
        "lineage": {name: version.facts[name] for name in _LINEAGE if name in version.facts},
        "card": tracking.registry.description(version.name, version.version),
    }
    write_atomically(_path(folder), json.dumps(values))


def read_facts(folder: Path) -> dict[str, Any]:
    """The facts about a version; empty if there are none."""
    try:
        found: dict[str, Any] = json.loads(_path(folder).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found


def remove_facts(folder: Path) -> None:
    """Remove the facts about a version."""
    _path(folder).unlink(missing_ok=True)


def _path(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.facts.json")
