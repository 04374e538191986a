"""Decisions about the challenger: the version that shadows the champion or takes a share of its traffic."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mlops_assets.components.model_project.promotion.transitions import PAST, Attribution
from mlops_assets.core.errors import ProjectError, TrackingError

if TYPE_CHECKING:
    from mlops_assets.ml.contracts.contract import Contract
    from mlops_assets.stores.governance.champion_ledger import ChampionLedger
    from mlops_assets.stores.governance.ledger.state import LedgerState
    from mlops_assets.stores.tracking.tracking import TrackingStore

SHARE = 0.1
"""Default of the share of the traffic of a canary."""
_ADMITTED = ("pending", "approved")
"""Statuses of versions that may answer requests."""


@dataclass(frozen=True)
class Challenge:
    """What a challenge starts with.

    Attributes
    ----------
    version
        By default the newest version that passed its gates.
    share
        Of the traffic; by default 0.1 of a canary, and all of a shadow.
    guardrails
        The settings `serving.canary`, which the ledger records.
    """

    version: int | None
    mode: Literal["shadow", "canary"]
    share: float | None
    guardrails: Mapping[str, Any]


def start_challenge(
    champion_ledger: "ChampionLedger",
    tracking: "TrackingStore",
    contract: "Contract | None",
    challenge: Challenge,
    attribution: Attribution,
) -> str:
    """Record that a version challenges the champion, and return a message. The caller holds the lock.

    Parameters
    ----------
    contract
        The contract of the table of a static project; None of an event project.

    Raises
    ------
    TrackingError
        When the status of the version does not allow it, or another version is the challenger.
    ProjectError
        When the version can't predict rows of the contract, or the share is invalid.
    """
    from mlops_assets.ml.scoring.input_contract import raw_input_contracts

    project, state = champion_ledger.project, champion_ledger.recover()
    number = resolve_challenger(project, state, challenge)
    share = (SHARE if challenge.mode == "canary" else 1.0) if challenge.share is None else challenge.share
    if not 0 < share <= 1 or (challenge.mode == "canary" and share == 1):
        raise ProjectError(
            f"{project}: the share {share:g} is not valid",
            hint="use a share above 0 and below 1, such as 0.1; of a shadow at most 1",
        )
    version = champion_ledger.recorded(tracking.registry.version(project, number))
    model = tracking.load(version)  # verifies its files
    if contract is not None:
        raw_input_contracts(contract, model.spec, number)
    if challenge.mode == "canary":
        _require_same_answers(champion_ledger, tracking, model.spec.output_types(), number)
    details = {"mode": challenge.mode, "share": share, "guardrails": dict(challenge.guardrails)}
    after = champion_ledger.record(attribution.event("challenged", version, **details))
    assert after.challenger is not None
    return f"{after.challenger.description}; the champion is version {after.champion}"


def _require_same_answers(
    champion_ledger: "ChampionLedger", tracking: "TrackingStore", columns: Mapping[str, type], number: int
) -> None:
    """Reject a version whose answers have other columns than those that clients receive today."""
    champion = champion_ledger.recorded_champion()
    assert champion is not None  # resolve_challenger requires one
    known = tracking.load(champion).spec.output_types()
    if known != columns:
        raise ProjectError(
            f"{champion_ledger.project}: version {number} answers {', '.join(columns)}, and version "
            f"{champion.version}, the champion, {', '.join(known)}",
            hint=f"shadow it: mlops canary start {champion_ledger.project} --version {number} --shadow; or "
            f"promote it: mlops approve {champion_ledger.project} {number} --reason …",
        )


def stop_challenge(
    champion_ledger: "ChampionLedger", attribution: Attribution, serving: Path | None = None
) -> str:
    """Record that the challenger is withdrawn, and return a message. The caller holds the lock.

    Parameters
    ----------
    serving
        The folder of the service, whose statistics the ledger records.

    Raises
    ------
    TrackingError
        When there is no challenger.
    """
    state = champion_ledger.recover(ignore_alias=True)
    challenger = require_challenger(champion_ledger.project, state)
    found = next(entry for entry in champion_ledger.ledger.entries() if entry.sequence == challenger.sequence)
    event = attribution.event_after("withdrawn", found.event)
    evidence = challenge_evidence(champion_ledger.project, state, challenger.version, serving)
    event.details.update({"challenge": challenger.sequence, **evidence})
    champion_ledger.record(event)
    return f"version {challenger.version} was withdrawn by {attribution.actor}: {attribution.reason}"


def challenge_evidence(
    project: str, state: "LedgerState", version: int, serving: Path | None
) -> dict[str, Any]:
    """The statistics of the challenge of a version, as details of an event; empty without any.

    Each service has its own; those of the newest report come first.
    """
    from mlops_assets.stores.governance.challenge_report import read_reports

    challenger = state.challenger
    if serving is None or challenger is None or challenger.version != version:
        return {}
    reports = read_reports(serving, project, challenger.sequence)
    if not reports:
        return {}
    others = {"other_services": reports[1:]} if len(reports) > 1 else {}
    return {challenger.mode: reports[0], **others}


def require_challenger(project: str, state: "LedgerState") -> Any:
    """The challenger.

    Raises
    ------
    TrackingError
        When there is none.
    """
    if state.challenger is None:
        raise TrackingError(
            f"{project}: no version challenges the champion", hint=f"start one: mlops canary start {project}"
        )
    return state.challenger


def resolve_challenger(project: str, state: "LedgerState", challenge: Challenge) -> int:
    """The version that a challenge is about, after its status was found to allow it.

    Raises
    ------
    TrackingError
        When there is no such version, or its status or another challenge does not allow it.
    """
    if state.champion is None:
        raise TrackingError(
            f"{project}: there is no champion to compare a version with",
            hint=f"promote a version first: mlops history {project}",
        )
    if state.challenger is not None:
        raise TrackingError(
            f"{project}: {state.challenger.description}, since {state.challenger.since:%Y-%m-%d %H:%M} UTC",
            hint=f'stop it first: mlops canary stop {project} --reason "…"',
        )
    admitted = sorted(version for version, status in state.states.items() if status in _ADMITTED)
    version = challenge.version if challenge.version is not None or not admitted else admitted[-1]
    if version is None:
        raise TrackingError(
            f"{project}: no version passed its gates and is not the champion",
            hint=f"train one: mlops run {project}; or shadow another one: mlops canary start {project} "
            "--shadow --version VERSION",
        )
    status, subject = state.states.get(version), f"{project}: version {version}"
    last = state.last[version].event if version in state.last else None
    if status is None or last is None:
        listed = ", ".join(map(str, sorted(state.states)))
        raise TrackingError(f"{subject} is not in the ledger", hint=f"choose one of {listed}")
    if status == "champion":
        raise TrackingError(f"{subject} is the champion", hint=f"choose another one: mlops history {project}")
    if status == "expired":
        raise TrackingError(
            f"{subject} has expired: {last.reason}", hint=f"choose another one: mlops history {project}"
        )
    if challenge.mode == "canary" and status not in _ADMITTED:
        way = f"mlops rollback {project} --to {version}; " if status == "retired" else ""
        raise TrackingError(
            f"{subject} may not answer requests: {last.actor} {PAST[last.kind]} it ({last.reason})",
            hint=f"{way}shadow it, which answers no request: mlops canary start {project} --version "
            f"{version} --shadow",
        )
    return version
