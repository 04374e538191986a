"""How an incident opens, continues and ends, and which deliveries that records."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mlops_assets.stores.alerts.alert import Condition, Kind, Occasion, Severity, rank

COPIED = ("project", "key", "kind", "severity", "title", "detail", "partition", "asset", "run_id", "report")
"""Columns of an incident that are those of its condition."""


@dataclass(frozen=True)
class Recipient:
    """A channel that accepts an alert.

    Attributes
    ----------
    target
        Digest of where it sends to: projects that share a target get an alert of the installation once.
    """

    channel: str
    target: str


Recipients = Callable[[Kind, Severity], Sequence[Recipient]]
"""The channels that accept an alert of a kind and severity."""


def continue_incident(
    connection: sqlite3.Connection,
    project: str,
    scope: str,
    condition: Condition,
    row: sqlite3.Row | None,
    recipients: Recipients,
    now: datetime,
    repeat: timedelta | None,
) -> None:
    """Open the incident of a condition, or continue it."""
    if row is None:
        state = "waiting" if condition.hold_seconds else "open"
        number = _insert(connection, scope, condition, state, now)
        if state == "open":
            for recipient in recipients(condition.kind, condition.severity):
                _enqueue(connection, number, project, recipient, "opened", condition.severity, now)
        return
    number, opened = row["id"], row["state"] == "open"
    severity = max(condition.severity, row["severity"] if opened else condition.severity, key=rank)
    connection.execute(
        "update incidents set severity = ?, title = ?, detail = ?, partition = ?, run_id = ?, report = ? "
        "where id = ?",
        (
            *(severity, condition.title, condition.short_detail, condition.partition, condition.run_id),
            *(condition.report, number),
        ),
    )
    held = now.timestamp() - row["opened_at"] >= condition.hold_seconds
    if not opened and held:
        connection.execute("update incidents set state = 'open' where id = ?", (number,))
    if opened and rank(severity) > rank(row["severity"]):
        _follow_up(connection, number, "escalated", severity, now)
    elif opened and repeat and now.timestamp() - row["sent_at"] >= repeat.total_seconds():
        _follow_up(connection, number, "reminder", severity, now)
    if (opened and (condition.shared or severity != row["severity"])) or (not opened and held):
        for recipient in recipients(condition.kind, severity):
            _enqueue(connection, number, project, recipient, "opened", severity, now, unless_sent=True)


def record_event(
    connection: sqlite3.Connection,
    project: str,
    event: Condition,
    recipients: Recipients,
    now: datetime,
) -> None:
    """Record an event that does not last; one with a known key is not sent again."""
    known = connection.execute(
        "select 1 from incidents where project = ? and key = ?", (project, event.key)
    ).fetchone()
    if not known:
        number = _insert(connection, project, event, "resolved", now)
        connection.execute("update incidents set resolved_at = opened_at where id = ?", (number,))
        for recipient in recipients(event.kind, event.severity):
            _enqueue(connection, number, project, recipient, "event", event.severity, now)


def _insert(
    connection: sqlite3.Connection, scope: str, condition: Condition, state: str, now: datetime
) -> int:
    values = {**vars(condition), "project": scope, "detail": condition.short_detail}
    added = connection.execute(
        f"insert into incidents ({', '.join(COPIED)}, state, opened_at, sent_at) "
        f"values ({', '.join('?' * len(COPIED))}, ?, ?, ?)",
        (*(values[name] for name in COPIED), state, now.timestamp(), now.timestamp()),
    )
    return int(added.lastrowid or 0)


def resolve(connection: sqlite3.Connection, row: sqlite3.Row, now: datetime) -> None:
    """Resolve an incident; one that is only waiting leaves no trace."""
    if row["state"] == "waiting":
        connection.execute("delete from incidents where id = ?", (row["id"],))
        return
    connection.execute(
        "update incidents set state = 'resolved', resolved_at = ? where id = ?", (now.timestamp(), row["id"])
    )
    _follow_up(connection, row["id"], "resolved", row["severity"], now)


def _enqueue(
    connection: sqlite3.Connection,
    number: int,
    project: str,
    recipient: Recipient,
    occasion: Occasion,
    severity: Severity,
    now: datetime,
    *,
    unless_sent: bool = False,
) -> None:
    """Record that a channel has to send an alert."""
    known = connection.execute(
        "select 1 from deliveries where incident = ? and target = ? and occasion = ?",
        (number, recipient.target, occasion),
    ).fetchone()
    if not (unless_sent and known):
        connection.execute(
            "insert into deliveries (incident, project, channel, target, occasion, severity, created_at) "
            "values (?, ?, ?, ?, ?, ?, ?)",
            (
                *(number, project, recipient.channel, recipient.target, occasion, severity),
                now.timestamp(),
            ),
        )


def _follow_up(
    connection: sqlite3.Connection,
    number: int,
    occasion: Occasion,
    severity: Severity,
    now: datetime,
) -> None:
    """Record a further alert for the channels that were to send the first one."""
    connection.execute(
        "insert into deliveries (incident, project, channel, target, occasion, severity, created_at) "
        "select incident, project, channel, target, ?, ?, ? from deliveries "
        "where incident = ? and occasion = 'opened' and state <> 'dropped' order by id",
        (occasion, severity, now.timestamp(), number),
    )
    connection.execute("update incidents set sent_at = ? where id = ?", (now.timestamp(), number))
