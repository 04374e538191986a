"""What services report about the log of a project, for Dagster and for commands."""

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from mlops_assets.stores.system.service_files import ServiceFiles


@dataclass(frozen=True)
class LogStatus:
    """The log as a service has last collected it, or several services together.

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

    def write(self, state: Path, project: str, service: str) -> None:
        """Replace the status of a project of a service in the state directory."""
        _files(state).write(project, service, {**asdict(self), "updated_at": self.updated_at.isoformat()})

    @classmethod
    def read(cls, state: Path, project: str) -> Self | None:
        """The status of all services of a project together; None if it was never logged.

        That of a service that has ended counts until another one starts.
        """
        each = map(cls._of_json, _files(state).read(project))
        if not (found := sorted(each, key=lambda status: status.updated_at)):
            return None
        return cls(
            updated_at=found[-1].updated_at,
            committed=sum(status.committed for status in found),
            dropped=sum(status.dropped for status in found),
            failed=sum(status.failed for status in found),
            spooled_bytes=found[-1].spooled_bytes,  # the spool of a project is that of all services
            error="; ".join(dict.fromkeys(status.error for status in found if status.error)),
        )

    @classmethod
    def _of_json(cls, values: dict[str, Any]) -> Self:
        return cls(**{**values, "updated_at": datetime.fromisoformat(values["updated_at"])})


def _files(state: Path) -> ServiceFiles:
    return ServiceFiles(state / "serving", "log")
