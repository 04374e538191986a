"""What each worker reports to the supervisor: the versions that it has loaded or could not load."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mlops_assets.stores.system.disk_errors import write_replaceable

_FOLDER = "workers"


@dataclass(frozen=True)
class LoadFailure:
    """A version that did not load."""

    message: str
    hint: str


@dataclass(frozen=True)
class WorkerReport:
    """The state of a worker.

    Attributes
    ----------
    ready
        Whether it answers requests.
    loaded
        The folders of the versions that it has loaded.
    failed
        The folders of those that it could not load.
    """

    pid: int
    ready: bool = False
    loaded: frozenset[str] = frozenset()
    failed: Mapping[str, LoadFailure] = field(default_factory=dict)


def write_report(run: Path, report: WorkerReport) -> None:
    """Replace the report of a worker."""
    values = {**asdict(report), "loaded": sorted(report.loaded)}
    write_replaceable(run / _FOLDER / f"{report.pid}.json", json.dumps(values, indent=2))


def read_reports(run: Path) -> list[WorkerReport]:
    """Return the reports of all workers, also of those that have ended."""
    found = []
    for file in sorted((run / _FOLDER).glob("*.json")):
        with suppress(FileNotFoundError):  # removed since it was listed
            values = json.loads(file.read_text("utf-8"))
            failed = {folder: LoadFailure(**one) for folder, one in values["failed"].items()}
            loaded = frozenset(values["loaded"])
            found.append(WorkerReport(values["pid"], values["ready"], loaded, failed))
    return found


def remove_report(run: Path, pid: int) -> None:
    """Remove the report of a worker that has ended."""
    (run / _FOLDER / f"{pid}.json").unlink(missing_ok=True)
