"""The decision about the champion in a run: by the gates of the trained version, or by a person."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import dagster as dg
from pydantic import Field

from mlops_assets.components.model_project.project.declared_tables import declared_contract
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.promotion.challenge import (
    Challenge,
    challenge_evidence,
    start_challenge,
    stop_challenge,
)
from mlops_assets.components.model_project.promotion.gates import evaluate_gates
from mlops_assets.components.model_project.promotion.manual_decision import ManualDecision, resolve_version
from mlops_assets.components.model_project.promotion.transitions import (
    PAST,
    Attribution,
    deciding_actor,
    open_champion_ledger,
    promote,
    run_actor,
)
from mlops_assets.core.errors import ProjectError

if TYPE_CHECKING:
    from mlops_assets.stores.governance.champion_ledger import ChampionLedger
    from mlops_assets.stores.governance.ledger.entries import Kind
    from mlops_assets.stores.tracking.registry import RecordedVersion, Version
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.warehouse import Warehouse


_KINDS: "dict[str, Kind]" = {
    "approve": "approved",
    "reject": "rejected",
    "rollback": "rolled_back",
    "retire": "retired",
}


class ChampionConfig(dg.Config):
    """A manual decision; without one, the version of this run is promoted if it passes its gates."""

    decision: ManualDecision | None = Field(
        default=None,
        description="`approve` or `reject` a version, `rollback` to a former champion, `retire` the "
        "champion, `adopt` the champion of MLflow after the ledger was lost, let a version `challenge` the "
        "champion in the HTTP service, or `withdraw` the challenger.",
    )
    version: int | None = Field(
        default=None,
        ge=1,
        description="The version. Default: the newest one that is pending approval; of a rollback, the "
        "previous champion.",
    )
    reason: str = Field(
        default="", max_length=1_000, description="Why, recorded in the ledger. Required for a decision."
    )
    actor: str = Field(
        default="",
        description="Who decides, recorded in the ledger as claimed: nothing verifies the name. Default: the "
        "account of the `mlops` command, or the Dagster run.",
    )
    against_gates: bool = Field(default=False, description="Approve a version that failed its gates.")
    mode: Literal["canary", "shadow"] = Field(
        default="canary",
        description="Of a challenge: `canary` answers a share of the traffic, `shadow` is scored only.",
    )
    share: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Of a challenge: its share of the traffic. Default: 0.1, of a shadow 1.",
    )


@dataclass(frozen=True)
class Decision:
    """What a run does with the champion, and why.

    Attributes
    ----------
    reason
        Why, a sentence.
    newest
        The version that the run trained; of a manual decision the newest version. None if all were deleted.
    candidate
        The version that becomes the champion; None if the champion is unchanged or retired.
    move
        Makes the candidate the champion.
    """

    reason: str
    newest: "Version | None"
    candidate: "RecordedVersion | None" = None
    move: Callable[[], object] | None = None


def decide(
    context: dg.AssetExecutionContext,
    project: Project,
    config: ChampionConfig,
    tracking: "TrackingStore",
    warehouse: "Warehouse",
    serving: Path | None = None,
) -> Decision:
    """Decide about the champion. The caller holds the project's lock, and makes the move.

    Parameters
    ----------
    serving
        The folder of the HTTP service, whose statistics of a challenger are recorded with its approval.

    Raises
    ------
    ProjectError, TrackingError
        If a manual decision has no reason, or the status of the version does not allow it.
    """
    if config.decision:
        return _decide_manually(
            context.run.run_id, project, config, config.decision, tracking, warehouse, serving
        )
    champion_ledger, run_id = open_champion_ledger(project, warehouse, tracking), context.run.run_id
    cutoff = context.partition_key if context.has_partition_key else None
    trained = tracking.trained_model(project.name, dagster_run_id=run_id, cutoff=cutoff)
    challenger = tracking.registry.version_of(project.name, trained.run_id)
    number = challenger.version
    evaluate_gates(project, warehouse, tracking, challenger, trained, run_id)
    state = champion_ledger.recover()
    last = state.last[number].event
    if state.states[number] == "champion":
        return Decision(f"version {number} is already the champion", challenger)
    if state.states[number] != "pending":
        return Decision(f"version {number} was {PAST[last.kind]} by {last.actor}: {last.reason}", challenger)
    if project.settings.approval.required or state.on_hold:
        cause = (
            "the project requires approval"
            if project.settings.approval.required
            else "automatic promotion is on hold after a rollback"
        )
        return Decision(
            f"version {number} is pending approval, because {cause}: mlops approve {project.name} {number}",
            challenger,
        )
    attribution = Attribution(run_actor(run_id), last.reason, run_id)
    candidate = champion_ledger.recorded(challenger)
    return Decision(
        last.reason,
        challenger,
        candidate,
        lambda: promote(champion_ledger, state, candidate, attribution, "promoted"),
    )


def _decide_manually(
    run_id: str,
    project: Project,
    config: ChampionConfig,
    decision: ManualDecision,
    tracking: "TrackingStore",
    warehouse: "Warehouse",
    serving: Path | None,
) -> Decision:
    """Translate a manual decision into a move."""
    if not config.reason.strip():
        raise ProjectError(
            f"{project.name}: {decision} requires a reason", hint="the reason is recorded in the ledger"
        )
    champion_ledger = open_champion_ledger(project, warehouse, tracking)
    attribution = Attribution(deciding_actor(config.actor, run_id), config.reason.strip(), run_id)
    registered = (one for one in tracking.registry.versions(project.name) if "model_digest" in one.facts)
    newest = next(registered, None)  # versions that were registered outside of mlops_assets have no digest
    if decision == "adopt":
        return _adopt(champion_ledger, attribution, newest)
    if decision == "withdraw":
        return Decision(stop_challenge(champion_ledger, attribution, serving), newest)
    if decision == "challenge":
        contract = None if project.timeline else declared_contract(project, project.table)
        guardrails = project.settings.serving.canary.model_dump(mode="json")
        challenge = Challenge(config.version, config.mode, config.share, guardrails)
        return Decision(start_challenge(champion_ledger, tracking, contract, challenge, attribution), newest)
    state = champion_ledger.recover(ignore_alias=decision in ("rollback", "retire"))
    number = resolve_version(project, state, decision, config.version, against_gates=config.against_gates)
    if decision == "approve" and state.states[number] == "pending":
        # The champion or the declared gates may have changed since the gates were evaluated.
        version = tracking.registry.version(project.name, number)
        trained = tracking.model_of_run(version.run_id)
        evaluate_gates(project, warehouse, tracking, version, trained, run_id)
        state = champion_ledger.recover()
        resolve_version(project, state, decision, number, against_gates=config.against_gates)
    kind = _KINDS[decision]
    message = f"version {number} was {PAST[kind]} by {attribution.actor}: {attribution.reason}"
    if decision in ("reject", "retire"):  # possible even if the version was deleted from the registry
        champion_ledger.record(attribution.event_after(kind, state.last[number].event))
        return Decision(message, newest)
    version = champion_ledger.recorded(tracking.registry.version(project.name, number))
    evidence = challenge_evidence(project.name, state, number, serving) if decision == "approve" else {}
    details = {**({"against_gates": True} if config.against_gates else {}), **evidence}
    return Decision(
        message,
        newest,
        version,
        lambda: promote(champion_ledger, state, version, attribution, kind, **details),
    )


def _adopt(champion_ledger: "ChampionLedger", attribution: Attribution, newest: "Version | None") -> Decision:
    from mlops_assets.stores.governance.lost_ledger import replace_lost_ledger

    state = replace_lost_ledger(
        champion_ledger, attribution.actor, attribution.reason, attribution.dagster_run_id
    )
    champion = "there is no champion" if state.champion is None else f"version {state.champion} is champion"
    return Decision(
        f"a new ledger was started by {attribution.actor}, {champion}: {attribution.reason}", newest
    )
