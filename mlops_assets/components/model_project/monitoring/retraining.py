"""retraining: the decision to train the newest labelled cut-off, or to keep the model, with its evidence."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.monitoring.retraining_history import known_history
from mlops_assets.components.model_project.monitoring.retraining_reports import report_keys
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata import (
    markdown_table,
    table_metadata,
)
from mlops_assets.components.model_project.project.metadata_names import INPUTS
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.staleness import Staleness
from mlops_assets.components.model_project.settings.base import public_settings
from mlops_assets.components.resources import MlflowTracking, WarehouseResource
from mlops_assets.core import names
from mlops_assets.ml.monitoring.retraining_rules import Rules, decide

if TYPE_CHECKING:
    from mlops_assets.components.model_project.monitoring.retraining_decisions import RecordedDecision
    from mlops_assets.components.model_project.settings.monitoring.retraining import RetrainSettings

DECISION, CUTOFF, NUMBER = "decision", "train_cutoff", "decision_number"
"""Metadata of a materialization that the sensor reads."""


def retraining_asset(project: Project, declared: "RetrainSettings") -> dg.AssetsDefinition:
    """The asset that decides whether to train."""
    labels = names.TARGET if project.timeline else names.FEATURES
    deps = [
        *report_keys(project),
        *(project.key(name) for name in (labels, names.REGISTERED_MODEL, names.CHAMPION)),
    ]
    spec = project.spec(
        project.key(names.RETRAINING),
        description=f"Whether to train again, by {', '.join(declared.when)}: one row for each decision, with "
        "its reason and evidence. If the newest is `train`, the sensor starts the training.",
        kinds=["duckdb", "deltalake"],
        deps=deps,
        code=["retraining 1", public_settings(declared)],
        automation=follows_every_partition(project),
    )

    @dg.multi_asset(specs=[spec], name=names.op_name(*spec.key.path))
    def retraining(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource, mlflow: MlflowTracking
    ) -> dg.MaterializeResult:
        from mlops_assets.components.model_project.monitoring.retraining_decisions import (
            latest_decision,
            record_decision,
        )

        store = warehouse.store
        with as_dagster_failures(project.name, project.sensitive), store.turn(spec.key.path):
            graph = context.job_def.asset_layer.asset_graph
            # Before the inputs are read: newer content makes the decision stale, and never goes unnoticed.
            inputs = Staleness(graph, context.instance, store).inputs(spec.key, None)
            standing = latest_decision(store, project.name)
            history = known_history(
                project, context.instance, store, mlflow.store, standing, context.run.tags
            )
            decision = decide(_rules(project, declared), history)
            context.log.info(f"{decision.name}: {decision.reason}")
            recorded, result = record_decision(
                *(store, project.name, decision),
                trained_cutoff=history.trained,
                champion=history.champion,
                dagster_run_id=context.run.run_id,
            )
            return dg.MaterializeResult(
                data_version=dg.DataVersion(result.digest),
                metadata={
                    **table_metadata(result),
                    **decision_metadata(recorded),
                    INPUTS: inputs,
                },
            )

    return retraining


def follows_every_partition(project: Project) -> dg.AutomationCondition:
    """Materialize an asset without partitions when any partition of an input was materialized.

    Partitions of an input may be missing: reports exist only where there are predictions.
    """
    condition = dg.AutomationCondition
    updated = condition.any_deps_match(condition.newly_updated())
    wanted = (condition.newly_missing() | updated).with_label("missing, or an input was materialized")
    return (
        wanted.since(condition.newly_requested() | condition.newly_updated())
        & ~condition.any_deps_in_progress()
        & ~condition.in_progress()
    ).with_label(f"{project.name}: decides after its inputs")


def decision_metadata(recorded: "RecordedDecision") -> dict[str, Any]:
    """A decision as metadata, for the UI and for the sensor."""
    found = [(rule, describe_evidence(evidence)) for rule, evidence in recorded.found.items()]
    return {
        DECISION: recorded.decision,
        "reason": recorded.reason,
        NUMBER: recorded.number,
        "rules": recorded.rules or "none",
        **({CUTOFF: recorded.cutoff} if recorded.cutoff else {}),
        **({"trained_cutoff": recorded.trained_cutoff} if recorded.trained_cutoff else {}),
        **({"champion_version": recorded.champion} if recorded.champion is not None else {}),
        "trains": int(recorded.decision == "train"),
        "decided_at": dg.MetadataValue.timestamp(recorded.decided_at),
        "evidence": markdown_table(["rule", "evidence"], found),
    }


def describe_evidence(evidence: "dict[str, Any]") -> str:
    """The evidence of a rule as a clause for tables."""
    reports = [*evidence.get("failed", []), *evidence.get("measured", [])]
    if not reports:
        return ", ".join(f"{name} {value}" for name, value in evidence.items() if value) or "none"
    return "; ".join(_describe_report(report) for report in reports)


def _describe_report(report: "dict[str, Any]") -> str:
    figures = []
    for figure in report["figures"]:
        values = ", ".join(f"{name} {value}" for name, value in figure.items() if name != "name")
        figures.append(f"{figure['name']} ({values})")
    where = report.get("partition", "all rows")
    return f"{where}, version {report['version']}: {', '.join(figures) or 'failed'}"


def _rules(project: Project, declared: "RetrainSettings") -> Rules:
    return Rules(
        when=declared.when,
        needed=declared.needed,
        newest=declared.newest,
        cooldown=declared.cooldown,
        new_data=declared.new_cutoffs if project.timeline else declared.new_rows,
    )
