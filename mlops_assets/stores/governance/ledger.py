"""The ledger of a project: an append-only Delta table of the events of its model versions, chained by hashes.

The hash of an entry covers the facts of its event and the hash of the entry before. A changed, removed or
inserted entry breaks the chain. A table whose entries were all rewritten with valid hashes is detected by
comparison with the registry, which stores the hash of each entry (`ledger_review`).
"""

import json
import uuid
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema

from mlops_assets.core import names
from mlops_assets.core.errors import StoreError
from mlops_assets.stores.delta.commit import add_action, finish_commit
from mlops_assets.stores.delta.locks import commit_lock
from mlops_assets.stores.delta.log import open_table
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.system.durable import flush_files
from mlops_assets.stores.warehouse.warehouse import Warehouse

Kind = Literal[
    "registered",
    "gated",
    "approved",
    "rejected",
    "promoted",
    "rolled_back",
    "retired",
    "expired",
    "forgotten",
    "signed",
    "challenged",
    "withdrawn",
]
"""The kinds of events.

`gated`: the version passed its gates; the details hold their results. `rejected`: the version failed a gate
or was rejected by a person. `retired`: the champion was replaced, or retired by a person. `expired`: the
retention rule removed the files of a rejected version. `forgotten`: rows of an entity were removed from all
tables, among them training rows of the version; its status does not change. `signed`: a person signed the
ledger, as far as it was written; the version is that of the entry before, and its status does not change.
`challenged`: the version shadows the champion or takes a share of its traffic, and `withdrawn`: it does so no
more (`Challenger`); its status does not change.
"""

GATES, RETENTION, GUARDRAILS = "gates", "retention", "guardrails"
"""The actors of gate results, of the retention rule, and of withdrawals by the guardrails of a canary."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GENESIS = "0" * 64
"""The previous hash of the first entry."""
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
        ("signature", pa.string()),
    ]
)


@dataclass(frozen=True)
class Event:
    """An event of a version.

    Attributes
    ----------
    kind
        One of `Kind`.
    version
        Number of the version in the registry.
    actor
        The account of the user of a command, `NAME (claimed, by …)` for a name that nothing verified, or for
        automatic events `gates`, `guardrails`, `retention`, `ledger` or the Dagster run.
    reason
        Why it happened, a sentence.
    model_digest
        Digest of the files of the version's model.
    details
        Further facts, serializable as JSON: metrics, table versions, code versions, gate results.
    dagster_run_id
        The Dagster run that wrote the event; empty outside of a run.
    mlflow_run_id
        The MLflow run that the version was trained in.
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
    """An event at its position in the chain.

    Attributes
    ----------
    sequence
        Position, counted from 1.
    at
        When the entry was written, UTC.
    event
        The event.
    previous_hash
        Hash of the entry before, `GENESIS` for the first.
    hash
        SHA-256 of the previous hash followed by the facts as JSON, hexadecimal.
    signature
        Of the hash, by a key outside of the stores (`ledger_keys`); empty if the ledger is not signed.
    """

    sequence: int
    at: datetime
    event: Event
    previous_hash: str
    hash: str
    signature: str = ""

    @classmethod
    def after(cls, before: "Entry | None", event: Event, at: datetime) -> "Entry":
        """Create the entry that follows another one, without a signature.

        Parameters
        ----------
        before
            The last entry; None for the first one of a ledger.
        event
            The event.
        at
            When it is written, with a time zone.
        """
        sequence, previous = (before.sequence + 1, before.hash) if before else (1, GENESIS)
        return cls(sequence, at, event, previous, _seal(sequence, at, event, previous))

    @property
    def is_sealed(self) -> bool:
        """Whether the hash matches the facts."""
        return self.hash == _seal(self.sequence, self.at, self.event, self.previous_hash)


