"""Comparison of a project's ledger with the registry: hashes of entries, last entry and champion alias.

An interrupted move leaves a difference that `ChampionLedger.recover` completes. Every other difference means
that the ledger, the registry or the alias was changed by something else.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mlops_assets.stores.governance.ledger.entries import Entry, chain_errors
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.governance.ledger.state import LedgerState
from mlops_assets.stores.tracking.registry import Registry, Version

HEAD = "ledger_head"
"""Tag of a registered model: the last entry of its ledger, `sequence:hash`."""
ANCHOR = "ledger."
"""Prefix of the tags of a version that hold the hashes of its entries, by sequence."""
LOST_LEDGER = "lost_ledger"
"""Tag of a registered model, and detail of the first event of its ledger: the last entry of a ledger that was
lost, `sequence:hash`. Prefix of the tags of a version that hold the hashes of its entries in that ledger."""


@dataclass(frozen=True)
class Review:
    """The result of a comparison.

    Attributes
    ----------
    entries
        All entries of the ledger.
    state
        The state that follows from them.
    errors
        Differences that no interrupted move explains, a message each.
    alias_error
        The same of the champion alias; a manual decision about the champion corrects it.
    unfinished
        Entries of an interrupted move: the registry does not have their hashes yet.
    append_missing
        Whether the registry announces entries of an interrupted move that were never appended.
    """

    entries: list[Entry]
    state: LedgerState
    errors: list[str]
    alias_error: str | None
    unfinished: list[Entry]
    append_missing: bool


def compare_with_registry(ledger: Ledger, registry: Registry) -> Review:
    """Compare a ledger with the registry; nothing is changed."""
    entries = ledger.entries()
    state = LedgerState.of(entries)
    versions = {version.version: version for version in registry.versions(ledger.project)}
    errors = chain_errors(entries)
    unfinished, differing = _compare_anchors(entries, versions)
    announced = registry.get_model_tags(ledger.project).get(HEAD, "")
    if differing and not entries:
        differing = [f"the ledger is missing; the registry recorded {head_sequence(announced)} entries"]
    errors += differing
    append_missing = False
    if announced != head_of(entries) and (entries or not differing):
        append_missing = head_sequence(announced) > len(entries) and not differing
        if not append_missing:
            errors.append(
                f"the last entry of the ledger is {head_of(entries) or 'missing'}, and the registry recorded "
                f"{announced or 'none'}"
            )
    champion = registry.champion(ledger.project)
    alias = champion.version if champion else None
    alias_error = None if unfinished else _alias_error(state, alias, versions)
    return Review(entries, state, errors, alias_error, unfinished, append_missing)


def anchors(version: Version) -> dict[int, str]:
    """The hashes of entries that the registry holds for a version, by sequence."""
    found = {
        name.removeprefix(ANCHOR): value for name, value in version.facts.items() if name.startswith(ANCHOR)
    }
    return {int(sequence): value for sequence, value in found.items()}


def head_of(entries: Sequence[Entry]) -> str:
    """The last entry as the registry records it, `sequence:hash`; empty without entries."""
    return f"{entries[-1].sequence}:{entries[-1].hash}" if entries else ""


def head_sequence(head: str) -> int:
    """The sequence of a recorded last entry; 0 without one."""
    return int(head.partition(":")[0] or 0)


def _compare_anchors(entries: Sequence[Entry], versions: dict[int, Version]) -> tuple[list[Entry], list[str]]:
    """Entries whose hash the registry lacks, and messages about hashes that differ.

    Only the hashes of the newest entries can be missing because of an interrupted move. The hashes of a
    deleted version are deleted with it; `mlops audit` reports that version.
    """
    recorded = {
        sequence: (version.version, value)
        for version in versions.values()
        for sequence, value in anchors(version).items()
    }
    missing: list[Entry] = []
    errors: list[str] = []
    for entry in entries:
        version, value = recorded.pop(entry.sequence, (None, None))
        if version is None:
            if entry.event.version in versions:
                missing.append(entry)
        elif (version, value) != (entry.event.version, entry.hash):
            errors.append(
                f"ledger entry {entry.sequence} differs from the one that the registry recorded for version "
                f"{version}"
            )
        elif missing:
            errors.append(f"ledger entry {missing[0].sequence} is not recorded in the registry")
            missing.clear()
    errors += [
        f"ledger entry {sequence}, of version {version}, is missing"
        for sequence, (version, _) in sorted(recorded.items())
    ]
    return missing, errors


def _alias_error(state: LedgerState, alias: int | None, versions: Collection[int]) -> str | None:
    if alias == state.champion or not state.states:
        return None
    if state.champion is not None and state.champion not in versions:
        return (
            f"version {state.champion}, the champion by the ledger, was deleted from the registry; the alias "
            f"points to {_describe(alias)}"
        )
    return (
        f"the alias points to {_describe(alias)}, but the champion by the ledger is "
        f"{_describe(state.champion)}: the alias was moved outside of mlops_assets"
    )


def _describe(version: int | None) -> str:
    return "no version" if version is None else f"version {version}"
