"""The status that a running service writes for each of its projects, every few seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

FRESH_SECONDS = 30.0
"""A status is written every few seconds; an older one is that of a service that was killed or hangs."""

State = Literal["serving", "changing", "refusing"]
"""`changing`: another version is being loaded. `refusing`: the project has no champion any more."""


@dataclass(frozen=True)
class ServedVersion:
    """A version that workers have loaded.

    Attributes
    ----------
    digest
        The digest of the model.
    since
        When it took its role in this service.
    workers
        Number of workers that have loaded it; None of a challenger, of which workers report problems alone.
    """

    version: int
    digest: str
    since: datetime
    workers: int | None = None


@dataclass(frozen=True)
class ServingError:
    """The last problem of the service that is not solved.

    Attributes
    ----------
    kind
        `check`: the registry or the ledger can't be read, or they disagree. `load`: a version does not verify
        or load.
    version
        The version that does not load; None for another problem.
    count
        How often it has happened in a row.
    """

    kind: Literal["check", "load"]
    message: str
    hint: str
    since: datetime
    version: int | None = None
    count: int = 1


@dataclass(frozen=True)
class Traffic:
    """Requests since the start of the service, by all of its workers.

    Attributes
    ----------
    requests, failed, refused
        Requests for predictions: all, those with a 5xx status, and those with a 4xx status.
    rows, rejected_rows
        Rows that were predicted, and rows that violated the contract.
    recent_requests, recent_seconds
        Number of requests of the most recent period, and its length; the quantiles are those of this period.
    p50, p95, p99
        Quantiles of the latency in seconds, interpolated within a bucket; None without requests.
    """

    requests: int = 0
    failed: int = 0
    refused: int = 0
    rows: int = 0
    rejected_rows: int = 0
    recent_requests: int = 0
    recent_seconds: float = 0.0
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


@dataclass(frozen=True)
class ServingStatus:
    """A project as one service serves it.

    Attributes
    ----------
    service
        Identifier of the service; a project may be served by several.
    address
        Where it listens: `http://127.0.0.1:8000`.
    host, pid
        Machine and process of its supervisor.
    workers, ready
        Number of workers, and of those that answer.
    restarts
        Workers that ended unexpectedly and were replaced.
    versions
        The served versions by role: `champion`, which is missing while no version answers, and `canary` or
        `shadow`.
    upcoming
        The version that is being loaded, if the state is `changing`.
    """

    project: str
    service: str
    address: str
    host: str
    pid: int
    started_at: datetime
    updated_at: datetime
    state: State
    workers: int
    ready: int
    restarts: int = 0
    versions: Mapping[str, ServedVersion] = field(default_factory=dict)
    upcoming: int | None = None
    error: ServingError | None = None
    traffic: Traffic = Traffic()

    def is_fresh(self, now: datetime) -> bool:
        """Whether the service wrote the status recently."""
        return now - self.updated_at < timedelta(seconds=FRESH_SECONDS)

    def to_json(self) -> dict[str, Any]:
        """The status as JSON; times in UTC."""
        return _plain(self)

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> Self:
        """The status of a JSON object that `to_json` returned; keys of a later release are ignored."""
        found = dict(_known(cls, values))
        versions = {
            role: ServedVersion(**_known(ServedVersion, one)) for role, one in found["versions"].items()
        }
        error = found.get("error")
        return cls(
            **{
                **found,
                "versions": versions,
                "error": error and ServingError(**_known(ServingError, error)),
                "traffic": Traffic(**_known(Traffic, found["traffic"])),
            }
        )


_TIMES = ("since", "started_at", "updated_at")


def _known(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(kind)}
    return {
        name: datetime.fromisoformat(value) if name in _TIMES else value
        for name, value in values.items()
        if name in names
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    return value
