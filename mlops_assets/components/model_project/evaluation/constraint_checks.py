"""Asset checks of monotone constraints and of the share of rows below a predicted quantile."""

from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.project.project import Project

if TYPE_CHECKING:
    from mlops_assets.ml.evaluation.evaluation import Evaluation

MONOTONE_CONSTRAINTS, QUANTILE_SHARE = "monotone_constraints", "quantile_share"


def constraint_specs(
    project: Project, key: dg.AssetKey, partitions: dg.PartitionsDefinition | None
) -> list[dg.AssetCheckSpec]:
    """Specifications of the checks that the settings require; empty without constraints and quantile."""
    settings, specs = project.settings, []
    if settings.monotone:
        declared = ", ".join(f"{direction} in {name}" for name, direction in settings.monotone.items())
        specs.append(
            dg.AssetCheckSpec(
                MONOTONE_CONSTRAINTS,
                asset=key,
                description=f"The predictions of the fitted model are {declared}.",
                partitions_def=partitions,
            )
        )
    if settings.target.quantile is not None:
        specs.append(
            dg.AssetCheckSpec(
                QUANTILE_SHARE,
                asset=key,
                description="The 95 % confidence interval of the share of holdout rows at or below the "
                f"prediction contains the declared quantile, {settings.target.quantile:g}.",
                partitions_def=partitions,
            )
        )
    return specs


def constraint_checks(evaluation: "Evaluation") -> list[dg.AssetCheckResult]:
    """The results of the checks."""
    results = []
    if evaluation.monotone:
        broken = [each for each in evaluation.monotone if not each.holds]
        shown = sum(each.in_structure for each in evaluation.monotone)
        lines = [
            f"{each.feature} ({each.direction}): violated in {each.violations:,} of {each.rows:,} rows, by "
            f"up to {each.largest:.3g}"
            for each in broken
        ]
        results.append(
            dg.AssetCheckResult(
                check_name=MONOTONE_CONSTRAINTS,
                passed=not broken,
                severity=dg.AssetCheckSeverity.ERROR,
                description="; ".join(lines)
                or f"all {len(evaluation.monotone)} constraints hold; {shown} for all possible rows, by the "
                "structure of the model",
            )
        )
    if evaluation.quantile:
        results.append(
            dg.AssetCheckResult(
                check_name=QUANTILE_SHARE,
                passed=evaluation.quantile.is_met,
                severity=dg.AssetCheckSeverity.WARN,
                description=evaluation.quantile.message,
                metadata={"share": evaluation.quantile.share},
            )
        )
    return results
