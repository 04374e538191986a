"""Moves of the champion that cannot be lost, applied twice or forged.

The ledger is authoritative, and the alias of the registry follows it. A move has four steps:

1. Record in the registry the hash of the entry that the ledger will end with.
2. Append the events to the ledger, in one commit.
3. Move the alias to the champion by the ledger.
4. Record the hash of each entry with its version in the registry.

A process may be killed between any two steps. Before step 2 nothing has happened. After it, the hashes of
step 4 are missing, and the next move completes the interrupted one from step 3 on (`recover`). All other
differences between ledger and registry are errors.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.governance.ledger.entries import Entry, Event, Kind
from mlops_assets.stores.governance.ledger.keys import KEY_VARIABLE, LedgerKeys
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.governance.ledger.review import (
    ANCHOR,
    HEAD,
    LOST_LEDGER,
    Review,
    compare_with_registry,
    head_of,
)
from mlops_assets.stores.governance.ledger.signatures import SignatureError, signature_errors
from mlops_assets.stores.governance.ledger.state import LedgerState
from mlops_assets.stores.governance.recorded_versions import MODEL_FACTS, recorded_version
from mlops_assets.stores.tracking.registry import RecordedVersion, Registry, Version

_LOST_LEDGER_HINT = (
    "restore the folder of the table from a backup; without a backup run `mlops adopt {project} --reason …`, "
    "which starts a new ledger with the champion that MLflow has"
)
_AUDIT_HINT = "run `mlops audit {project}` for all differences, and restore what was changed from a backup"
_ALIAS_HINT = (
    "decide about the champion: mlops rollback {project} --to VERSION --reason …, or mlops retire {project} "
    "--reason …"
)


class ChampionLedger:
    """The ledger of a project together with the registry that follows it.

    Parameters
    ----------
    ledger
        The project's ledger.
    registry
        The registry that holds its versions.
    keys
        The keys that sign and verify entries; by default those of the environment.
    """

    def __init__(self, ledger: Ledger, registry: Registry, keys: LedgerKeys | None = None) -> None:
        self.ledger, self.registry, self.project = ledger, registry, ledger.project
        self.keys = LedgerKeys.of_environment() if keys is None else keys

    @contextmanager
    def lock(self, holder: str, on_wait: Callable[[str], None]) -> Iterator[None]:
        """Hold the project's lock while a move is decided and made, so that moves are applied one by one.

        Parameters
        ----------
        holder
            The holder, as shown to processes that wait.
        on_wait
            Called with a message that names the holder, if the lock is taken.
        """
        with (
            self.registry.lock(self.project, holder=holder, on_wait=on_wait),
            # The registry's lock covers one machine; the warehouse's lock covers all that share it.
            self.ledger.warehouse.turn(self.ledger.table),
        ):
            yield

    def review(self) -> Review:
        """Compare ledger and registry; nothing is changed."""
        return compare_with_registry(self.ledger, self.registry)

    def signature_errors(self, entries: Sequence[Entry]) -> list[SignatureError]:
        """What is wrong with the signatures of the ledger, by the keys of this process."""
        return signature_errors(self.project, entries, self.keys)

    def recorded(self, version: Version) -> RecordedVersion:
        """A version with the digests of the ledger, against which its files are verified.

        Raises
        ------
        StoreError
            If the ledger does not record the version, or the registry has other facts of it.
        """
        return recorded_version(version, self.ledger.entries())

    def recorded_champion(self) -> RecordedVersion | None:
        """The champion with the digests of the ledger; None if there is none. The caller holds the lock."""
        champion = self.registry.champion(self.project)
        return None if champion is None else self.recorded(champion)

    def verified_champion(self, holder: str, on_wait: Callable[[str], None]) -> RecordedVersion | None:
        """The champion, after ledger and registry were found to agree; None if there is none.

        Takes the lock; the parameters are those of `lock`.

        Raises
        ------
        StoreError
            If ledger and registry disagree: no version may be used then.
        """
        with self.lock(holder, on_wait):
            self.recover()
            return self.recorded_champion()

    def verified_version(self, number: int, holder: str, on_wait: Callable[[str], None]) -> RecordedVersion:
        """A version, after ledger and registry were found to agree, except for the alias of the champion.

        Takes the lock; see `verified_champion`.
        """
        with self.lock(holder, on_wait):
            self.recover(ignore_alias=True)
            return self.recorded(self.registry.version(self.project, number))

    def recover(self, *, ignore_alias: bool = False) -> LedgerState:
        """Complete an interrupted move. The caller holds the lock, and calls this before another move.

        Parameters
        ----------
        ignore_alias
            Accept an alias that was moved outside of mlops_assets, because the next move sets it.

        Raises
        ------
        StoreError
            If ledger and registry differ in a way that no interrupted move explains.
        """
        review = self.review()
        self._require_agreement(review, ignore_alias=ignore_alias)
        self._require_signatures(review.entries)
        self.complete(review)
        if not review.entries:
            self._require_start_without_decision()
            return self.start("ledger", "existed when the ledger was started")
        return review.state

    def complete(self, review: Review) -> None:
        """Complete the interrupted move of a review without errors. The caller holds the lock."""
        if review.append_missing:
            self.registry.set_model_tags(self.project, {HEAD: head_of(review.entries)})
        if review.unfinished:
            self._update_registry(review.state, review.unfinished)

    def record(self, *events: Event) -> LedgerState:
        """Append events in one commit and update the registry. The caller holds the lock.

        Returns
        -------
        LedgerState
            The state after these events.
        """
        known = self.ledger.entries()
        self._require_signatures(known)
        return self.append(known, events)

    def append(self, known: Sequence[Entry], events: Sequence[Event]) -> LedgerState:
        """Append events to the entries of the ledger, as `record` does, whatever its signatures are."""
        entries: list[Entry] = []
        now = datetime.now(UTC)
        for event in events:
            before = entries[-1] if entries else known[-1] if known else None
            entry = Entry.after(before, event, now)
            signature = self.keys.sign(self.project, entry.sequence, entry.hash)
            entries.append(replace(entry, signature=signature))
        state = LedgerState.of([*known, *entries])
        self.registry.set_model_tags(self.project, {HEAD: head_of(entries)})
        self.ledger.append(entries)
        self._update_registry(state, entries)
        return state

    def start(self, actor: str, reason: str, dagster_run_id: str = "") -> LedgerState:
        """Start the ledger with the champion and the other versions that the registry has.

        They are from the time before there was a ledger, or from a ledger that was lost. Without a champion
        and a lost ledger nothing is started.
        """
        champion = self.registry.champion(self.project)
        lost = self.registry.get_model_tags(self.project).get(LOST_LEDGER)
        versions = sorted(self.registry.versions(self.project), key=lambda version: version.version)
        if not versions or (champion is None and not lost):
            return LedgerState()

        def event(kind: Kind, version: Version, details: dict[str, Any]) -> Event:
            digest, number = version.facts.get("model_digest", ""), version.version
            return Event(kind, number, actor, reason, digest, details, dagster_run_id, version.run_id)

        def facts(version: Version) -> dict[str, Any]:
            return {name: version.facts[name] for name in MODEL_FACTS if name in version.facts}

        first, *others = versions
        return self.record(
            event("registered", first, {**facts(first), **({LOST_LEDGER: lost} if lost else {})}),
            *(event("registered", version, facts(version)) for version in others),
            *([event("promoted", champion, {})] if champion else []),
        )

    def _update_registry(self, state: LedgerState, entries: Sequence[Entry]) -> None:
        """Steps 3 and 4 of a move."""
        champion = self.registry.champion(self.project)
        if (champion.version if champion else None) != state.champion:
            self.registry.promote(self.project, state.champion)
        for entry in entries:
            self.registry.set_version_tags(
                self.project, entry.event.version, {f"{ANCHOR}{entry.sequence}": entry.hash}
            )

    def _require_signatures(self, entries: Sequence[Entry]) -> None:
        for error in self.signature_errors(entries)[:1]:
            raise StoreError(f"{self.project}: {error.message}", hint=error.hint.format(project=self.project))

    def _require_start_without_decision(self) -> None:
        """With a key, a champion without a ledger may be what is left after the ledger was removed."""
        champion = self.registry.champion(self.project) if self.keys.current else None
        if champion is not None:
            raise StoreError(
                f"{self.project}: version {champion.version} is the champion in MLflow, there is no ledger, "
                f"and {KEY_VARIABLE} is set",
                hint="if there was a ledger, restore it from a backup; if not, start it with this champion: "
                f"mlops sign {self.project} --reason …",
            )

    def _require_agreement(self, review: Review, *, ignore_alias: bool) -> None:
        alias_errors = [review.alias_error] if review.alias_error and not ignore_alias else []
        if not (found := [*review.errors, *alias_errors]):
            return
        hint = _AUDIT_HINT if review.entries else _LOST_LEDGER_HINT
        if not review.errors:
            hint = _ALIAS_HINT
        raise StoreError(f"{self.project}: {'; '.join(found[:3])}", hint=hint.format(project=self.project))
