"""The status of a project as plain values: champion, figures over time, automation, incidents."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from mlops_assets.core.status.asset import AssetStatus, CheckStatus, Health, RunStatus

TickState = Literal["success", "skipped", "failure", "started"]


@dataclass(frozen=True)
class ChampionStatus:
    """The champion by the ledger.

    Attributes
    ----------
    at
        When it became champion.
    actor, reason
        Who promoted it, and why.
    approved_by
        Who approved it; None if the gates alone decided.
    metric, value, low, high
        The primary metric of its evaluation, with its 95 % interval.
    """

    version: int
    at: datetime
    registered_at: datetime
    actor: str
    reason: str
    approved_by: str | None = None
    cutoff: str | None = None
    metric: str | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class PendingVersion:
    """A version that is pending approval, and the command that approves it."""

    version: int
    since: datetime
    command: str


@dataclass(frozen=True)
class ChallengerStatus:
    """The version that shadows the champion, or takes a share of its traffic."""

    version: int
    mode: str
    share: float
    since: datetime
    description: str


@dataclass(frozen=True)
class TickStatus:
    """The latest tick of a schedule or sensor."""

    at: datetime
    state: TickState
    error: str = ""


@dataclass(frozen=True)
class ScheduleStatus:
    """A schedule; `next_tick` is computed from its cron expression, and None while it is stopped."""

    name: str
    cron: str
    timezone: str
    running: bool
    next_tick: datetime | None = None
    last_tick: TickStatus | None = None


@dataclass(frozen=True)
class SensorStatus:
    """A sensor and its latest tick."""

    name: str
    running: bool
    interval_seconds: float | None = None
    last_tick: TickStatus | None = None


@dataclass(frozen=True)
class QualityPoint:
    """Data quality of a partition: how many measures are out of line with the past, and the first of them."""

    partition: str | None
    measures: int
    out_of_line: int
    first: str = ""


@dataclass(frozen=True)
class DriftPoint:
    """Drift of a partition against one reference.

    Attributes
    ----------
    drifted, columns
        How many columns of the features drifted, of how many.
    largest
        The largest effect, weighted by importance; `largest_column` has it.
    drifted_kinds
        Other kinds that drifted: prediction, target, multivariate.
    """

    partition: str | None
    reference: str
    columns: int
    drifted: int
    largest: float | None = None
    largest_column: str | None = None
    drifted_kinds: tuple[str, ...] = ()
    model_version: int | None = None


@dataclass(frozen=True)
class PerformancePoint:
    """A metric of all rows of a partition, measured or estimated, with its 95 % interval."""

    partition: str | None
    kind: str
    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    at_registration: float | None = None
    at_registration_low: float | None = None
    at_registration_high: float | None = None
    holds: bool | None = None
    model_version: int | None = None


@dataclass(frozen=True)
class RetrainingStatus:
    """The latest decision whether to train again."""

    decision: str
    reason: str
    decided_at: datetime | None = None
    cutoff: str | None = None


@dataclass(frozen=True)
class IncidentStatus:
    """An open incident of the alerts."""

    kind: str
    severity: str
    title: str
    opened_at: datetime
    detail: str = ""
    asset: str | None = None
    partition: str | None = None


@dataclass(frozen=True)
class UndeliveredStatus:
    """An alert that a channel has not delivered; `gave_up` if it is not tried again."""

    channel: str
    subject: str
    attempts: int
    gave_up: bool
    error: str
    created_at: datetime


@dataclass(frozen=True)
class ServiceStatus:
    """A running service of the project, as it reports itself.

    Attributes
    ----------
    version
        The version that answers; None if the project has no champion any more.
    since
        When it began to answer.
    workers, ready
        Number of its processes, and of those that answer.
    requests, p50, p99
        Requests since its start, and quantiles of the recent latency in seconds.
    error
        Its last problem, if it is not solved.
    """

    address: str
    version: int | None
    since: datetime | None
    workers: int
    ready: int
    requests: int
    p50: float | None = None
    p99: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class ProjectStatus:
    """All about one project.

    Attributes
    ----------
    reason
        Why it is not healthy: that of its worst assets.
    assets
        In the order of the graph.
    drift, performance, quality
        In the order of their partitions.
    disk_bytes
        Size of its tables, reports and searches; None if it was not computed.
    errors
        What could not be read, such as a damaged table or an invalid declaration.
    """

    name: str
    health: Health
    reason: str = ""
    description: str = ""
    assets: tuple[AssetStatus, ...] = ()
    champion: ChampionStatus | None = None
    challenger: ChallengerStatus | None = None
    pending: tuple[PendingVersion, ...] = ()
    schedules: tuple[ScheduleStatus, ...] = ()
    sensors: tuple[SensorStatus, ...] = ()
    quality: tuple[QualityPoint, ...] = ()
    drift: tuple[DriftPoint, ...] = ()
    performance: tuple[PerformancePoint, ...] = ()
    retraining: RetrainingStatus | None = None
    services: tuple[ServiceStatus, ...] = ()
    incidents: tuple[IncidentStatus, ...] = ()
    undelivered: tuple[UndeliveredStatus, ...] = ()
    disk_bytes: int | None = None
    errors: tuple[str, ...] = ()

    def asset(self, name: str) -> AssetStatus:
        """Return the asset of a name."""
        return next(asset for asset in self.assets if asset.name == name)

    @property
    def checks(self) -> tuple[CheckStatus, ...]:
        """The checks of all assets."""
        return tuple(check for asset in self.assets for check in asset.checks)

    @property
    def last_run(self) -> RunStatus | None:
        """The run that started last."""
        runs = [asset.run for asset in self.assets if asset.run and asset.run.started_at]
        return max(runs, key=lambda run: str(run.started_at), default=None)
