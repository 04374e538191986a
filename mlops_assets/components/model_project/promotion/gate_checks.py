"""The declared gates of a project, and their asset checks."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from mlops_assets.components.model_project.project.project import Project

_DESCRIPTIONS = {
    "minimum_metrics": "Metrics on the holdout reach `gates.minimum`.",
    "better_than_baseline": "Significantly better than the constant baseline, and non-inferior to the best "
    "baseline within `gates.baseline_margin` (95 % CI of the paired difference on the holdout).",
    "not_worse_than_champion": "Significantly better than the champion, or non-inferior within "
    "`gates.champion_margin`, on holdout rows that neither was trained on (95 % CI of the paired "
    "difference).",
    "compatible_features": "Clients of the current champion send all columns that it requires.",
    "fresh_training_data": "The newest training data is not older than `gates.max_age_days`.",
    "expected_behaviour": "All behavioural tests of severity `error` pass.",
    "close_slices": "No declared slice is worse than the whole holdout by more than `gates.slice_gap`.",
    "fair_groups": "Differences between protected groups are within `gates.fairness`.",
    "fast_enough": "The prediction of a single row takes at most `gates.latency_milliseconds`.",
    "small_enough": "The model files have at most `gates.size_megabytes`.",
}
"""Descriptions of the checks, in the order of the gates."""


def declared_gates(project: Project) -> list[str]:
    """The gates that the project's versions must pass."""
    gates = project.settings.gates
    optional = {
        "minimum_metrics": bool(gates.minimum),
        "compatible_features": gates.compatible_features,
        "fresh_training_data": gates.max_age_days is not None,
        "expected_behaviour": gates.behaviour and any(project.settings.behaviour.named()),
        "close_slices": gates.slice_gap is not None,
        "fair_groups": bool(gates.fairness),
        "fast_enough": gates.latency_milliseconds is not None,
        "small_enough": gates.size_megabytes is not None,
    }
    return [gate for gate in _DESCRIPTIONS if optional.get(gate, True)]


def gate_check_specs(
    project: Project, key: dg.AssetKey, partitions: dg.PartitionsDefinition | None
) -> list[dg.AssetCheckSpec]:
    """A check for each gate. None is blocking: a version that fails is registered as rejected."""
    return [
        dg.AssetCheckSpec(
            f"gate_{gate}", asset=key, description=_DESCRIPTIONS[gate], partitions_def=partitions
        )
        for gate in declared_gates(project)
    ]


def gate_check_results(
    project: Project, key: dg.AssetKey, results: Sequence[dict[str, Any]]
) -> list[dg.AssetCheckResult]:
    """The results of the checks. A gate that was not evaluated, because there was no champion, has passed."""
    found = {result["gate"]: result for result in results}
    return [
        dg.AssetCheckResult(
            check_name=f"gate_{gate}",
            asset_key=key,
            passed=found[gate]["passed"] if gate in found else True,
            severity=dg.AssetCheckSeverity.WARN,
            description=found[gate]["message"] if gate in found else "not evaluated: there was no champion",
            metadata=found[gate]["figures"] if gate in found else {},
        )
        for gate in declared_gates(project)
    ]