class Ledger:
    """The entries of one project, in the warehouse's table `<project>.ledger`.

    Parameters
    ----------
    warehouse
        Holds the table.
    project
        Name of the project.
    """

    def __init__(self, warehouse: Warehouse, project: str) -> None:
        self.warehouse, self.project = warehouse, project
        self.table = tuple(names.project_asset(project, names.LEDGER))

    def entries(self, connection: duckdb.DuckDBPyConnection | None = None) -> list[Entry]:
        """Read all entries, in ascending order of their sequence; `chain_errors` verifies them.

        Parameters
        ----------
        connection
            A connection that reads them, by default a new one, which needs a folder to spill to.

        Returns
        -------
        list of Entry
            Empty if the table does not exist.

        Raises
        ------
        StoreError
            If the table exists and cannot be read.
        """
        if not self.warehouse.exists(self.table):
            return []
        try:
            with nullcontext(connection) if connection else self.warehouse.connect() as opened:
                rows = self.warehouse.relation(opened, self.table).order("sequence, hash")
                rows = rows.project('* replace (epoch_us("at") as "at")')  # Arrow imports pandas for times
                return [_entry(row) for row in rows.to_arrow_table().to_pylist()]
        except Exception as error:  # DuckDB, Arrow and JSON each have errors of their own for damaged bytes
            raise StoreError(
                f"{self.project}: the ledger in {self.warehouse.root.joinpath(*self.table)} cannot be read: "
                f"{str(error).splitlines()[0]}",
                hint="restore its folder from a backup; no version can be promoted or used until then",
            ) from error

    def append(self, entries: Sequence[Entry]) -> None:
        """Append entries in one commit.

        Parameters
        ----------
        entries
            Entries that follow the last one of the table. The caller holds the lock of the project.
        """
        rows = pa.Table.from_pylist([_row(entry) for entry in entries], _SCHEMA)
        directory = self.warehouse.root.joinpath(*self.table)
        name = f"table {names.view_name(self.table)}"
        with commit_lock(self.warehouse.root, self.table), translated_disk_errors(name, directory):
            delta = self._opened()
            _add_missing_columns(delta)
            file = directory / f"{entries[0].sequence:08}-{uuid.uuid4().hex}.parquet"
            pq.write_table(rows, file)
            flush_files([file])  # before the commit that names it
            delta.create_write_transaction(
                [add_action(directory, file, None)], mode="append", schema=delta.schema()
            )
            delta.update_incremental()
            finish_commit(directory, delta)

    def _opened(self) -> DeltaTable:
        """Open the table; create it if it does not exist."""
        if self.warehouse.exists(self.table):
            return open_table(self.warehouse.root, self.table, None)
        return DeltaTable.create(
            str(self.warehouse.root.joinpath(*self.table)),
            Schema.from_arrow(_SCHEMA),
            # A Delta table property: writers that follow the protocol refuse to change or delete rows.
            configuration={"delta.appendOnly": "true", "delta.enableExpiredLogCleanup": "false"},
        )


def chain_errors(entries: Sequence[Entry]) -> list[str]:
    """Verify a chain of entries.

    Parameters
    ----------
    entries
        All entries of a ledger, in order.

    Returns
    -------
    list of str
        A message for each violation; empty if the chain is intact.
    """
    found = []
    before: Entry | None = None
    for entry in entries:
        place = f"ledger entry {entry.sequence}"
        expected = before.sequence + 1 if before else 1
        if entry.sequence != expected:
            found.append(f"{place} is at the position of entry {expected}")
        if entry.previous_hash != (before.hash if before else GENESIS):
            found.append(f"{place} does not follow from the one before it")
        if not entry.is_sealed:
            found.append(f"{place} ({entry.event.kind} version {entry.event.version}) was changed")
        before = entry
    return found


def _seal(sequence: int, at: datetime, event: Event, previous: str) -> str:
    facts = {"sequence": sequence, "at": at.astimezone(UTC).isoformat(), **asdict(event)}
    return sha256((previous + json.dumps(facts, sort_keys=True, ensure_ascii=False)).encode()).hexdigest()


def _add_missing_columns(delta: DeltaTable) -> None:
    """Add the columns that a ledger of an earlier version of mlops_assets does not have."""
    known = {found.name for found in delta.schema().fields}
    if missing := [found for found in Schema.from_arrow(_SCHEMA).fields if found.name not in known]:
        delta.alter.add_columns(missing)
        delta.update_incremental()


def _row(entry: Entry) -> dict[str, Any]:
    facts = {**vars(entry), **vars(entry.event)}
    details = json.dumps(entry.event.details, sort_keys=True, ensure_ascii=False)
    derived = {"details": details, "signature": entry.signature or None}
    return {name: facts[name] for name in _SCHEMA.names if name not in derived} | derived


def _entry(row: dict[str, Any]) -> Entry:
    facts = {known.name: row[known.name] for known in fields(Event) if known.name != "details"}
    event = Event(**facts, details=json.loads(row["details"]))
    chained = row["previous_hash"], row["hash"], row.get("signature") or ""
    at = _EPOCH + timedelta(microseconds=row["at"])
    return Entry(row["sequence"], at, event, *chained)
