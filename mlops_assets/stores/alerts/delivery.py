"""Delivery of recorded alerts: in order, with retries over ticks, and at most one duplicate after a crash.

A delivery is marked before it is sent and after. One that is marked and not completed belongs to a process
that was killed, because a lock admits one process for each project: it is sent once more, and not a third
time.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from filelock import FileLock, Timeout

from mlops_assets.core.redaction.redact import redact
from mlops_assets.core.text.visible_text import visible
from mlops_assets.stores.alerts.alert import Alert, Kind, Severity, rank
from mlops_assets.stores.alerts.incidents import IncidentStore
from mlops_assets.stores.alerts.message import Markup, Message, Render, compose
from mlops_assets.stores.alerts.quiet_hours import QuietHours

_FIRST_RETRY, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
_GIVE_UP_AFTER = timedelta(hours=24)
_TOGETHER = 4
"""From this number on, alerts of one kind and occasion are one message."""
_MOST_TOGETHER = 25
_MOST_ERROR = 300


class DeliveryError(Exception):
    """A channel did not deliver.

    Parameters
    ----------
    retry_seconds
        The earliest retry that the receiver asks for.
    """

    def __init__(self, message: str, *, retry_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


class Sender(Protocol):
    """What sends a message to one target."""

    @property
    def markup(self) -> Markup: ...

    def send(self, message: Message) -> str:
        """Send within a few seconds; return a note, empty if there is none.

        Raises
        ------
        DeliveryError
            With the reason.
        """
        ...


@dataclass(frozen=True)
class Channel:
    """A declared channel.

    Attributes
    ----------
    target
        Digest of where it sends to.
    kinds
        The kinds of alerts that it sends.
    severity
        The least severity that it sends.
    """

    name: str
    sender: Sender
    target: str
    kinds: frozenset[Kind]
    severity: Severity
    quiet: QuietHours | None = None
    template: Render | None = None

    def accepts(self, kind: Kind, severity: Severity) -> bool:
        """Whether it sends an alert."""
        return kind in self.kinds and rank(severity) >= rank(self.severity)


@dataclass
class Delivered:
    """What an attempt to deliver has done.

    Attributes
    ----------
    sent
        Number of delivered alerts.
    errors
        A sentence for each channel that failed.
    """

    sent: int = 0
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Due:
    """A delivery that is due."""

    number: int
    interrupted: int
    attempts: int
    created_at: float
    tried_at: float | None
    alert: Alert


def deliver(
    store: IncidentStore,
    project: str,
    channels: Sequence[Channel],
    ui: str,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    seconds: float = 10.0,
) -> Delivered:
    """Send what is due to the channels of a project.

    Parameters
    ----------
    seconds
        Time after which no further message is started; the rest follows in the next tick.
    """
    store.folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(store.folder / f"{project}.lock", timeout=0)
        lock.acquire()
    except Timeout:  # another process delivers
        return Delivered()
    try:
        _recover(store, project, {channel.name for channel in channels})
        result, started = Delivered(), time.monotonic()
        for channel in channels:
            for group in _groups(_due(store, project, channel, clock())):
                if time.monotonic() - started > seconds:
                    return result
                error = _send(store, channel, group, ui, clock)
                if error:
                    result.errors = (*result.errors, f"channel {channel.name}: {error}")
                    break  # whatever follows would fail as well, and take its time
                result.sent += len(group)
        return result
    finally:
        lock.release()


def _recover(store: IncidentStore, project: str, declared: set[str]) -> None:
    """Continue after a killed process, and drop what no channel can send."""
    with store.connect() as connection:
        connection.execute(
            "update deliveries set state = case when interrupted = 0 then 'due' else 'failed' end, "
            "interrupted = interrupted + 1, error = 'the process was killed while sending it' "
            "where state = 'sending' and project = ?",
            (project,),
        )
        for row in connection.execute(
            "select distinct channel from deliveries where state = 'due' and project = ?", (project,)
        ).fetchall():
            if row["channel"] not in declared:
                connection.execute(
                    "update deliveries set state = 'dropped', error = 'the channel is not declared any more' "
                    "where state = 'due' and project = ? and channel = ?",
                    (project, row["channel"]),
                )
        # Without the first alert, what follows it explains nothing.
        connection.execute(
            "update deliveries set state = 'dropped', error = 'the alert before it was not delivered' "
            "where state = 'due' and project = ? and exists (select 1 from deliveries as earlier where "
            "earlier.incident = deliveries.incident and earlier.channel = deliveries.channel "
            "and earlier.project = deliveries.project "
            "and earlier.id < deliveries.id and earlier.state in ('failed', 'dropped'))",
            (project,),
        )


def _due(store: IncidentStore, project: str, channel: Channel, now: datetime) -> list[_Due]:
    with store.connect() as connection:
        rows = connection.execute(
            "select deliveries.*, deliveries.severity as sent_severity, "
            "incidents.project as scope, kind, title, detail, partition, asset, run_id, report, opened_at, "
            "resolved_at from deliveries join incidents on incidents.id = incident "
            "where deliveries.state = 'due' and deliveries.project = ? and channel = ? and not exists ("
            "select 1 from deliveries as earlier where earlier.incident = deliveries.incident and "
            "earlier.project = deliveries.project and earlier.channel = deliveries.channel "
            "and earlier.id < deliveries.id and earlier.state = 'due' and earlier.next_at > ?) "
            "and next_at <= ? order by deliveries.id",
            (project, channel.name, now.timestamp(), now.timestamp()),
        ).fetchall()
    found = []
    for row in rows:
        if channel.quiet and channel.quiet.hold(row["sent_severity"], now):
            continue
        alert = Alert(
            occasion=row["occasion"],
            incident=row["incident"],
            project=row["scope"],
            severity=row["sent_severity"],
            opened_at=datetime.fromtimestamp(row["opened_at"], UTC),
            resolved_at=datetime.fromtimestamp(row["resolved_at"], UTC)
            if row["occasion"] == "resolved"
            else None,
            **{name: row[name] for name in _COPIED},
        )
        found.append(
            _Due(row["id"], row["interrupted"], row["attempts"], row["created_at"], row["tried_at"], alert)
        )
    return found


_COPIED = ("kind", "title", "detail", "partition", "asset", "run_id", "report")


def _groups(due: Sequence[_Due]) -> Iterator[list[_Due]]:
    """Yield what is sent as one message: many alerts of one kind together, others alone."""
    by_kind: dict[tuple[str, str, str, str], list[_Due]] = {}
    for one in due:
        alert = one.alert
        # A message that may have arrived is sent again as it was.
        key = (alert.project, alert.kind, alert.occasion, str(one.number) if one.interrupted else "")
        by_kind.setdefault(key, []).append(one)
    groups: list[list[_Due]] = []
    for ones in by_kind.values():
        size = _MOST_TOGETHER if len(ones) >= _TOGETHER else 1
        groups.extend(ones[start : start + size] for start in range(0, len(ones), size))
    yield from sorted(groups, key=lambda group: group[0].number)


def _send(
    store: IncidentStore, channel: Channel, group: Sequence[_Due], ui: str, clock: Callable[[], datetime]
) -> str:
    """Send one message, and record the result; return the error, empty if it was delivered."""
    numbers = [one.number for one in group]
    _mark(store, numbers, clock(), "state = 'sending'")
    key = f"{channel.target[:12]}-{group[0].number}"
    try:
        message = compose([one.alert for one in group], key, ui, channel.sender.markup, channel.template)
        note = channel.sender.send(message)
    except Exception as error:  # whatever a channel or a template raises must not stop the others
        reason = describe(error)
        now, wait = clock(), _FIRST_RETRY * 2 ** min(group[0].attempts, 10)
        wait = min(max(wait, timedelta(seconds=getattr(error, "retry_seconds", None) or 0)), _LONGEST_WAIT)
        first = group[0].tried_at or now.timestamp()
        state = "failed" if now.timestamp() - first >= _GIVE_UP_AFTER.total_seconds() else "due"
        _mark(
            store,
            numbers,
            now,
            f"state = '{state}', attempts = attempts + 1, tried_at = coalesce(tried_at, :now), "
            "next_at = :next_at, error = :error",
            next_at=(now + wait).timestamp(),
            error=reason,
        )
        return f"{reason}; {'it is not tried again' if state == 'failed' else 'it is tried again'}"
    _mark(store, numbers, clock(), "state = 'sent', sent_at = :now, error = :error", error=note)
    return ""


def describe(error: Exception) -> str:
    """The reason of a failed delivery on one line, without secrets."""
    reason = " ".join(redact(str(error)).split())
    text = reason if isinstance(error, DeliveryError) else f"{type(error).__name__}: {reason}"
    return visible(text)[:_MOST_ERROR]


def _mark(
    store: IncidentStore, numbers: Sequence[int], now: datetime, assignments: str, **values: object
) -> None:
    parameters: Mapping[str, object] = {"now": now.timestamp(), **values}
    with store.connect() as connection:
        for number in numbers:
            connection.execute(
                f"update deliveries set {assignments} where id = :number", {**parameters, "number": number}
            )
