"""Governing: versions are brought to their gates, and people's words become moves of the champion.

All of it is called within a turn of the project's governance.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.promotion.gates import failures, judge
from mlops_assets.components.model_project.settings.base import public_settings
from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import TrackingError

if TYPE_CHECKING:
    from mlops_assets.stores.governance.champion_ledger import Governance
    from mlops_assets.stores.governance.ledger import Event, Kind
    from mlops_assets.stores.governance.ledger_state import Standing
    from mlops_assets.stores.tracking.registry import Version
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.tracking.trained_model import TrainedModel
    from mlops_assets.stores.warehouse.warehouse import Warehouse


class Word(StrEnum):
    """What a person can say of a version; Dagster spells it by its name."""

    approve = "approve"
    reject = "reject"
    rollback = "rollback"
    retire = "retire"
    adopt = "adopt"


VERDICTS, AGAINST, RULES = "gates", "against", "rules"
"""In the details of a verdict: each gate's, the version that served then, a digest of what was declared."""
PAST: dict[str, str] = {
    "registered": "registered",
    "gated": "passed",
    "approved": "approved",
    "rejected": "rejected",
    "promoted": "promoted",
    "rolled_back": "brought back",
    "retired": "retired",
    "expired": "removed the files of",
}
_ORIGIN = (
    *("training_set_version", "training_set_digest", "inputs", "code_version", "cutoff"),
    *("model_manifest", "judged_manifest", "git_commit"),
)


@dataclass(frozen=True)
class Said:
    """Who says so, and why.

    Attributes
    ----------
    dagster_run_id
        The run in which it is said.
    """

    actor: str
    reason: str
    dagster_run_id: str

    def of(self, kind: "Kind", before: "Event") -> "Event":
        """What happened by this word to the version of an event before."""
        return replace(
            before,
            kind=kind,
            actor=self.actor,
            reason=self.reason,
            details={},
            dagster_run_id=self.dagster_run_id,
        )

    def event(self, kind: "Kind", version: "Version", **details: Any) -> "Event":
        """What happened to a version by this word."""
        from mlops_assets.stores.governance.ledger import Event

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


def project_governance(project: Project, warehouse: "Warehouse", tracking: "TrackingStore") -> "Governance":
    """Ledger and registry of a project."""
    from mlops_assets.stores.governance.champion_ledger import Governance
    from mlops_assets.stores.governance.ledger import Ledger

    return Governance(Ledger(warehouse, project.name), tracking.registry)


def bring_to_gates(
    project: Project,
    warehouse: "Warehouse",
    tracking: "TrackingStore",
    version: "Version",
    trained: "TrainedModel",
    dagster_run_id: str,
) -> list[dict[str, Any]]:
    """The gates' verdicts on a version.

    It is judged when it is new, when another version serves by now, and when other gates are declared. What a
    person has decided, and what has served, is not judged again.
    """
    from mlops_assets.stores.governance.ledger import GATES

    governance = project_governance(project, warehouse, tracking)
    standing, champion = governance.repaired(), tracking.registry.champion(project.name)
    situation = {AGAINST: champion.version if champion else None, RULES: _rules(project)}
    judged = standing.judged.get(version.version)
    if version.version in standing.states and standing.states[version.version] != "registered":
        decided = standing.last[version.version] is not judged
        if judged is None or decided or situation.items() <= judged.event.details.items():
            return list(judged.event.details[VERDICTS]) if judged else []
    verdicts = judge(project, tracking, warehouse, version, trained, champion)
    failed = failures(verdicts)
    said = Said(GATES, failed or "; ".join(verdict["told"] for verdict in verdicts), dagster_run_id)
    events = [said.event("rejected" if failed else "gated", version, **{VERDICTS: verdicts}, **situation)]
    if version.version not in standing.states:
        registered = Said(_run(dagster_run_id), "trained and evaluated", dagster_run_id)
        events.insert(0, registered.event("registered", version, **_origin(version)))
    governance.record(*events)
    return verdicts


