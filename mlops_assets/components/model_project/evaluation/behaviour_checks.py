"""Behavioural tests of a project: run on the evaluated model, reported as checks, tags and metrics."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.evaluation.holdout_evaluation import EvaluatedModel
from mlops_assets.components.model_project.project.column_checks import reject_unknown_columns
from mlops_assets.components.model_project.project.project import Project

if TYPE_CHECKING:
    from mlops_assets.ml.evaluation.behaviour_tests import BehaviourResult

FAILED_TESTS = "behaviour_failed"
"""Tag of a run: names of the failed behavioural tests, those of severity `error` first; empty if none failed,
absent if none are declared."""


def behaviour_specs(
    project: Project, asset: dg.AssetKey, partitions: dg.PartitionsDefinition | None
) -> list[dg.AssetCheckSpec]:
    """A check for each behavioural test."""
    return [
        dg.AssetCheckSpec(
            name,
            asset=asset,
            description=f"Behavioural test of the evaluated model ({path} in defs.yaml).",
            metadata={"severity": test.severity},
            partitions_def=partitions,
        )
        for path, name, test in project.settings.behaviour.named()
    ]


def run_behaviour_tests(evaluated: EvaluatedModel) -> "list[BehaviourResult]":
    """Run the behavioural tests on rows as clients send them.

    Raises
    ------
    ProjectError
        If a test names an unknown column or class.
    """
    from mlops_assets.ml.evaluation.behaviour_tests import MAX_ROWS, evaluate_behaviour
    from mlops_assets.ml.evaluation.model_under_test import ModelUnderTest

    project, model = evaluated.project, evaluated.model
    reject_unknown_columns(project, model.spec.columns, model.spec.features, model.spec.classes)
    tests = project.settings.behaviour.tests()
    if not tests:
        return []
    subject = ModelUnderTest(
        task=model.spec.task,
        classes=model.spec.classes,
        unit=project.settings.target.unit,
        unit_size=evaluated.unit_size,
        score=lambda rows: model.predict_features(model.compute_features(rows)),
        predict_class=lambda rows: model.predict(rows)["prediction"].tolist(),
    )
    rows = evaluated.rows(most=MAX_ROWS)
    return evaluate_behaviour(tests, subject, rows, seed=evaluated.seed, sensitive=project.sensitive)


def behaviour_checks(results: "Sequence[BehaviourResult]") -> list[dg.AssetCheckResult]:
    """The results as asset checks."""
    severities = {"warn": dg.AssetCheckSeverity.WARN, "error": dg.AssetCheckSeverity.ERROR}
    return [
        dg.AssetCheckResult(
            check_name=result.name,
            passed=result.passed,
            severity=severities[result.severity],
            description=f"{result.asked}; {result.found}",
            metadata={"rows": result.rows, "share_that_holds": result.holding},
        )
        for result in results
    ]


def behaviour_facts(results: "Sequence[BehaviourResult]") -> dict[str, str]:
    """Tags of the run and its version."""
    failed = sorted((result.severity != "error", result.name) for result in results if not result.passed)
    return {FAILED_TESTS: ", ".join(name for _, name in failed)} if results else {}


def behaviour_metrics(results: "Sequence[BehaviourResult]") -> dict[str, float]:
    """Metrics of the run: for each test the share of rows that pass, and whether the test passed."""
    metrics: dict[str, float] = {}
    for result in results:
        metrics |= {
            f"behaviour_{result.name}": result.holding,
            f"behaviour_{result.name}_passed": float(result.passed),
        }
    return metrics
