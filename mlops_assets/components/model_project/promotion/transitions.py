"""Transitions of versions: who made them and why, the events that record them, and the champion's promotion.

The callers hold the project's lock (`ChampionLedger.lock`).
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core.command_user import command_user
from mlops_assets.core.errors import ProjectError

if TYPE_CHECKING:
    from mlops_assets.stores.governance.champion_ledger import ChampionLedger
    from mlops_assets.stores.governance.ledger.entries import Event, Kind
    from mlops_assets.stores.governance.ledger.state import LedgerState
    from mlops_assets.stores.tracking.registry import RecordedVersion, Version
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.warehouse import Warehouse

_MAX_NAME = 200
CLAIMED = "claimed"
"""Mark of the name of an actor that is taken from the run configuration."""
PAST: dict[str, str] = {
    "registered": "registered",
    "gated": "passed",
    "approved": "approved",
    "rejected": "rejected",
    "promoted": "promoted",
    "rolled_back": "restored",
    "retired": "retired",
    "expired": "removed the files of",
    "forgotten": "removed training rows of",
    "signed": "signed",
    "challenged": "made the challenger",
    "withdrawn": "withdrew",
}
"""Past participles of the kinds of events, for messages."""


@dataclass(frozen=True)
class Attribution:
    """Who makes a transition, and why.

    Attributes
    ----------
    actor
        Account of the user of a command, `NAME (claimed, by …)` for a name that nothing verified, or for
        automatic transitions the gates or the Dagster run.
    reason
        A sentence.
    dagster_run_id
        The Dagster run of the transition.
    """

    actor: str
    reason: str
    dagster_run_id: str

    def event_after(self, kind: "Kind", before: "Event") -> "Event":
        """An event of the version of an earlier event; it does not need the version to be registered."""
        return replace(
            before,
            kind=kind,
            actor=self.actor,
            reason=self.reason,
            details={},
            dagster_run_id=self.dagster_run_id,
        )

    def event(self, kind: "Kind", version: "Version", **details: Any) -> "Event":
        """An event of a registered version."""
        from mlops_assets.stores.governance.ledger.entries import Event

        return Event(
            kind,
            version.version,
            self.actor,
            self.reason,
            version.facts.get("model_digest", ""),
            details,
            dagster_run_id=self.dagster_run_id,
            mlflow_run_id=version.run_id,
        )


def deciding_actor(claimed: str, dagster_run_id: str) -> str:
    """The actor of a manual decision.

    Parameters
    ----------
    claimed
        Name from the run configuration; it is recorded as claimed, whoever it is, also one of `gates`.

    Returns
    -------
    str
        `NAME (claimed, by ACCOUNT)` with the account of the command or the Dagster run that made the
        decision; without a name, that alone.

    Raises
    ------
    ProjectError
        When the name has line breaks or control characters, or is too long.
    """
    claimed, known = claimed.strip(), command_user() or run_actor(dagster_run_id)
    if not claimed.isprintable() or len(claimed) > _MAX_NAME:
        raise ProjectError(
            f"the actor {claimed[:_MAX_NAME]!r} can't be recorded",
            hint=f"use a name of at most {_MAX_NAME} printable characters on one line",
        )
    return f"{claimed} ({CLAIMED}, by {known})" if claimed else known


def run_actor(dagster_run_id: str) -> str:
    """The actor of transitions that a Dagster run makes."""
    return f"dagster run {dagster_run_id[:8]}"


def open_champion_ledger(
    project: Project, warehouse: "Warehouse", tracking: "TrackingStore"
) -> "ChampionLedger":
    """Ledger and registry of a project."""
    from mlops_assets.stores.governance.champion_ledger import ChampionLedger
    from mlops_assets.stores.governance.ledger.ledger import Ledger

    return ChampionLedger(Ledger(warehouse, project.name), tracking.registry)


def promote(
    champion_ledger: "ChampionLedger",
    state: "LedgerState",
    version: "RecordedVersion",
    attribution: Attribution,
    kind: "Kind",
    **details: Any,
) -> "LedgerState":
    """Make a version the champion, and retire the previous one.

    Parameters
    ----------
    kind
        `promoted` (automatic), `approved` (a promotion that a person decided) or `rolled_back`.
    details
        Details of the approval.
    """
    events = [attribution.event("approved", version, **details)] if kind == "approved" else []
    if state.champion is not None and state.champion != version.version:
        retirement = replace(attribution, reason=f"version {version.version} is the champion")
        events.append(retirement.event_after("retired", state.last[state.champion].event))
    events.append(attribution.event("rolled_back" if kind == "rolled_back" else "promoted", version))
    return champion_ledger.record(*events)
