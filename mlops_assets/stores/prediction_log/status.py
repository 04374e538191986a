"""What the service reports about the log of a project, for Dagster and for commands."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Self

from mlops_assets.stores.system.disk_errors import write_replaceable

_FOLDER = "serving/log"


@dataclass(frozen=True)
class LogStatus:
    """The log as the service has last collected it.

    Attributes
    ----------
    committed, dropped, failed
        Rows since the start of the service: in the table, dropped because memory and spool were full, and
        dropped because they could not be converted.
    spooled_bytes
        The size of the files that are not in the table yet.
    error
        Why the last collection has failed; empty if it has not.
    """

    updated_at: datetime
    committed: int
    dropped: int
    failed: int
    spooled_bytes: int
    error: str = ""

    def write(self, state: Path, project: str) -> None:
        """Replace the status of a project in the state directory."""
        values = {**asdict(self), "updated_at": self.updated_at.isoformat()}
        write_replaceable(state / _FOLDER / f"{project}.json", json.dumps(values))

    @classmethod
    def read(cls, state: Path, project: str) -> Self | None:
        """The last status of a project; None if it was never logged."""
        try:
            found = cls(**json.loads((state / _FOLDER / f"{project}.json").read_text("utf-8")))
        except FileNotFoundError:
            return None
        return replace(found, updated_at=datetime.fromisoformat(str(found.updated_at)))
