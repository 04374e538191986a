"""Moves of the champion that can't be lost, doubled or forged.

The ledger decides and the alias follows. A move takes four steps, and may die between any two:

1. The registry is told the hash that the ledger will end in.
2. The events are appended, in one commit.
3. The alias is moved to where the ledger says.
4. Each event's hash is kept with its version in the registry.

Died before 2, nothing has happened. Died after 2, the hashes of 4 are missing, and whoever comes next goes on
with 3. What the registry was not told, or what it knows and the ledger lacks, is no half move but a forgery.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.governance.ledger import Entry, Event, Kind, Ledger, faults
from mlops_assets.stores.governance.ledger_state import Standing
from mlops_assets.stores.tracking.registry import Registry, Version

LOST_HEAD = "lost_ledger"
"""In the details of a ledger's first event: how the one before it ended, `sequence:hash`."""
_HEAD = "ledger_head"
_ANCHOR = "ledger."
_LOST = "lost_ledger"
"""Told of all: the head of a ledger that was lost. Told of a version: its hashes in that one."""
_WAY_OUT_OF_LOSS = (
    "bring the table's folder back from a backup; without one: mlops adopt {project} --reason …, which "
    "begins a new ledger with the champion that MLflow has"
)
_WAY_OUT = "mlops audit {project} tells all; bring back what was changed from a backup"


@dataclass(frozen=True)
class Review:
    """What ledger and registry say of each other.

    Attributes
    ----------
    faults
        Sentences about what can't come from an unfinished move.
    alias_fault
        The same about the alias; a move by a person's word may mend it.
    unfinished
        Entries whose move was interrupted.
    """

    entries: list[Entry]
    standing: Standing
    faults: list[str]
    alias_fault: str | None
    unfinished: list[Entry]
    announced_in_vain: bool


