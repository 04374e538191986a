"""The audit of a project's versions: ledger, registry, champion alias and model files must agree."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlflow.exceptions import MlflowException

from mlops_assets.core.errors import MlopsError
from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets.stores.governance.clock import clock_notes
from mlops_assets.stores.governance.ledger.entries import Entry
from mlops_assets.stores.governance.ledger.review import LOST_LEDGER, Review, head_of, head_sequence
from mlops_assets.stores.governance.ledger.signatures import signature_note, unverified_notes
from mlops_assets.stores.governance.recorded_versions import (
    changed_digests,
    differences,
    registration,
    with_recorded_digests,
)
from mlops_assets.stores.governance.training_content import training_set_error
from mlops_assets.stores.tracking.model_files import verify_model_files
from mlops_assets.stores.tracking.registry import Version
from mlops_assets.stores.tracking.tracking import TrackingStore


@dataclass(frozen=True)
class Finding:
    """The result for one subject of the audit.

    Attributes
    ----------
    subject
        What was verified: the ledger, the champion or a version.
    errors
        A message for each error; empty if there is none.
    notes
        What else a reader has to know: what the ledger can show, and clocks that were set back.
    """

    subject: str
    errors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether there is no error."""
        return not self.errors

    def to_json(self) -> dict[str, Any]:
        """The finding as `mlops audit --json` prints it."""
        return {"subject": self.subject, "errors": self.errors, "notes": self.notes}


def audit(
    champion_ledger: ChampionLedger,
    tracking: TrackingStore,
    on_wait: Callable[[str], None] = lambda _: None,
    head: str | None = None,
) -> Iterator[Finding]:
    """Verify the ledger's chain and signatures, the registry, the alias, and the files of every version.

    Parameters
    ----------
    champion_ledger
        The ledger and the registry.
    tracking
        Holds the model files.
    on_wait
        Called with a message that names the holder of the project's lock. The lock is taken only to confirm
        an error, which may be a move in progress.
    head
        An entry that was noted earlier, `sequence:hash`: the ledger must still contain it.

    Yields
    ------
    Finding
        One for the ledger, one for the champion and one for each version. A ledger that cannot be read is
        the only finding.
    """
    try:
        review = champion_ledger.review()
        if review.errors or review.alias_error or [*_unfinished(review)]:
            with champion_ledger.lock("mlops audit", on_wait):
                review = champion_ledger.review()
    except MlopsError as error:
        yield Finding("ledger", (error.message,))
        return
    entries = review.entries
    subject = f"ledger, {len(entries)} entries{_replacement(entries)}"
    signatures = (error.message for error in champion_ledger.signature_errors(entries))
    errors = (*review.errors, *signatures, *changed_digests(entries), *_missing_head(entries, head))
    yield Finding(subject, (*errors, *_unfinished(review)), tuple(_notes(champion_ledger, entries)))
    yield Finding("champion", (review.alias_error,) if review.alias_error else ())
    versions = {found.version: found for found in champion_ledger.registry.versions(champion_ledger.project)}
    for number in sorted({*versions, *review.state.states}):
        found = [*_version_errors(review, versions.get(number), number, tracking)]
        if number in versions and review.state.states.get(number) != "expired":
            ledger = champion_ledger.ledger
            changed = training_set_error(ledger.warehouse, ledger.project, number, entries)
            found.extend([changed] if changed else [])
        yield Finding(f"version {number}", tuple(found))


def _notes(champion_ledger: ChampionLedger, entries: Sequence[Entry]) -> Iterator[str]:
    if not entries:
        return
    yield from clock_notes(entries, datetime.now(UTC))
    yield from unverified_notes(entries)
    yield signature_note(champion_ledger.project, entries, champion_ledger.keys)


def _missing_head(entries: Sequence[Entry], head: str | None) -> Iterator[str]:
    if head is None:
        return
    sequence = head_sequence(head)
    found = head_of([entry for entry in entries if entry.sequence == sequence][:1])
    if found != head:
        yield (
            f"entry {sequence} is not the one that was noted, it is {found or 'missing'}: the ledger was "
            "rewritten, or replaced by an earlier state"
        )


def _replacement(entries: Sequence[Entry]) -> str:
    if not entries or not (lost := entries[0].event.details.get(LOST_LEDGER)):
        return ""
    by, at = entries[0].event.actor, entries[0].at
    return f", started by {by} on {at:%Y-%m-%d} in place of a lost ledger of {lost.partition(':')[0]} entries"


def _unfinished(review: Review) -> Iterator[str]:
    if review.unfinished or review.append_missing:
        yield "a move was interrupted; the next run or decision completes it"


def _version_errors(
    review: Review, version: Version | None, number: int, tracking: TrackingStore
) -> Iterator[str]:
    if version is None:
        yield "is missing in the registry"
        return
    registered = registration(number, review.entries)
    if registered is None:
        yield "is not in the ledger: it was registered outside of mlops_assets, or before there was a ledger"
        yield from _artifact_errors(version, tracking)
        return
    for difference in differences(version, registered):
        yield f"differs from the ledger: {difference}"
    if review.state.states.get(number) == "expired":  # the retention rule removed its files
        return
    recorded = with_recorded_digests(version, registered)
    yield from _artifact_errors(recorded, tracking)
    if recorded.as_evaluated is not recorded:
        yield from _artifact_errors(recorded.as_evaluated, tracking)


def _artifact_errors(version: Version, tracking: TrackingStore) -> Iterator[str]:
    try:
        with tracking.files(version.uri) as folder:
            verify_model_files(folder, version)
    except MlopsError as error:
        yield error.message
    except (MlflowException, OSError) as error:
        yield f"{version.uri}: {next(iter(str(error).splitlines()), type(error).__name__)}"
