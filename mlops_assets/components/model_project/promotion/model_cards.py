"""Model cards: one for each version, written when it is registered and after each of its transitions."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_assets.components.model_project.project.metadata_names import NUMBERS, SERVING_PERIODS
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.promotion.gates import GATE_RESULTS
from mlops_assets.components.model_project.promotion.transitions import open_champion_ledger
from mlops_assets.stores.tracking.trained_model import is_refitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_assets.ml.reports.model_card import ModelCard
    from mlops_assets.stores.governance.ledger.entries import Entry
    from mlops_assets.stores.governance.ledger.state import LedgerState
    from mlops_assets.stores.tracking.registry import Version
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.warehouse import Warehouse

CARDS = "model_cards"
"""Folder in the reports of the project."""
_CARD_SEQUENCE = "card"
"""Tag of a version: the last ledger entry that its card covers."""
_SILENT = ("forgotten", "signed")
"""Events after which a card stays as it is."""
_REPORT = "report"
_LINEAGE = {
    "training_set_digest": "training set, digest",
    "code_version": "code version",
    "git_commit": "git commit",
    "model_digest": "model digest",
    "evaluated_digest": "digest of the evaluated model",
    "dagster_run_id": "Dagster run",
}


def update_cards(project: Project, warehouse: "Warehouse", tracking: "TrackingStore", reports: str) -> None:
    """Write the cards of versions that have newer ledger entries than their card. The caller holds the lock.

    A run that was killed between a move and its cards leaves outdated cards, which the next call updates.

    Parameters
    ----------
    reports
        Folder of all reports.
    """
    from mlops_assets.stores.governance.ledger.state import LedgerState

    entries = open_champion_ledger(project, warehouse, tracking).ledger.entries()
    state = LedgerState.of(entries)
    for version in tracking.registry.versions(project.name):
        own = [e for e in entries if e.event.version == version.version and e.event.kind not in _SILENT]
        last = own[-1] if own else None
        if last is not None and version.facts.get(_CARD_SEQUENCE) != str(last.sequence):
            card = _collect(project, tracking, version, state, entries)
            _keep(tracking, version, card, Path(reports) / project.name / CARDS)
            tracking.registry.set_version_tags(
                project.name, version.version, {_CARD_SEQUENCE: str(last.sequence)}
            )


def _keep(tracking: "TrackingStore", version: "Version", card: "ModelCard", folder: Path) -> None:
    from mlops_assets.ml.reports.model_card import render_card, shortened
    from mlops_assets.stores.system.disk_errors import translated_disk_errors, write_atomically
    from mlops_assets.stores.tracking.run_artifacts import CARD, CARD_FILE, MOST_DESCRIPTION, write_texts

    text = render_card(card)
    with translated_disk_errors("the model card", folder):
        write_atomically(folder / f"version_{version.version}.md", text)
    write_texts(tracking, version.run_id, CARD, {CARD_FILE: text})
    short = shortened(text, MOST_DESCRIPTION, place=f"{CARD}/{CARD_FILE}")
    tracking.registry.set_description(version.name, version.version, short)


def _collect(
    project: Project,
    tracking: "TrackingStore",
    version: "Version",
    state: "LedgerState",
    entries: "Sequence[Entry]",
) -> "ModelCard":
    from mlops_assets.ml.reports.model_card import CardEvent, ModelCard

    settings, evaluation = project.settings, _evaluation(tracking, version)
    own = [entry for entry in entries if entry.event.version == version.version]
    gated = state.gate_entries.get(version.version)
    return ModelCard(
        project=project.name,
        version=version.version,
        state=state.states[version.version],
        description=evaluation.get("description", settings.description),
        task=settings.task,
        target=settings.target.column,
        intended_use=evaluation.get("intended_use", settings.intended_use),
        limits=evaluation.get("limits", settings.limits),
        owners=settings.owners,
        evaluation=evaluation,
        gates=gated.event.details[GATE_RESULTS] if gated else [],
        tables=_tables(version),
        lineage=_lineage(version),
        history=[CardEvent(e.at, e.event.kind, e.event.actor, e.event.reason) for e in own],
        refitted_on=_refitted_on(version),
    )


def _refitted_on(version: "Version") -> str:
    if not is_refitted(version.facts):
        return ""
    periods = json.loads(version.facts.get(SERVING_PERIODS, "[]"))
    return f"{periods[0]} to {periods[-1]}" if periods else "all labelled rows"


def _evaluation(tracking: "TrackingStore", version: "Version") -> dict[str, Any]:
    """The numbers of the evaluation report; empty of a version from outside of mlops_assets."""
    from mlops_assets.stores.tracking.run_artifacts import read_text

    text = read_text(tracking, version.run_id, f"{_REPORT}/{NUMBERS}")
    found: dict[str, Any] = json.loads(text) if text is not None else {}
    return found


def _tables(version: "Version") -> dict[str, str]:
    inputs = json.loads(version.facts.get("inputs", "{}"))
    own = {"training set": version.facts["training_set_version"]} if inputs else {}
    return {**{name: str(number) for name, number in inputs.items()}, **own}


def _lineage(version: "Version") -> dict[str, str]:
    found = {title: version.facts[name] for name, title in _LINEAGE.items() if name in version.facts}
    environment = json.loads(version.facts.get("environment", "{}"))
    packages = ", ".join(f"{name} {number}" for name, number in environment.items())
    return {**found, "MLflow run": version.run_id, **({"environment": packages} if packages else {})}
