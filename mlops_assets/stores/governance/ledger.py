"""The ledger: every event in the life of a project's versions, each sealed to the one before.

An event's hash covers all its facts and the hash of the event before. A changed, removed or inserted line
breaks the chain; one that was rewritten to its end is found by the hashes that the registry keeps
(`governance.py`).
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema

from mlops_assets.core import names
from mlops_assets.core.errors import StoreError
from mlops_assets.stores.delta.commit import add_action
from mlops_assets.stores.delta.locks import commit_lock
from mlops_assets.stores.delta.log import open_table
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.warehouse.warehouse import Warehouse

Kind = Literal["registered", "gated", "approved", "rejected", "promoted", "rolled_back", "retired", "expired"]
"""`gated`: a version has passed its gates, with their figures. `rejected` is said by the gates or by a
person; `retired` of a champion that another one replaced, or that a person took out of service; `expired` of
a rejected version whose files were removed by rule."""

GATES = "gates"
"""The actor who judges by figures alone."""
RETENTION = "retention"
"""The actor who removes what has been rejected for long."""
GENESIS = "0" * 64
"""The hash before the first event."""
_SCHEMA = pa.schema(
    [
        ("sequence", pa.int64()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("kind", pa.string()),
        ("version", pa.int64()),
        ("actor", pa.string()),
        ("reason", pa.string()),
        ("model_digest", pa.string()),
        ("details", pa.string()),
        ("dagster_run_id", pa.string()),
        ("mlflow_run_id", pa.string()),
        ("previous_hash", pa.string()),
        ("hash", pa.string()),
    ]
)


@dataclass(frozen=True)
class Event:
    """Something that happened to a version.

    Attributes
    ----------
    version
        Of the registry.
    actor
        A person, or what acted by itself: `gates`, a schedule, a Dagster run.
    model_digest
        Of the model behind the version.
    details
        Figures, versions of tables, code: what JSON can hold.
    """

    kind: Kind
    version: int
    actor: str
    reason: str
    model_digest: str
    details: dict[str, Any] = field(default_factory=dict)
    dagster_run_id: str = ""
    mlflow_run_id: str = ""


@dataclass(frozen=True)
class Entry:
    """An event in its place in the chain; `sequence` counts from 1."""

    sequence: int
    at: datetime
    event: Event
    previous_hash: str
    hash: str

    @classmethod
    def after(cls, before: "Entry | None", event: Event, at: datetime) -> "Entry":
        """Seal an event to the entry before."""
        sequence, previous = (before.sequence + 1, before.hash) if before else (1, GENESIS)
        return cls(sequence, at, event, previous, _seal(sequence, at, event, previous))

    @property
    def is_sealed(self) -> bool:
        """Whether the facts are those that were sealed."""
        return self.hash == _seal(self.sequence, self.at, self.event, self.previous_hash)


class Ledger:
    """The events of one project, in the warehouse's table `<project>.ledger`."""

    def __init__(self, warehouse: Warehouse, project: str) -> None:
        self.warehouse, self.project = warehouse, project
        self.table = tuple(names.project_asset(project, names.LEDGER))

    def entries(self) -> list[Entry]:
        """All entries, in their order; whether they are sound is `faults`' to say.

        Raises
        ------
        StoreError
            When the table is there and can't be read.
        """
        if not self.warehouse.exists(self.table):
            return []
        try:
            with self.warehouse.connect() as connection:
                rows = self.warehouse.relation(connection, self.table).order("sequence, hash")
                return [_entry(row) for row in rows.to_arrow_table().to_pylist()]
        except Exception as error:  # DuckDB, Arrow and JSON each have errors of their own for damaged bytes
            raise StoreError(
                f"{self.project}: the ledger in {self.warehouse.root.joinpath(*self.table)} can't be read: "
                f"{str(error).splitlines()[0]}",
                hint="bring its folder back from a backup; nothing is promoted or served without it",
            ) from error

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries in one commit; the caller holds the project's turn and has sealed them to the last."""
        rows = pa.Table.from_pylist([_row(entry) for entry in entries], _SCHEMA)
        directory = self.warehouse.root.joinpath(*self.table)
        name = f"table {names.view_name(self.table)}"
        with commit_lock(self.warehouse.root, self.table), translated_disk_errors(name, directory):
            delta = self._opened()
            file = directory / f"{entries[0].sequence:08}-{uuid.uuid4().hex}.parquet"
            pq.write_table(rows, file)
            delta.create_write_transaction(
                [add_action(directory, file, None)], mode="append", schema=delta.schema()
            )

    def _opened(self) -> DeltaTable:
        """The table, which is made when there is none."""
        if self.warehouse.exists(self.table):
            return open_table(self.warehouse.root, self.table, None)
        return DeltaTable.create(
            str(self.warehouse.root.joinpath(*self.table)),
            Schema.from_arrow(_SCHEMA),
            # Delta's own rule: no writer that keeps the protocol changes or removes what is there.
            configuration={"delta.appendOnly": "true", "delta.enableExpiredLogCleanup": "false"},
        )


def faults(entries: Sequence[Entry]) -> list[str]:
    """What is wrong with a chain, a sentence for each; nothing when it is whole."""
    found = []
    before: Entry | None = None
    for entry in entries:
        place = f"ledger entry {entry.sequence}"
        expected = before.sequence + 1 if before else 1
        if entry.sequence != expected:
            found.append(f"{place} stands where {expected} should")
        if entry.previous_hash != (before.hash if before else GENESIS):
            found.append(f"{place} does not follow from the one before it")
        if not entry.is_sealed:
            found.append(f"{place} ({entry.event.kind} version {entry.event.version}) was changed")
        before = entry
    return found


def _seal(sequence: int, at: datetime, event: Event, previous: str) -> str:
    facts = {"sequence": sequence, "at": at.astimezone(UTC).isoformat(), **asdict(event)}
    return sha256((previous + json.dumps(facts, sort_keys=True, ensure_ascii=False)).encode()).hexdigest()


def _row(entry: Entry) -> dict[str, Any]:
    facts = {**vars(entry), **vars(entry.event)}
    details = json.dumps(entry.event.details, sort_keys=True, ensure_ascii=False)
    return {name: facts[name] for name in _SCHEMA.names if name != "details"} | {"details": details}


def _entry(row: dict[str, Any]) -> Entry:
    facts = {known.name: row[known.name] for known in fields(Event) if known.name != "details"}
    event = Event(**facts, details=json.loads(row["details"]))
    return Entry(row["sequence"], row["at"].astimezone(UTC), event, row["previous_hash"], row["hash"])
