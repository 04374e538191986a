"""Replacement of a ledger that was lost, with the versions and the champion that the registry has."""

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets.stores.governance.ledger.review import ANCHOR, HEAD, LOST_LEDGER, anchors
from mlops_assets.stores.governance.ledger.state import LedgerState
from mlops_assets.stores.tracking.registry import Registry, Version


def replace_lost_ledger(
    champion_ledger: ChampionLedger, actor: str, reason: str, dagster_run_id: str = ""
) -> LedgerState:
    """Start a new ledger in place of one that was lost. The caller holds the lock.

    The hashes of the lost entries stay in the registry under other names, and the last of them in the first
    event of the new ledger. Which versions were rejected, or champion before, is lost.

    Raises
    ------
    StoreError
        If there is a ledger, or there never was one.
    """
    registry, project = champion_ledger.registry, champion_ledger.project
    if champion_ledger.ledger.warehouse.exists(champion_ledger.ledger.table):
        raise StoreError(
            f"{project}: the ledger exists and is not replaced",
            hint=f"run `mlops audit {project}` for its errors, and restore it from a backup",
        )
    tags = registry.get_model_tags(project)
    if anchored := [version for version in registry.versions(project) if anchors(version)]:
        sequence, last_hash = max(anchor for version in anchored for anchor in anchors(version).items())
        lost = tags.get(HEAD) or f"{sequence}:{last_hash}"  # the tag may have been removed
        registry.set_model_tags(project, {LOST_LEDGER: lost})
        for version in anchored:
            _rename_anchors(registry, version, lost)
    elif LOST_LEDGER not in tags:
        raise StoreError(
            f"{project}: there was no ledger that could be lost",
            hint="a ledger is started automatically with the first version",
        )
    registry.set_model_tags(project, {HEAD: ""})
    return champion_ledger.start(actor, reason, dagster_run_id)


def _rename_anchors(registry: Registry, version: Version, head: str) -> None:
    """Keep a version's hashes of the lost ledger under names that the new ledger does not use."""
    prefix, recorded = f"{LOST_LEDGER}.{head.partition(':')[2][:8]}", anchors(version)
    kept = {f"{prefix}.{sequence}": value for sequence, value in recorded.items()}
    registry.set_version_tags(version.name, version.version, kept)
    registry.delete_version_tags(
        version.name, version.version, [f"{ANCHOR}{sequence}" for sequence in recorded]
    )
