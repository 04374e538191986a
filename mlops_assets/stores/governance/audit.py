"""The audit of a project's versions: ledger, registry, champion alias and model files must agree."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow.exceptions import MlflowException

from mlops_assets.core.errors import MlopsError
from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets.stores.governance.ledger import Entry
from mlops_assets.stores.governance.ledger_review import LOST_LEDGER, Review
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
    """

    subject: str
    errors: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether there is no error."""
        return not self.errors

    def to_json(self) -> dict[str, Any]:
        """The finding as `mlops audit --json` prints it."""
        return {"subject": self.subject, "errors": self.errors}


def audit(
    champion_ledger: ChampionLedger,
    tracking: TrackingStore,
    on_wait: Callable[[str], None] = lambda _: None,
) -> Iterator[Finding]:
    """Verify the ledger's chain, the registry's hashes, the champion alias, and the files of every version.

    Parameters
    ----------
    champion_ledger
        The ledger and the registry.
    tracking
        Holds the model files.
    on_wait
        Called with a message that names the holder of the project's lock. The lock is taken only to confirm
        an error, which may be a move in progress.

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
    subject = f"ledger, {len(review.entries)} entries{_replacement(review.entries)}"
    yield Finding(subject, (*review.errors, *_unfinished(review)))
    yield Finding("champion", (review.alias_error,) if review.alias_error else ())
    versions = {found.version: found for found in champion_ledger.registry.versions(champion_ledger.project)}
    for number in sorted({*versions, *review.state.states}):
        yield Finding(
            f"version {number}", tuple(_version_errors(review, versions.get(number), number, tracking))
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
    last = review.state.last.get(number)
    if version is None:
        yield "is missing in the registry"
        return
    if last is None:
        yield "is not in the ledger: it was registered outside of mlops_assets, or before there was a ledger"
    elif last.event.model_digest != version.facts.get("model_digest", ""):
        yield "has a different digest in the registry than in the ledger"
    for name in ("model_manifest", "evaluated_manifest"):
        recorded = [entry.event.details[name] for entry in review.entries if _records(entry, number, name)]
        if recorded and recorded != [version.facts.get(name)]:
            yield f"has a different {name} in the registry than in the ledger"
    if review.state.states.get(number) == "expired":  # the retention rule removed its files
        return
    yield from _artifact_errors(version, tracking)
    if version.as_evaluated is not version:
        yield from _artifact_errors(version.as_evaluated, tracking)


def _records(entry: Entry, number: int, fact: str) -> bool:
    """Whether an entry registers a version with a fact."""
    return entry.event.version == number and entry.event.kind == "registered" and fact in entry.event.details


def _artifact_errors(version: Version, tracking: TrackingStore) -> Iterator[str]:
    try:
        with tracking.files(version.uri) as folder:
            verify_model_files(folder, version)
    except MlopsError as error:
        yield error.message
    except (MlflowException, OSError) as error:
        yield f"{version.uri}: {next(iter(str(error).splitlines()), type(error).__name__)}"