class Governance:
    """The life of a project's versions.

    Parameters
    ----------
    ledger
        The project's ledger.
    registry
        The registry that holds its versions.
    """

    def __init__(self, ledger: Ledger, registry: Registry) -> None:
        self.ledger, self.registry, self.project = ledger, registry, ledger.project

    @contextmanager
    def turn(self, by: str, on_wait: Callable[[str], None]) -> Iterator[None]:
        """Held while a move is decided and made: the next one waits, and sees what this one did.

        Parameters
        ----------
        by
            Who holds it, for those who wait.
        on_wait
            Told whom we wait for.
        """
        with (
            self.registry.lock(self.project, holder=by, on_wait=on_wait),
            # Registries of a server are locked on one machine alone; the warehouse is shared.
            self.ledger.warehouse.turn(self.ledger.table),
        ):
            yield

    def review(self) -> Review:
        """Compare ledger and registry; nothing is changed."""
        entries = self.ledger.entries()
        standing = Standing.of(entries)
        versions = {version.version: version for version in self.registry.versions(self.project)}
        found = faults(entries)
        unanchored, disagreeing = _compare_anchors(entries, versions)
        announced = self.registry.get_model_tags(self.project).get(_HEAD, "")
        if disagreeing and not entries:
            disagreeing = [f"the ledger is gone, and the registry was told of {_sequence(announced)} entries"]
        found += disagreeing
        in_vain = False
        if announced != _head(entries) and (entries or not disagreeing):
            in_vain = _sequence(announced) > len(entries) and not disagreeing
            if not in_vain:
                found.append(
                    f"the ledger ends in {_head(entries) or 'nothing'}, and the registry was told "
                    f"{announced or 'nothing'}"
                )
        alias_fault = self._alias_fault(standing, versions, unanchored)
        return Review(entries, standing, found, alias_fault, unanchored, in_vain)

    def serving(self, by: str, on_wait: Callable[[str], None]) -> Version | None:
        """The champion, once ledger and registry agree on it; None where none serves.

        It takes a turn of its own; the parameters are those of `turn`.

        Raises
        ------
        StoreError
            When they don't: nothing may be served then.
        """
        with self.turn(by, on_wait):
            self.repaired()
            return self.registry.champion(self.project)

    def repaired(self, *, by_word: bool = False) -> Standing:
        """Finish a move that was interrupted; call it within a turn, before another move.

        Parameters
        ----------
        by_word
            A person is about to say who is champion: an alias that somebody moved by hand is no obstacle.

        Raises
        ------
        StoreError
            When ledger and registry disagree in a way that no interrupted move explains.
        """
        review = self.review()
        self._refuse(review, alias_too=not by_word)
        if review.announced_in_vain:
            self.registry.set_model_tags(self.project, {_HEAD: _head(review.entries)})
        if review.unfinished:
            self._follow(review.standing, review.unfinished)
        if not review.entries:
            return self._adopt()
        return review.standing

    def record(self, *events: Event) -> Standing:
        """Write events in one commit and let the registry follow; call it within a turn.

        Returns
        -------
        The standing that follows from them.
        """
        known = self.ledger.entries()
        entries: list[Entry] = []
        now = datetime.now(UTC)
        for event in events:
            before = entries[-1] if entries else known[-1] if known else None
            entries.append(Entry.after(before, event, now))
        standing = Standing.of([*known, *entries])
        self.registry.set_model_tags(self.project, {_HEAD: _head(entries)})
        self.ledger.append(entries)
        self._follow(standing, entries)
        return standing

    def _follow(self, standing: Standing, entries: Sequence[Entry]) -> None:
        """Steps 3 and 4."""
        serving = self.registry.champion(self.project)
        if (serving.version if serving else None) != standing.champion:
            self.registry.promote(self.project, standing.champion)
        for entry in entries:
            self.registry.set_version_tags(
                self.project, entry.event.version, {f"{_ANCHOR}{entry.sequence}": entry.hash}
            )

    def begin_anew(self, actor: str, reason: str, dagster_run_id: str = "") -> Standing:
        """Begin a ledger in the place of one that was lost, with what the registry has; call it in a turn.

        The lost one's hashes stay in the registry under other names, and its last one in the new ledger's
        first event. What it alone knew, who was rejected or served before, is lost.

        Raises
        ------
        StoreError
            When there is a ledger, or never was one.
        """
        if self.ledger.warehouse.exists(self.ledger.table):
            raise StoreError(
                f"{self.project}: there is a ledger, and it is not begun anew",
                hint=f"mlops audit {self.project} tells what is wrong with it; bring it back from a backup",
            )
        told = self.registry.get_model_tags(self.project)
        anchored = [version for version in self.registry.versions(self.project) if _anchors(version)]
        if anchored:
            last = max(anchor for version in anchored for anchor in _anchors(version).items())
            lost = told.get(_HEAD) or "{}:{}".format(*last)  # somebody may have taken the first away
            self.registry.set_model_tags(self.project, {_LOST: lost})
            for version in anchored:
                self._set_aside(version, lost)
        elif _LOST not in told:
            raise StoreError(
                f"{self.project}: there was no ledger that could be lost",
                hint="it begins by itself with the first version",
            )
        self.registry.set_model_tags(self.project, {_HEAD: ""})
        return self._adopt(actor, reason, dagster_run_id)

    def _set_aside(self, version: Version, head: str) -> None:
        """Keep a version's hashes of a lost ledger where they are not taken for those of the next one."""
        lost, anchors = f"{_LOST}.{head.partition(':')[2][:8]}", _anchors(version)
        kept = {f"{lost}.{sequence}": value for sequence, value in anchors.items()}
        self.registry.set_version_tags(self.project, version.version, kept)
        self.registry.delete_version_tags(
            self.project, version.version, [f"{_ANCHOR}{sequence}" for sequence in anchors]
        )

    def _adopt(
        self, actor: str = "ledger", reason: str = "what there was when the ledger began", run_id: str = ""
    ) -> Standing:
        """Begin the ledger with the champion that there is, and the versions beside it: they are from before
        there was a ledger, or from one that was lost.
        """
        serving, lost = (
            self.registry.champion(self.project),
            self.registry.get_model_tags(self.project).get(_LOST),
        )
        known = sorted(self.registry.versions(self.project), key=lambda version: version.version)
        if not known or (serving is None and not lost):
            return Standing()

        def event(kind: Kind, version: Version, details: dict[str, Any]) -> Event:
            digest = version.facts.get("model_digest", "")
            return Event(
                kind, version.version, actor, reason, digest, details, run_id, mlflow_run_id=version.run_id
            )

        first, *others = known
        return self.record(
            event("registered", first, {LOST_HEAD: lost} if lost else {}),
            *(event("registered", version, {}) for version in others),
            *([event("promoted", serving, {})] if serving else []),
        )

    def _alias_fault(
        self, standing: Standing, versions: Collection[int], unfinished: Sequence[Entry]
    ) -> str | None:
        serving = self.registry.champion(self.project)
        version = serving.version if serving else None
        if version == standing.champion or unfinished or not standing.states:
            return None
        if standing.champion is not None and standing.champion not in versions:
            return (
                f"version {standing.champion}, by the ledger the champion, was deleted from the registry, "
                f"and the alias is at {_named(version)}"
            )
        return (
            f"the alias is at {_named(version)}, and by the ledger {_named(standing.champion)} is champion: "
            "it was moved by hand"
        )

    def _refuse(self, review: Review, *, alias_too: bool) -> None:
        found = [*review.faults, *([review.alias_fault] if review.alias_fault and alias_too else [])]
        if not found:
            return
        hint = (_WAY_OUT if review.entries else _WAY_OUT_OF_LOSS).format(project=self.project)
        if found == [review.alias_fault]:
            hint = (
                f"say who is champion: mlops rollback {self.project} --to VERSION --reason …, or that nobody "
                f"is: mlops retire {self.project} --reason …"
            )
        raise StoreError(f"{self.project}: {'; '.join(found[:3])}", hint=hint)


