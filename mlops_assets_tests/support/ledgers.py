"""Chained entries of a ledger, and the state that follows from them."""

from datetime import UTC, datetime, timedelta

from mlops_assets.stores.governance.ledger.entries import Entry, Event
from mlops_assets.stores.governance.ledger.state import LedgerState

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def event(version: int = 1, kind: str = "registered", **changed) -> Event:
    facts = {"actor": "ada", "reason": "because", "model_digest": f"d{version}", "details": {"rmse": 0.5}}
    return Event(kind, version, **{**facts, **changed})


def chain(*events: Event) -> list[Entry]:
    entries: list[Entry] = []
    for place, found in enumerate(events):
        entries.append(Entry.after(entries[-1] if entries else None, found, NOON + timedelta(hours=place)))
    return entries


def state_after(*events: tuple[str, int]) -> LedgerState:
    return LedgerState.of(chain(*(event(version, kind) for kind, version in events)))


FIRST = (("registered", 1), ("gated", 1), ("promoted", 1))
SECOND = (("registered", 2), ("gated", 2), ("retired", 1), ("promoted", 2))
THIRD = (("registered", 3), ("gated", 3), ("retired", 2), ("promoted", 3))