def promote(
    governance: "Governance",
    standing: "Standing",
    version: "Version",
    said: Said,
    kind: "Kind",
    **details: Any,
) -> "Standing":
    """Make a version the champion; the one before it is retired.

    Parameters
    ----------
    kind
        `promoted`, `approved`, which promotes by a person's word, or `rolled_back`.
    details
        Of the approval.
    """
    events = [said.event("approved", version, **details)] if kind == "approved" else []
    if standing.champion is not None and standing.champion != version.version:
        followed = replace(said, reason=f"version {version.version} serves")
        events.append(followed.of("retired", standing.last[standing.champion].event))
    events.append(said.event("rolled_back" if kind == "rolled_back" else "promoted", version))
    return governance.record(*events)


def spoken_of(
    project: Project, standing: "Standing", word: Word, version: int | None, *, against_gates: bool = False
) -> int:
    """The version that a word is about, after it was found that it can be said of it.

    Parameters
    ----------
    version
        By default the newest that waits; to go back to, the champion before this one; to retire, the
        champion.

    Raises
    ------
    TrackingError
        When there is no such version, or the word does not fit where it stands.
    """
    if version is None:
        version = _usual(project, standing, word)
    state, name = standing.states.get(version), f"{project.name}: version {version}"
    if state is None:
        known = ", ".join(map(str, sorted(standing.states)))
        raise TrackingError(
            f"{name} is not in the ledger",
            hint=f"it knows {known or 'none yet'}; mlops history {project.name}",
        )
    refuse_expired(project, standing, version)
    match word:
        case "rollback" if version == standing.champion:
            raise TrackingError(f"{name} is the champion already", hint="name an earlier one with --to")
        case "rollback" if version not in standing.were_champion:
            raise TrackingError(
                f"{name} never was champion", hint=f"those were {_listed(standing.were_champion)}"
            )
        case "retire" if version != standing.champion:
            raise TrackingError(f"{name} is not the champion", hint="only the champion can be retired")
        case "approve" if state == "rejected" and standing.last[version] is standing.judged.get(version):
            if not against_gates:
                raise TrackingError(
                    f"{name} failed its gates: {standing.last[version].event.reason}",
                    hint="approve it all the same with --against-gates; the ledger will tell",
                )
        case "approve" | "reject" if state != "waiting":
            last = standing.last[version].event
            raise TrackingError(
                f"{name} does not wait for approval: {last.actor} {PAST[last.kind]} it ({last.reason})",
                hint=f"waiting are {_listed(standing.waiting)}",
            )
    return version


def refuse_expired(project: Project, standing: "Standing", version: int) -> None:
    """Raise for a version of which the files were removed by rule: it can't serve, or be rebuilt, any more.

    Raises
    ------
    TrackingError
        When that is so.
    """
    if standing.states.get(version) == "expired":
        raise TrackingError(
            f"{project.name}: version {version} has expired: {standing.last[version].event.reason}",
            hint=f"train its like again: mlops run {project.name} --force; `retention.rejected_days` in "
            "defs.yaml says how long the next ones stay",
        )


def _usual(project: Project, standing: "Standing", word: Word) -> int:
    found = {
        "rollback": standing.before_champion,
        "retire": standing.champion,
    }.get(word, standing.waiting[-1] if standing.waiting else None)
    if found is None:
        told = {
            "rollback": "no version was champion before this one",
            "retire": "no version is champion",
        }.get(word, "no version waits for approval")
        raise TrackingError(f"{project.name}: {told}", hint=f"mlops history {project.name} tells what was")
    return found


def _rules(project: Project) -> str:
    settings = project.settings
    metric = settings.tuning.metric_for(settings.task)
    return text_digest(public_settings(settings.gates), metric)[:16]


def _origin(version: "Version") -> dict[str, str]:
    """What a version was made of, as the ledger keeps it."""
    metrics = {name: value for name, value in version.facts.items() if name.startswith("test_")}
    origin = {name: version.facts[name] for name in _ORIGIN if name in version.facts}
    return {**origin, **metrics, "uri": version.uri}


def _run(dagster_run_id: str) -> str:
    return f"dagster run {dagster_run_id[:8]}"


def _listed(versions: Any) -> str:
    return ", ".join(map(str, sorted(versions))) or "none"
