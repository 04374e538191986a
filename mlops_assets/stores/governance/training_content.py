"""The rows that versions were trained on, compared with the digests that the ledger records.

A commit of a training set may state that its content was another one before rows of a forgotten entity were
removed. Who can write the warehouse can write that, too: only the ledger's events `forgotten` vouch for it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_assets.core import names
from mlops_assets.core.errors import MlopsError
from mlops_assets.stores.governance.ledger.entries import Entry
from mlops_assets.stores.governance.recorded_versions import registration
from mlops_assets.stores.warehouse.warehouse import Warehouse


def training_set_error(
    warehouse: Warehouse, project: str, number: int, entries: Sequence[Entry]
) -> str | None:
    """What is wrong with the training set of a version; None if it is as recorded, or does not exist.

    The content is that of the names of its files; `audit_tables` compares these with the bytes.

    Parameters
    ----------
    entries
        All entries of the ledger of the project.
    """
    registered = registration(number, entries)
    details: Mapping[str, Any] = registered.event.details if registered else {}
    table = tuple(names.project_asset(project, names.TRAINING_SET))
    if "training_set_digest" not in details or not warehouse.exists(table):
        return None
    version, recorded = int(details["training_set_version"]), str(details["training_set_digest"])
    try:
        if version > warehouse.version(table):
            return None
        found = warehouse.digest(table, partition=details.get("cutoff"), version=version)
    except MlopsError as error:
        return f"its training set can't be read: {error.message}"
    if found in {recorded} | _after_removals(recorded, entries):
        return None
    return (
        f"version {version} of its training set has other rows than it was trained on (digest {found[:12]}, "
        f"and the ledger has {recorded[:12]}), and the ledger has no removal of a forgotten entity that "
        "explains it"
    )


def _after_removals(digest: str, entries: Sequence[Entry]) -> set[str]:
    """The digests that a training set can have after removals of entities, by the ledger.

    A removal that was interrupted is recorded when it is finished, which may be after a later removal.
    """
    successors: dict[str, set[str]] = {}
    for entry in entries:
        if entry.event.kind == "forgotten":
            removed = entry.event.details.get("tables", {}).get(names.TRAINING_SET, {})
            for before, after in removed.get("digests", {}).items():
                successors.setdefault(before, set()).add(after)
    found: set[str] = set()
    remaining = [digest]
    while remaining:
        following = successors.get(remaining.pop(), set()) - found
        found |= following
        remaining.extend(following)
    return found
