"""The check `fairness_constraint`, and what Dagster and MLflow show of a fairness constraint."""

from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.project.metadata import markdown_table
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.settings.protected_columns import protected_column

if TYPE_CHECKING:
    from mlops_assets.ml.evaluation.groups.mitigation import Mitigation

FAIRNESS_CONSTRAINT = "fairness_constraint"
FAIRNESS_SUMMARY = "fairness_constraint"
"""Metadata of the report: disparity and objective without and with the constraint."""


def fairness_specs(
    project: Project, asset: dg.AssetKey, partitions: dg.PartitionsDefinition | None
) -> list[dg.AssetCheckSpec]:
    """The specification of the check, if the project declares a fairness constraint."""
    declared = project.settings.fairness
    if declared is None:
        return []
    return [
        dg.AssetCheckSpec(
            FAIRNESS_CONSTRAINT,
            asset=asset,
            description=f"The {declared.constraint.replace('_', ' ')} difference between the groups of "
            f"{protected_column(project.settings)} on the holdout is at most {declared.at_most:g}.",
            partitions_def=partitions,
        )
    ]


def fairness_results(found: "Mitigation | None") -> list[dg.AssetCheckResult]:
    """The result of the check, a warning: a version is rejected by `gates.fairness` alone."""
    if found is None:
        return []
    return [
        dg.AssetCheckResult(
            check_name=FAIRNESS_CONSTRAINT,
            passed=found.holds,
            severity=dg.AssetCheckSeverity.WARN,
            description=found.problem() or found.describe(),
            metadata={name: value for name, value in fairness_metrics(found).items() if value == value},
        )
    ]


def fairness_metadata(found: "Mitigation | None") -> dict[str, str | dg.MarkdownMetadataValue]:
    """The effect in words, and the table of the groups."""
    if found is None:
        return {}
    rows = [
        (
            group.label,
            f"{group.training_rows:,}",
            f"{group.rows:,}",
            f"{group.threshold:.3g}",
            f"{group.selected_before:.1%}",
            f"{group.selected_after:.1%}",
        )
        for group in found.groups
    ]
    titles = ["training rows", "holdout rows", "threshold", "positive without", "positive with"]
    return {
        FAIRNESS_SUMMARY: found.describe(),
        "fairness_groups": markdown_table([found.column, *titles], rows),
    }


def fairness_metrics(found: "Mitigation | None") -> dict[str, float]:
    """Disparity and objective on the holdout, as metrics of the run."""
    if found is None:
        return {}
    return {
        "disparity": found.after.disparity,
        "disparity_low": found.after.disparity_interval[0],
        "disparity_high": found.after.disparity_interval[1],
        "disparity_unconstrained": found.before.disparity,
        "objective": found.after.objective,
        "objective_unconstrained": found.before.objective,
    }
