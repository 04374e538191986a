"""Manual decisions: the version that each is about, and the status that it requires."""

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.promotion.transitions import PAST
from mlops_assets.core.errors import TrackingError

if TYPE_CHECKING:
    from mlops_assets.stores.governance.ledger.state import LedgerState


class ManualDecision(StrEnum):
    """What a person can decide about a version; run configuration contains the name."""

    approve = "approve"
    reject = "reject"
    rollback = "rollback"
    retire = "retire"
    adopt = "adopt"
    challenge = "challenge"
    withdraw = "withdraw"


def resolve_version(
    project: Project,
    state: "LedgerState",
    decision: ManualDecision,
    version: int | None,
    *,
    against_gates: bool = False,
) -> int:
    """The version that a manual decision is about, after its status was found to allow the decision.

    Parameters
    ----------
    project
        Only its name is used.
    state
        The state by the ledger.
    decision
        Any but `adopt`, and those about a challenger.
    version
        By default the newest version that is pending approval; of a rollback the previous champion; of a
        retirement the champion.
    against_gates
        Allow to approve a version that failed its gates.

    Raises
    ------
    TrackingError
        If there is no such version, or its status does not allow the decision.
    """
    if version is None:
        version = _default_version(project, state, decision)
    status, subject = state.states.get(version), f"{project.name}: version {version}"
    if status is None:
        raise TrackingError(
            f"{subject} is not in the ledger",
            hint=f"choose one of {_listed(state.states)}; see `mlops history {project.name}`",
        )
    _require_not_expired(project, state, version)
    match decision:
        case "rollback" if version == state.champion:
            raise TrackingError(f"{subject} is already the champion", hint="name a former one with --to")
        case "rollback" if version not in state.ever_champion:
            raise TrackingError(
                f"{subject} never was the champion", hint=f"choose one of {_listed(state.ever_champion)}"
            )
        case "retire" if version != state.champion:
            raise TrackingError(f"{subject} is not the champion", hint="only the champion can be retired")
        case "approve" if status == "rejected" and state.last[version] is state.gate_entries.get(version):
            if not against_gates:
                raise TrackingError(
                    f"{subject} failed its gates: {state.last[version].event.reason}",
                    hint="to approve it nevertheless, use --against-gates; the ledger records that",
                )
        case "approve" | "reject" if status != "pending":
            last = state.last[version].event
            raise TrackingError(
                f"{subject} is not pending approval: {last.actor} {PAST[last.kind]} it ({last.reason})",
                hint=f"pending are {_listed(state.pending)}",
            )
    return version


def _require_not_expired(project: Project, state: "LedgerState", version: int) -> None:
    """Reject a version whose files the retention rule removed.

    Raises
    ------
    TrackingError
        If it has expired.
    """
    if state.states.get(version) == "expired":
        raise TrackingError(
            f"{project.name}: version {version} has expired: {state.last[version].event.reason}",
            hint=f"train a new version: mlops run {project.name} --force. Set `retention.rejected_days` in "
            "defs.yaml to keep rejected versions longer",
        )


def _default_version(project: Project, state: "LedgerState", decision: ManualDecision) -> int:
    found, missing = state.pending[-1] if state.pending else None, "no version is pending approval"
    if decision == "rollback":
        found, missing = state.previous_champion, "there is no previous champion"
    elif decision == "retire":
        found, missing = state.champion, "there is no champion"
    if found is None:
        raise TrackingError(f"{project.name}: {missing}", hint=f"see `mlops history {project.name}`")
    return found


def _listed(versions: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(versions))) or "none"