def _anchors(version: Version) -> dict[int, str]:
    """The hashes that the registry keeps with a version, by their place in the ledger."""
    found = {
        name.removeprefix(_ANCHOR): value for name, value in version.facts.items() if name.startswith(_ANCHOR)
    }
    return {int(sequence): value for sequence, value in found.items()}


def _compare_anchors(entries: Sequence[Entry], versions: dict[int, Version]) -> tuple[list[Entry], list[str]]:
    """Entries whose hash the registry lacks, and sentences about hashes that are others.

    Only the newest entries can lack theirs by an interrupted move. A version that somebody deleted took its
    hashes with it; `mlops audit` tells of that.
    """
    kept = {
        sequence: (version.version, value)
        for version in versions.values()
        for sequence, value in _anchors(version).items()
    }
    missing: list[Entry] = []
    found: list[str] = []
    for entry in entries:
        version, value = kept.pop(entry.sequence, (None, None))
        if version is None:
            if entry.event.version in versions:
                missing.append(entry)
        elif (version, value) != (entry.event.version, entry.hash):
            found.append(f"ledger entry {entry.sequence} is not the one that version {version} was told of")
        elif missing:
            found.append(f"ledger entry {missing[0].sequence} is not known to the registry")
            missing.clear()
    found += [
        f"ledger entry {sequence}, of version {version}, is gone"
        for sequence, (version, _) in sorted(kept.items())
    ]
    return missing, found


def _head(entries: Sequence[Entry]) -> str:
    return f"{entries[-1].sequence}:{entries[-1].hash}" if entries else ""


def _sequence(head: str) -> int:
    return int(head.partition(":")[0] or 0)


def _named(version: int | None) -> str:
    return "no version" if version is None else f"version {version}"
