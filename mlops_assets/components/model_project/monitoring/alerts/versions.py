"""Versions of the model: pending approvals, decisions about the champion, and decisions to train again."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from mlops_assets.components.model_project.monitoring.alerts.evaluation import Evaluation
from mlops_assets.components.resources import WarehouseResource
from mlops_assets.core import names
from mlops_assets.stores.alerts.alert import Condition, Kind
from mlops_assets.stores.governance.pending_versions import describe_pending

_REPORTED = {
    "promoted": "is the champion",
    "rolled_back": "is the champion again, after a rollback",
    "retired": "is retired",
    "rejected": "was rejected",
    "challenged": "challenges the champion",
    "withdrawn": "was withdrawn as challenger",
}
_TRAIN = "train"


def versions(evaluation: Evaluation, warehouse: WarehouseResource) -> Iterator[Condition]:
    """Yield a condition for each version that is pending approval, and an event for each decision."""
    from mlops_assets.stores.governance.ledger.entries import GUARDRAILS
    from mlops_assets.stores.governance.ledger.ledger import Ledger
    from mlops_assets.stores.governance.ledger.state import LedgerState

    name, settings = evaluation.project.name, evaluation.project.settings
    entries = Ledger(warehouse.store, name).entries()
    state = LedgerState.of(entries)
    if settings.approval.required or state.on_hold:
        for version, text in zip(state.pending, describe_pending(name, state), strict=True):
            yield Condition(
                key=f"approval:{version}",
                kind="approval",
                severity=evaluation.severity("approval"),
                title=f"version {version} is pending approval",
                detail=text,
                asset=evaluation.project.key(names.REGISTERED_MODEL).to_user_string(),
                report=evaluation.evaluation_page,
            )
    known = evaluation.observations.position("ledger")
    for entry in entries if known is not None else ():
        # The champion before is retired by the promotion of another one, which is reported.
        replaced = entry.event.kind == "retired" and state.champion is not None
        if entry.sequence > known and entry.event.kind in _REPORTED and not replaced:
            kind: Kind = "canary" if entry.event.actor == GUARDRAILS else "promotion"
            yield Condition(
                key=f"{kind}:{entry.sequence}:{entry.hash[:12]}",
                kind=kind,
                severity=evaluation.severity(kind),
                title=f"version {entry.event.version} {_REPORTED[entry.event.kind]}",
                detail=entry.event.reason,
                asset=evaluation.project.key(names.CHAMPION).to_user_string(),
                run_id=entry.event.dagster_run_id or None,
                is_event=True,
            )
    evaluation.positions["ledger"] = entries[-1].sequence if entries else -1


def retraining(evaluation: Evaluation) -> Iterator[Condition]:
    """Yield an event for each decision to train again."""
    key = evaluation.project.key(names.RETRAINING)
    if key not in evaluation.keys:
        return
    known = evaluation.observations.position("retraining")
    newest = evaluation.instance.fetch_materializations(dg.AssetRecordsFilter(key), limit=1).records
    evaluation.positions["retraining"] = newest[0].storage_id if newest else 0
    if known is None or not newest or newest[0].storage_id <= known:
        return
    records = evaluation.instance.fetch_materializations(
        dg.AssetRecordsFilter(key, after_storage_id=known), limit=100, ascending=True
    ).records
    for record in records:
        metadata = record.asset_materialization.metadata if record.asset_materialization else {}
        if _value(metadata, "decision") == _TRAIN:
            yield Condition(
                # A decision that still stands is materialized again under its number.
                key=f"retraining:{_value(metadata, 'decision_number') or record.storage_id}",
                kind="retraining",
                severity=evaluation.severity("retraining"),
                title="a new model is trained",
                detail=str(_value(metadata, "reason") or ""),
                asset=key.to_user_string(),
                run_id=record.run_id,
                is_event=True,
            )


def _value(metadata: Mapping[str, Any], name: str) -> Any:
    return getattr(metadata.get(name), "value", None)
