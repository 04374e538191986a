"""The coverage of a model's prediction intervals or prediction sets on its holdout, and its check."""

from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.evaluation.holdout_evaluation import EvaluatedModel
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.training.intervals import uncertainty_settings

if TYPE_CHECKING:
    from mlops_assets.ml.evaluation.interval_coverage import Coverage
    from mlops_assets.ml.model.prediction_intervals import PredictionIntervals, PredictionSets

COVERAGE = "coverage"


def coverage_spec(
    project: Project, asset: dg.AssetKey, partitions: "dg.PartitionsDefinition | None"
) -> list[dg.AssetCheckSpec]:
    """The check of the coverage; empty if the model has neither intervals nor sets."""
    declared = uncertainty_settings(project)
    if declared is None:
        return []
    what = "prediction intervals" if project.settings.task == "regression" else "prediction sets"
    return [
        dg.AssetCheckSpec(
            COVERAGE,
            asset=asset,
            description=f"The {what} contain the true value in {declared.coverage:.4g} of the holdout rows, "
            "overall and in each declared group, or the difference is not significant.",
            partitions_def=partitions,
        )
    ]


def coverage_check(project: Project, coverage: "Coverage | None") -> list[dg.AssetCheckResult]:
    """The result of the check; a warning if the coverage is significantly below the declared one."""
    from mlops_assets.ml.reports.coverage_captions import coverage_caption, coverage_warning

    if uncertainty_settings(project) is None:
        return []
    if coverage is None:
        text, passed = "the model has no intervals: too few out-of-fold rows for the coverage", False
    else:
        text, passed = coverage_warning(coverage) or coverage_caption(coverage), not coverage.too_low
    return [
        dg.AssetCheckResult(
            check_name=COVERAGE,
            passed=passed,
            severity=dg.AssetCheckSeverity.WARN,
            description=text,
            metadata={"coverage": coverage.overall.coverage, "level": coverage.level} if coverage else {},
        )
    ]


def coverage(evaluated: EvaluatedModel) -> "Coverage | None":
    """The coverage on the holdout; None if the model has neither intervals nor sets."""
    spec = evaluated.model.spec
    if spec.intervals is not None:
        return _of_intervals(evaluated, spec.intervals)
    return _of_sets(evaluated, spec.prediction_sets) if spec.prediction_sets is not None else None


def _of_intervals(evaluated: EvaluatedModel, intervals: "PredictionIntervals") -> "Coverage":
    import pandas as pd

    from mlops_assets.ml.evaluation.groups.column_groups import group_column
    from mlops_assets.ml.evaluation.interval_coverage import Coverage, measure_coverage

    truth, (lower, upper) = evaluated.holdout.target, evaluated.bounds
    predictions = pd.Series(evaluated.predictions / evaluated.unit_size)
    scores = measure_coverage(
        (lower <= truth) & (truth <= upper),
        (upper - lower) / evaluated.unit_size,
        intervals.coverage,
        declared=[evaluated.groups(name) for name in intervals.quantiles.columns],
        others=[group_column(predictions, name="prediction")],
        clusters=evaluated.clusters,
    )
    return Coverage("intervals", intervals.coverage, intervals.rows, *scores)


def _of_sets(evaluated: EvaluatedModel, sets: "PredictionSets") -> "Coverage":
    import numpy as np
    import pandas as pd

    from mlops_assets.ml.evaluation.groups.column_groups import group_column
    from mlops_assets.ml.evaluation.interval_coverage import Coverage, measure_coverage

    truth = evaluated.holdout.target
    features, predictions = evaluated.holdout.features, evaluated.predictions
    members = evaluated.model.predict_sets(features, predictions, evaluated.threshold)
    classes = pd.Series(np.asarray(evaluated.model.spec.classes, dtype=object)[truth])
    columns = sets.quantiles[0].columns
    scores = measure_coverage(
        members[np.arange(len(truth)), truth],
        members.sum(axis=1),
        sets.coverage,
        declared=[evaluated.groups(name) for name in columns],
        others=[group_column(classes, name="class")],
        clusters=evaluated.clusters,
    )
    return Coverage("sets", sets.coverage, sets.rows, *scores)
