"""Verification of the signatures of a ledger, and the description of what they show."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from mlops_assets.stores.governance.ledger.entries import Entry
from mlops_assets.stores.governance.ledger.keys import (
    FORMER_KEYS_VARIABLE,
    KEY_VARIABLE,
    LedgerKeys,
    signing_key_id,
)

UNVERIFIED = "unverified"
"""In the details of an event `signed`: why the signatures of the entries before it were not verified."""
_RESTORE = (
    "restore the ledger and MLflow's store from a backup; `mlops audit {project}` lists all differences. If "
    "you have verified the ledger by other means: mlops sign {project} --unverified --reason …"
)


@dataclass(frozen=True)
class SignatureError:
    """What is wrong with the signatures of a ledger, and what to do; `{project}` stands for its name."""

    message: str
    hint: str


def signature_errors(project: str, entries: Sequence[Entry], keys: LedgerKeys) -> list[SignatureError]:
    """Verify the signatures of a ledger; empty if all is as the keys of this process require.

    The last entry must be signed with a known key: its hash covers all entries before. It covers those before
    the first signature, those with a key that is not known any more, and those that a person signed anew.
    """
    signed = [entry for entry in entries if entry.signature]
    if not entries or (not signed and keys.current is None):
        return []
    if not signed:
        return [
            SignatureError(
                f"the ledger is not signed, and {KEY_VARIABLE} is set",
                "if it was never signed, verify it with `mlops audit {project}`, and sign it: mlops sign "
                "{project} --reason …. If it was signed, ledger and MLflow were rewritten: restore both from "
                "a backup",
            )
        ]
    if keys.current is None:
        return [
            SignatureError(
                f"the ledger is signed with the key {signing_key_id(signed[-1].signature)}, and "
                f"{KEY_VARIABLE} is not set",
                f"set {KEY_VARIABLE} in the environment of this process",
            )
        ]
    anew = [entry for entry in signed if _is_anew(entry)]
    return [*_errors(project, entries, (anew or signed)[-1 if anew else 0].sequence, keys)]


def signature_note(project: str, entries: Sequence[Entry], keys: LedgerKeys) -> str:
    """What the ledger can show with its signatures, or without any, a sentence."""
    head = f"{entries[-1].sequence}:{entries[-1].hash}"
    external = f"keep the last entry elsewhere and compare: mlops audit {project} --head {head}"
    signed = [entry for entry in entries if entry.signature]
    if not signed:
        return (
            "the ledger is not signed: a change of the ledger alone, or of MLflow alone, is detected; a "
            "change of both that agrees, or a return of both to an earlier state, is not. Set "
            f"{KEY_VARIABLE}, or {external}"
        )
    verified = "" if keys.current else ", which are not verified here"
    return (
        f"signatures{verified}: {'; '.join(_described(entries))}. A change of ledger and MLflow by someone "
        f"without the key is detected; a return of both to an earlier state is not, unless you {external}"
    )


def _described(entries: Sequence[Entry]) -> Iterator[str]:
    for key, group in groupby(entries, lambda entry: signing_key_id(entry.signature)):
        found = list(group)
        one = len(found) == 1
        place = (
            f"entry {found[0].sequence}" if one else f"entries {found[0].sequence} to {found[-1].sequence}"
        )
        yield f"{place} {'by the key ' + key if key else 'without one'}"


def unverified_notes(entries: Sequence[Entry]) -> Iterator[str]:
    """A note for each time that a ledger was signed although the entries before it could not be verified."""
    for entry in filter(_is_anew, entries):
        yield (
            f"entry {entry.sequence}: {entry.event.actor} signed the ledger although "
            f"{entry.event.details[UNVERIFIED]}: {entry.event.reason}"
        )


def _is_anew(entry: Entry) -> bool:
    return entry.event.kind == "signed" and UNVERIFIED in entry.event.details


def _errors(project: str, entries: Sequence[Entry], first: int, keys: LedgerKeys) -> Iterator[SignatureError]:
    last = entries[-1]
    for entry in entries:
        if entry.sequence < first:
            continue
        if not entry.signature:
            yield SignatureError(
                f"ledger entry {entry.sequence} is not signed, unlike those before it", _RESTORE
            )
        elif keys.knows(entry.signature):
            if not keys.verifies(entry.signature, project, entry.sequence, entry.hash):
                yield SignatureError(
                    f"the signature of ledger entry {entry.sequence} does not match: it was not made with "
                    f"the key {signing_key_id(entry.signature)}",
                    _RESTORE,
                )
        elif entry is last:
            yield SignatureError(
                f"the last entry of the ledger is signed with the key {signing_key_id(entry.signature)}, and "
                f"{KEY_VARIABLE} is the key {keys.current_id}",
                f"set {KEY_VARIABLE} to the key of the ledger. To replace it, set {FORMER_KEYS_VARIABLE} to "
                "it, and run `mlops sign {project} --reason …`; if it is lost, add --unverified",
            )
