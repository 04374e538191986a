"""An audit: does everything that is kept of a project's versions agree?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mlflow.exceptions import MlflowException

from mlops_assets.core.errors import MlopsError
from mlops_assets.stores.governance.champion_ledger import LOST_HEAD, Governance, Review
from mlops_assets.stores.governance.ledger import Entry
from mlops_assets.stores.tracking.model_files import verify_model_files
from mlops_assets.stores.tracking.registry import Version
from mlops_assets.stores.tracking.tracking import TrackingStore


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    subject
        What it is.
    faults
        What is wrong with it, a sentence each; empty when nothing is.
    """

    subject: str
    faults: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.faults


def audit(
    governance: Governance, tracking: TrackingStore, on_wait: Callable[[str], None] = lambda _: None
) -> Iterator[Finding]:
    """Look at the ledger's chain, the registry's hashes, the alias, and the files of every version.

    A ledger that can't be read at all ends it.

    Parameters
    ----------
    on_wait
        Told whom we wait for, where something looks wrong: it may be a move that is being made.
    """
    try:
        review = governance.review()
        if review.faults or review.alias_fault or [*_unfinished(review)]:
            with governance.turn("mlops audit", on_wait):
                review = governance.review()
    except MlopsError as error:
        yield Finding("ledger", (error.message,))
        return
    subject = f"ledger, {len(review.entries)} entries{_begun_anew(review.entries)}"
    yield Finding(subject, (*review.faults, *_unfinished(review)))
    yield Finding("champion", (review.alias_fault,) if review.alias_fault else ())
    versions = {found.version: found for found in governance.registry.versions(governance.project)}
    for number in sorted({*versions, *review.standing.states}):
        yield Finding(
            f"version {number}", tuple(_version_faults(review, versions.get(number), number, tracking))
        )


def _begun_anew(entries: Sequence[Entry]) -> str:
    if not entries or not (lost := entries[0].event.details.get(LOST_HEAD)):
        return ""
    by, at = entries[0].event.actor, entries[0].at
    return f", begun anew by {by} on {at:%Y-%m-%d} after one of {lost.partition(':')[0]} was lost"


def _unfinished(review: Review) -> Iterator[str]:
    if review.unfinished or review.announced_in_vain:
        yield "a move was interrupted; the next run or word finishes it"


def _version_faults(
    review: Review, version: Version | None, number: int, tracking: TrackingStore
) -> Iterator[str]:
    known = review.standing.last.get(number)
    if version is None:
        yield "is gone from the registry"
        return
    if known is None:
        yield "is not in the ledger: it was not registered by mlops_assets, or before there was one"
    elif known.event.model_digest != version.facts.get("model_digest", ""):
        yield "has another digest in the registry than in the ledger"
    for name in ("model_manifest", "judged_manifest"):
        told = [entry.event.details[name] for entry in review.entries if _tells(entry, number, name)]
        if told and told != [version.facts.get(name)]:
            yield f"has another {name} in the registry than in the ledger"
    if review.standing.states.get(number) == "expired":  # its files are gone by rule
        return
    yield from _artifact_faults(version, tracking)
    if version.as_judged is not version:
        yield from _artifact_faults(version.as_judged, tracking)


def _tells(entry: Entry, number: int, fact: str) -> bool:
    """Whether a version was registered with a fact."""
    return entry.event.version == number and entry.event.kind == "registered" and fact in entry.event.details


def _artifact_faults(version: Version, tracking: TrackingStore) -> Iterator[str]:
    try:
        with tracking.files(version.uri) as folder:
            verify_model_files(folder, version)
    except MlopsError as error:
        yield error.message
    except (MlflowException, OSError) as error:
        yield f"{version.uri}: {next(iter(str(error).splitlines()), type(error).__name__)}"
