"""The state that follows from a ledger: the champion, and the status of every other version."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from mlops_assets.stores.governance.ledger.challenger import Challenger
from mlops_assets.stores.governance.ledger.entries import GATES, Entry, Event

Status = Literal["registered", "pending", "approved", "rejected", "champion", "retired", "expired"]
"""`pending`: the version passed its gates and no decision was made yet. `expired`: its files were removed."""


@dataclass(frozen=True)
class LedgerState:
    """The status of all versions of a project.

    Attributes
    ----------
    champion
        The current champion; None if there is none.
    succession
        The champions that led to the current one, the latest last: each was promoted over the one before.
        A rollback removes the later ones.
    ever_champion
        All versions that were champion at any time.
    states
        The status of each version.
    last
        The last entry of each version, except for signatures and challenges.
    last_at
        When the last entry of each version was written. The clock of a machine may be set back: no time is
        before that of an earlier entry.
    pending_since
        When each version that is pending became so; evaluating its gates again does not change the time.
    gate_entries
        The last gate results of each version.
    on_hold
        Whether automatic promotion is suspended: a person rolled back, and no version was approved since.
    challenger
        The version that shadows the champion or takes a share of its traffic; None if there is none. A
        promotion, rollback or retirement of a champion ends the challenge, and so does the rejection of the
        challenger.
    """

    champion: int | None = None
    succession: tuple[int, ...] = ()
    ever_champion: frozenset[int] = frozenset()
    states: dict[int, Status] = field(default_factory=dict)
    last: dict[int, Entry] = field(default_factory=dict)
    last_at: dict[int, datetime] = field(default_factory=dict)
    pending_since: dict[int, datetime] = field(default_factory=dict)
    gate_entries: dict[int, Entry] = field(default_factory=dict)
    on_hold: bool = False
    challenger: Challenger | None = None

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "LedgerState":
        """Compute the state from all entries, in the order of the ledger."""
        champion: int | None = None
        succession: list[int] = []
        ever_champion: set[int] = set()
        states: dict[int, Status] = {}
        last: dict[int, Entry] = {}
        last_at: dict[int, datetime] = {}
        pending_since: dict[int, datetime] = {}
        gate_entries: dict[int, Entry] = {}
        on_hold, at = False, datetime.min.replace(tzinfo=UTC)
        challenger: Challenger | None = None
        for entry in entries:
            event, at = entry.event, max(at, entry.at)
            if event.kind in ("forgotten", "signed"):
                continue
            challenger = _challenger_after(challenger, entry, at)
            if event.kind in ("challenged", "withdrawn"):
                continue
            version, last[event.version], last_at[event.version] = event.version, entry, at
            if event.actor == GATES:
                gate_entries[version] = entry
            match event.kind:
                case "registered":
                    states.setdefault(version, "registered")
                case "gated":
                    states[version] = "pending"
                    pending_since.setdefault(version, at)
                case "rejected":
                    states[version] = "rejected"
                case "approved":
                    states[version], on_hold = "approved", False
                case "expired":
                    states[version] = "expired"
                case "retired":
                    states[version] = "retired"
                    champion = None if champion == version else champion
                case "promoted":
                    succession.append(version)
                case "rolled_back":
                    kept = succession[: succession.index(version)] if version in succession else succession
                    succession, on_hold = [*kept, version], True
            if event.kind in ("promoted", "rolled_back"):
                champion, states[version] = version, "champion"
                ever_champion.add(version)
            if states[version] != "pending":
                pending_since.pop(version, None)
        return cls(
            champion,
            tuple(succession),
            frozenset(ever_champion),
            states,
            last,
            last_at,
            pending_since,
            gate_entries,
            on_hold,
            challenger,
        )

    @property
    def pending(self) -> list[int]:
        """Versions that passed their gates and are pending approval, in ascending order."""
        return sorted(version for version, state in self.states.items() if state == "pending")

    def rejected_before(self, timestamp: datetime) -> list[int]:
        """Versions that were rejected before a time, in ascending order.

        Versions that ever were champion and the challenger are left out.
        """
        rejected = (version for version, state in self.states.items() if state == "rejected")
        return sorted(
            version
            for version in rejected
            if version not in self.ever_champion and self.last_at[version] < timestamp
            if self.challenger is None or version != self.challenger.version
        )

    @property
    def previous_champion(self) -> int | None:
        """The champion before the current one, or the last one if there is none now; None without any."""
        earlier = self.succession[:-1] if self.champion is not None else self.succession
        return earlier[-1] if earlier else None


def _challenger_after(challenger: Challenger | None, entry: Entry, at: datetime) -> Challenger | None:
    event = entry.event
    if event.kind == "challenged":
        return Challenger.of(entry, at)
    return None if challenger is not None and _ends_challenge(event, challenger) else challenger


def _ends_challenge(event: Event, challenger: Challenger) -> bool:
    if event.kind in ("promoted", "rolled_back", "retired"):
        return True
    return event.kind in ("withdrawn", "rejected", "expired") and event.version == challenger.version
