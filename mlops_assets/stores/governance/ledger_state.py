"""What follows from a ledger: which version is champion, and where every other one stands."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from mlops_assets.stores.governance.ledger import GATES, Entry

State = Literal["registered", "waiting", "approved", "rejected", "champion", "retired", "expired"]
"""`waiting`: it has passed its gates, and nobody has decided. `expired`: its files are gone."""


@dataclass(frozen=True)
class Standing:
    """Where the versions of a project stand.

    Attributes
    ----------
    champion
        The version that serves, by the ledger; None before the first.
    line
        How it came to the champion, the last one last: each was promoted over the one before. Going back
        takes away what came after.
    were_champion
        All versions that ever served.
    states
        Of each version.
    last
        The last event of each version.
    since
        When each of the versions that wait began to; another verdict on the same version starts nothing anew.
    judged
        The last verdict of the gates on each version.
    held
        Whether a person went back to an older champion, and nobody has approved another one since: what
        trains then asks before it overrides that.
    """

    champion: int | None = None
    line: tuple[int, ...] = ()
    were_champion: frozenset[int] = frozenset()
    states: dict[int, State] = field(default_factory=dict)
    last: dict[int, Entry] = field(default_factory=dict)
    since: dict[int, datetime] = field(default_factory=dict)
    judged: dict[int, Entry] = field(default_factory=dict)
    held: bool = False

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Standing":
        """Read all events in their order."""
        champion: int | None = None
        line: list[int] = []
        were: set[int] = set()
        states: dict[int, State] = {}
        last: dict[int, Entry] = {}
        since: dict[int, datetime] = {}
        judged: dict[int, Entry] = {}
        held = False
        for entry in entries:
            event = entry.event
            version, last[event.version] = event.version, entry
            if event.actor == GATES:
                judged[version] = entry
            match event.kind:
                case "registered":
                    states.setdefault(version, "registered")
                case "gated":
                    states[version] = "waiting"
                    since.setdefault(version, entry.at)
                case "rejected":
                    states[version] = "rejected"
                case "approved":
                    states[version], held = "approved", False
                case "expired":
                    states[version] = "expired"
                case "retired":
                    states[version] = "retired"
                    champion = None if champion == version else champion
                case "promoted":
                    line.append(version)
                case "rolled_back":
                    line = [*line[: line.index(version)], version] if version in line else [*line, version]
                    held = True
            if event.kind in ("promoted", "rolled_back"):
                champion, states[version] = version, "champion"
                were.add(version)
            if states[version] != "waiting":
                since.pop(version, None)
        return cls(champion, tuple(line), frozenset(were), states, last, since, judged, held)

    @property
    def waiting(self) -> list[int]:
        """Versions that passed their gates and wait for somebody's word, the newest last."""
        return sorted(version for version, state in self.states.items() if state == "waiting")

    def rejected_before(self, moment: datetime) -> list[int]:
        """Versions that have been rejected for so long, and never served."""
        rejected = (version for version, state in self.states.items() if state == "rejected")
        return sorted(
            version
            for version in rejected
            if version not in self.were_champion and self.last[version].at < moment
        )

    @property
    def before_champion(self) -> int | None:
        """The champion before this one, or the last one where none serves; None when there was none."""
        earlier = self.line[:-1] if self.champion is not None else self.line
        return earlier[-1] if earlier else None
