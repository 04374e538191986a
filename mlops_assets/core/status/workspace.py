"""The status of a workspace as plain values: all projects, daemon, disk."""

from dataclasses import dataclass
from datetime import datetime

from mlops_assets.core.status.project import IncidentStatus, ProjectStatus


@dataclass(frozen=True)
class HeartbeatStatus:
    """A daemon of Dagster by its last heartbeat."""

    name: str
    healthy: bool
    at: datetime | None = None
    error: str = ""


@dataclass(frozen=True)
class DaemonStatus:
    """Whether Dagster's daemon runs: automation, sensors and schedules depend on it."""

    running: bool
    daemons: tuple[HeartbeatStatus, ...] = ()


@dataclass(frozen=True)
class DiskStatus:
    """The disk of the state directory."""

    directory: str
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class WorkspaceStatus:
    """All projects of a workspace at a time; `incidents` are those of the whole installation."""

    at: datetime
    projects: tuple[ProjectStatus, ...]
    daemon: DaemonStatus
    disk: DiskStatus | None = None
    incidents: tuple[IncidentStatus, ...] = ()
    errors: tuple[str, ...] = ()
