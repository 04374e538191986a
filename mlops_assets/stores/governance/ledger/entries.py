"""The entries of a ledger: events of model versions, chained by hashes.

The hash of an entry covers the facts of its event and the hash of the entry before. A changed, removed or
inserted entry breaks the chain. A table whose entries were all rewritten with valid hashes is detected by
comparison with the registry, which stores the hash of each entry (`ledger_review`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

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


def entry_of(row: Mapping[str, Any]) -> Entry:
    """The entry of a row of the ledger's table, whose time is in microseconds since 1970."""
    facts = {known.name: row[known.name] for known in fields(Event) if known.name != "details"}
    event = Event(**facts, details=json.loads(row["details"]))
    chained = row["previous_hash"], row["hash"], row.get("signature") or ""
    at = _EPOCH + timedelta(microseconds=row["at"])
    return Entry(row["sequence"], at, event, *chained)
