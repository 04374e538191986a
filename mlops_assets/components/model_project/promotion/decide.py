"""What becomes of the champion in this run: by what was trained, or by what a person says."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.promotion.transitions import (
    PAST,
    Said,
    Word,
    bring_to_gates,
    project_governance,
    promote,
    spoken_of,
)
from mlops_assets.core.errors import ProjectError

if TYPE_CHECKING:
    from mlops_assets.stores.governance.ledger import Kind
    from mlops_assets.stores.tracking.registry import Version
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.warehouse import Warehouse


class ChampionConfig(dg.Config):
    """What a person may say; without a word, the version of this run is promoted if it deserves it."""

    word: Word | None = Field(
        default=None,
        description="`approve` or `reject` a version, `rollback` to one, `retire` the champion, or `adopt` "
        "what MLflow has after the ledger was lost.",
    )
    version: int | None = Field(
        default=None,
        ge=1,
        description="By default the newest that waits; to go back to, the champion before this one.",
    )
    reason: str = Field(default="", max_length=1_000, description="Why; the ledger keeps it.")
    actor: str = Field(default="", description="Who says so; the ledger keeps it.")
    against_gates: bool = Field(default=False, description="Approve a version that failed its gates.")


@dataclass(frozen=True)
class Decision:
    """What is to be done, and why.

    Attributes
    ----------
    newest
        The version that is decided about, or the newest one where a person speaks of an older; None where
        somebody deleted them all.
    candidate
        Who would serve.
    move
        Makes the move.
    """

    reason: str
    newest: "Version | None"
    candidate: "Version | None" = None
    move: Callable[[], object] | None = None


def decide(
    context: dg.AssetExecutionContext,
    project: Project,
    config: ChampionConfig,
    tracking: "TrackingStore",
    warehouse: "Warehouse",
) -> Decision:
    """What is to be done in this run; the caller holds the turn, and makes the move.

    Raises
    ------
    ProjectError, TrackingError
        When a person's word lacks a reason, or does not fit where the version stands.
    """
    if config.word:
        return _by_word(context, project, config, config.word, tracking, warehouse)
    governance, run_id = project_governance(project, warehouse, tracking), context.run.run_id
    cutoff = context.partition_key if context.has_partition_key else None
    trained = tracking.trained_model(project.name, dagster_run_id=run_id, cutoff=cutoff)
    challenger = tracking.registry.version_of(project.name, trained.run_id)
    number = challenger.version
    bring_to_gates(project, warehouse, tracking, challenger, trained, run_id)
    standing = governance.repaired()
    last = standing.last[number].event
    if standing.states[number] == "champion":
        return Decision(f"version {number} is the champion already", challenger)
    if standing.states[number] != "waiting":
        return Decision(f"version {number} was {PAST[last.kind]} by {last.actor}: {last.reason}", challenger)
    if project.settings.approval.required or standing.held:
        asked = (
            "approval is required" if project.settings.approval.required else "a rollback holds the champion"
        )
        told = f"version {number} waits for approval, because {asked}: mlops approve {project.name} {number}"
        return Decision(told, challenger)
    said = Said(f"dagster run {run_id[:8]}", last.reason, run_id)
    return Decision(
        last.reason,
        challenger,
        challenger,
        lambda: promote(governance, standing, challenger, said, "promoted"),
    )


def _by_word(
    context: dg.AssetExecutionContext,
    project: Project,
    config: ChampionConfig,
    word: Word,
    tracking: "TrackingStore",
    warehouse: "Warehouse",
) -> Decision:
    """What a person says, as a move."""
    if not config.reason.strip():
        raise ProjectError(f"{project.name}: {word} needs a reason", hint="the ledger keeps it; give one")
    governance = project_governance(project, warehouse, tracking)
    said = Said(
        config.actor or f"dagster run {context.run.run_id[:8]}", config.reason.strip(), context.run.run_id
    )
    ours = (one for one in tracking.registry.versions(project.name) if "model_digest" in one.facts)
    newest = next(ours, None)  # a version that somebody registered by hand is none of ours
    if word == "adopt":
        champion = governance.begin_anew(said.actor, said.reason, said.dagster_run_id).champion
        serves = "no version serves" if champion is None else f"version {champion} serves"
        return Decision(f"the ledger is begun anew by {said.actor}, {serves}: {said.reason}", newest)
    standing = governance.repaired(by_word=word in ("rollback", "retire"))
    number = spoken_of(project, standing, word, config.version, against_gates=config.against_gates)
    if word == "approve" and standing.states[number] == "waiting":
        # Another version may serve since it was judged, or other gates be declared.
        version = tracking.registry.version(project.name, number)
        trained = tracking.model_of_run(version.run_id)
        bring_to_gates(project, warehouse, tracking, version, trained, context.run.run_id)
        standing = governance.repaired()
        spoken_of(project, standing, word, number, against_gates=config.against_gates)
    told = f"version {number} is {PAST[_KINDS[word]]} by {said.actor}: {said.reason}"
    if word in ("reject", "retire"):  # of a version that somebody deleted, too
        governance.record(said.of(_KINDS[word], standing.last[number].event))
        return Decision(told, newest)
    version = tracking.registry.version(project.name, number)
    details = {"against_gates": True} if config.against_gates else {}
    return Decision(
        told,
        newest,
        version,
        lambda: promote(governance, standing, version, said, _KINDS[word], **details),
    )


_KINDS: "dict[str, Kind]" = {
    "approve": "approved",
    "reject": "rejected",
    "rollback": "rolled_back",
    "retire": "retired",
}
