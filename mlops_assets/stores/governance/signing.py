"""The decision of a person to sign a ledger: its first signature, and a change of the key."""

from dataclasses import replace

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets.stores.governance.ledger.entries import Entry
from mlops_assets.stores.governance.ledger.keys import FORMER_KEYS_VARIABLE, KEY_VARIABLE, signing_key_id
from mlops_assets.stores.governance.ledger.signatures import UNVERIFIED


def sign_ledger(champion_ledger: ChampionLedger, actor: str, reason: str, *, unverified: bool = False) -> str:
    """Append an event `signed`, whose signature covers all entries before. The caller holds the lock.

    Parameters
    ----------
    unverified
        Sign although the signatures of earlier entries cannot be verified, for example because their key is
        lost. The ledger records it.

    Returns
    -------
    What was done, a sentence.

    Raises
    ------
    StoreError
        If there is no key, ledger and registry disagree, signatures do not match, or nothing is to be signed.
    """
    keys, project = champion_ledger.keys, champion_ledger.project
    if keys.current is None:
        raise StoreError(
            f"{project}: {KEY_VARIABLE} is not set", hint="generate a key, for example: openssl rand -hex 32"
        )
    review = champion_ledger.review()
    if found := [*review.errors, *([review.alias_error] if review.alias_error else [])]:
        raise StoreError(
            f"{project}: the ledger was not signed, because it and MLflow disagree: {'; '.join(found[:3])}",
            hint=f"run `mlops audit {project}` for all differences, and restore what was changed",
        )
    entries = review.entries
    if not entries:
        return _start(champion_ledger, actor, reason)
    details = {"key": keys.current_id}
    if any(entry.signature for entry in entries):
        details |= _require_new_key(champion_ledger, entries, unverified=unverified)
    event = replace(
        entries[-1].event, kind="signed", actor=actor, reason=reason, details=details, dagster_run_id=""
    )
    champion_ledger.complete(review)
    champion_ledger.append(entries, [event])
    return f"the ledger of {project}, {len(entries) + 1} entries, is signed with the key {keys.current_id}"


def _start(champion_ledger: ChampionLedger, actor: str, reason: str) -> str:
    state = champion_ledger.start(actor, reason)
    if not state.states:
        raise StoreError(
            f"{champion_ledger.project}: there is no ledger yet",
            hint="nothing is to be done: the first version starts it, signed with the key",
        )
    return (
        f"the ledger of {champion_ledger.project} was started with version {state.champion}, the champion in "
        f"MLflow, and is signed with the key {champion_ledger.keys.current_id}"
    )


def _require_new_key(
    champion_ledger: ChampionLedger, entries: list[Entry], *, unverified: bool
) -> dict[str, str]:
    """The details of a signature after earlier ones: why these were not verified, if so."""
    keys, project = champion_ledger.keys, champion_ledger.project
    if errors := champion_ledger.signature_errors(entries):
        if not unverified:
            raise StoreError(f"{project}: {errors[0].message}", hint=errors[0].hint.format(project=project))
        return {UNVERIFIED: "; ".join(error.message for error in errors[:3])}
    if signing_key_id(entries[-1].signature) == keys.current_id:
        raise StoreError(
            f"{project}: the ledger is already signed with the key {keys.current_id}",
            hint=f"to replace it, set {KEY_VARIABLE} to the new key and {FORMER_KEYS_VARIABLE} to this one",
        )
    return {}
