"""The incidents of all projects, and the deliveries of alerts about them, in a SQLite database.

Conditions that hold are compared with the open incidents in one transaction, which also writes what has to be
sent. So an alert is recorded before it is sent, once for an incident and channel, whatever process is killed.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.alerts.alert import Condition, Kind, Occasion, Severity
from mlops_assets.stores.alerts.incident_rows import (
    COPIED,
    Recipients,
    continue_incident,
    record_event,
    resolve,
)
from mlops_assets.stores.alerts.schema import SCHEMA
from mlops_assets.stores.system.disk_errors import translated_disk_errors

_BUSY_SECONDS = 10.0
_KEPT = timedelta(days=90)


@dataclass(frozen=True)
class Incident:
    """An open incident.

    Attributes
    ----------
    project
        Empty for an incident of the whole installation.
    """

    number: int
    project: str
    key: str
    kind: Kind
    severity: Severity
    title: str
    detail: str
    partition: str | None
    asset: str | None
    run_id: str | None
    report: str | None
    opened_at: datetime


@dataclass(frozen=True)
class Undelivered:
    """An alert that a channel has not delivered, although it tried.

    Attributes
    ----------
    incident
        The number of the incident, which may be resolved by now.
    gave_up
        Whether it is not tried again.
    error
        Why the last attempt failed.
    """

    number: int
    incident: int
    project: str
    channel: str
    occasion: Occasion
    subject: str
    attempts: int
    gave_up: bool
    error: str
    created_at: datetime


def open_incidents(state: Path, project: str | None = None) -> list[Incident]:
    """Return the open incidents, the latest last; none if no alert was ever evaluated.

    Parameters
    ----------
    state
        The root of the state directory. Nothing is created or changed.
    project
        Only those of this project and of the whole installation; by default all.
    """
    return IncidentStore(state).open_incidents(project)


def undelivered(state: Path, project: str | None = None) -> list[Undelivered]:
    """Return the alerts of the last 90 days that were tried and not delivered; see `open_incidents`."""
    return IncidentStore(state).undelivered(project)


class IncidentStore:
    """The incidents in a state directory.

    Parameters
    ----------
    state
        The root of the state directory.
    """

    def __init__(self, state: Path) -> None:
        self.folder = state / "alerts"
        self.file = self.folder / "alerts.db"

    @property
    def exists(self) -> bool:
        """Whether an alert was ever evaluated."""
        return self.file.is_file()

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """Open the database in one transaction, which ends with the block; it is created if missing.

        Raises
        ------
        StoreError
            When it can't be read or written.
        """
        with self._translated_errors():
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._opened(str(self.file)) as connection:
                connection.execute("begin immediate")
                if not connection.execute("pragma user_version").fetchone()[0]:
                    for statement in SCHEMA:
                        connection.execute(statement)
                try:
                    yield connection
                except BaseException:
                    connection.rollback()
                    raise
                connection.commit()

    def _rows(self, query: str, parameters: Sequence[object]) -> list[sqlite3.Row]:
        """The rows of a query; nothing is created or locked, so that a reader needs no right to write."""
        if not self.exists:
            return []
        with (
            self._translated_errors(),
            self._opened(f"{self.file.absolute().as_uri()}?mode=ro", uri=True) as connection,
        ):
            if not connection.execute("pragma user_version").fetchone()[0]:  # being created
                return []
            return connection.execute(query, parameters).fetchall()

    @contextmanager
    def _opened(self, database: str, *, uri: bool = False) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(database, timeout=_BUSY_SECONDS, isolation_level=None, uri=uri)
        connection.row_factory = sqlite3.Row
        with closing(connection):
            yield connection

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        with translated_disk_errors("the store of alerts", self.folder):
            try:
                yield
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError) and "locked" not in str(error):
                    raise  # which may be an error of the disk
                raise StoreError(
                    f"the store of alerts {self.file} can't be used: {error}",
                    hint="if this remains, stop Dagster and delete the file; open incidents are sent again",
                ) from error

    def reconcile(
        self,
        project: str,
        found: Sequence[Condition],
        evaluated: Collection[Kind],
        recipients: Recipients,
        *,
        now: datetime,
        repeat: timedelta | None = None,
        positions: Mapping[str, Any] = {},
    ) -> None:
        """Open, continue and resolve incidents, and record what has to be sent.

        Parameters
        ----------
        found
            All conditions that hold.
        evaluated
            The kinds that were evaluated: an open incident of another kind stays as it is.
        recipients
            The channels of the project that accept an alert.
        repeat
            Time after which an open incident is sent again; by default it is not.
        positions
            How far events were read to find the conditions.
        """
        with self.connect() as connection:
            active = {
                (row["project"], row["key"]): row
                for row in connection.execute(
                    "select * from incidents where state in ('waiting', 'open') and project in (?, '')",
                    (project,),
                )
            }
            for condition in {(one.shared, one.key): one for one in found}.values():
                if condition.is_event:
                    record_event(connection, project, condition, recipients, now)
                    continue
                scope = "" if condition.shared else project
                row = active.pop((scope, condition.key), None)
                continue_incident(connection, project, scope, condition, row, recipients, now, repeat)
            for row in active.values():
                if row["kind"] in evaluated:
                    resolve(connection, row, now)
            connection.executemany(
                "insert or replace into positions values (?, ?, ?)",
                [(project, name, json.dumps(value)) for name, value in positions.items()],
            )
            before = (now - _KEPT).timestamp()
            connection.execute(
                "delete from incidents where state = 'resolved' and resolved_at < ?", (before,)
            )
            connection.execute(
                "delete from deliveries where created_at < ? and incident not in (select id from incidents)",
                (before,),
            )

    def open_incidents(self, project: str | None = None) -> list[Incident]:
        """Return the open incidents, the latest last."""
        rows = self._rows(
            "select * from incidents where state = 'open' and (? is null or project in (?, '')) "
            "order by opened_at, id",
            (project, project),
        )
        return [
            Incident(
                number=row["id"],
                opened_at=datetime.fromtimestamp(row["opened_at"], UTC),
                **{name: row[name] for name in COPIED},
            )
            for row in rows
        ]

    def undelivered(self, project: str | None = None) -> list[Undelivered]:
        """Return the alerts that were tried and not delivered, the oldest first."""
        rows = self._rows(
            "select deliveries.*, title from deliveries join incidents on incidents.id = incident "
            "where deliveries.state in ('due', 'sending', 'failed') and attempts > 0 "
            "and (? is null or deliveries.project = ?) order by deliveries.id",
            (project, project),
        )
        return [
            Undelivered(
                number=row["id"],
                incident=row["incident"],
                project=row["project"],
                channel=row["channel"],
                occasion=row["occasion"],
                subject=row["title"],
                attempts=row["attempts"],
                gave_up=row["state"] == "failed",
                error=row["error"],
                created_at=datetime.fromtimestamp(row["created_at"], UTC),
            )
            for row in rows
        ]
