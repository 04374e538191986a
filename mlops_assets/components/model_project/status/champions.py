"""The champion and the versions that are pending approval, by the ledger."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.metadata_names import NUMBERS
from mlops_assets.core.status.project import ChallengerStatus, ChampionStatus, PendingVersion

if TYPE_CHECKING:
    from mlops_assets.stores.governance.ledger.entries import Entry
    from mlops_assets.stores.governance.ledger.state import LedgerState

_MODEL = "model"
"""Name of the model beside its baselines in the numbers of an evaluation report."""


def champion_status(entries: "list[Entry]", state: "LedgerState", reports: Path) -> ChampionStatus | None:
    """The champion, who promoted and approved it, and its score at registration.

    Parameters
    ----------
    entries
        All entries of the project's ledger.
    state
        The state that follows from them.
    reports
        The folder of the project's evaluation reports, which have the score.
    """
    if state.champion is None:
        return None
    own = [entry for entry in entries if entry.event.version == state.champion]
    promoted = [entry for entry in own if entry.event.kind in ("promoted", "rolled_back")][-1]
    approvals = [entry for entry in own if entry.event.kind == "approved"]
    registered = next((entry for entry in own if entry.event.kind == "registered"), promoted)
    cutoff = registered.event.details.get("cutoff")
    metric, value, low, high = _score(reports / registered.event.mlflow_run_id / NUMBERS)
    return ChampionStatus(
        state.champion,
        promoted.at,
        registered.at,
        promoted.event.actor,
        promoted.event.reason,
        approvals[-1].event.actor if approvals else None,
        str(cutoff) if cutoff else None,
        metric,
        value,
        low,
        high,
    )


def challenger_status(state: "LedgerState") -> ChallengerStatus | None:
    """The challenger of the champion."""
    if (found := state.challenger) is None:
        return None
    return ChallengerStatus(found.version, found.mode, found.share, found.since, found.description)


def pending_versions(project: str, state: "LedgerState") -> tuple[PendingVersion, ...]:
    """The versions that are pending approval, with the command that approves them."""
    return tuple(
        PendingVersion(
            version, state.pending_since[version], f'mlops approve {project} {version} --reason "…"'
        )
        for version in state.pending
    )


def _score(file: Path) -> tuple[str | None, float | None, float | None, float | None]:
    """Primary metric, value and interval in the numbers of an evaluation report; None if it is not there."""
    try:
        numbers = json.loads(file.read_text("utf-8"))
        metric = str(numbers["metric"])
        low, high = numbers["intervals"][_MODEL]
        return metric, numbers["scores"][_MODEL][metric], low, high
    except (OSError, ValueError, KeyError, TypeError):  # removed by vacuum, or of another version
        return None, None, None, None
