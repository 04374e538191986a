"""The gates of a project: which are declared, and the verdict of each on a version."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.project.metadata_names import NUMBERS
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.promotion.champion_comparison import (
    compare_with_champion,
    interval_over,
)
from mlops_assets.core import names
from mlops_assets.core.errors import TrackingError

if TYPE_CHECKING:
    from mlops_assets.ml.evaluation.gates import GateResult
    from mlops_assets.stores.tracking.registry import Version
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.tracking.trained_model import TrainedModel
    from mlops_assets.stores.warehouse.warehouse import Warehouse

_DESCRIPTIONS = {
    "minimum_metrics": "Metrics on the holdout reach `gates.minimum`.",
    "better_than_baseline": "The deciding metric is better than that of the best baseline.",
    "not_worse_than_champion": "On holdout rows that neither was trained on, the paired interval says so.",
    "compatible_features": "Callers of the champion bring all columns that it needs.",
    "fresh_training_data": "What it was trained on is recent enough.",
    "expected_behaviour": "Behavioural tests of severity `error` hold.",
    "close_slices": "In no declared slice is it much worse than overall.",
    "fair_groups": "Groups of sensitive columns differ by no more than declared.",
    "fast_enough": "A single row is predicted in time.",
    "small_enough": "Its files are small enough.",
}
"""In the order in which they are told."""


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


def gate_checks(
    project: Project, key: dg.AssetKey, partitions: dg.PartitionsDefinition | None
) -> list[dg.AssetCheckSpec]:
    """A check for each gate; none blocks, because what fails is registered as rejected."""
    return [
        dg.AssetCheckSpec(
            f"gate_{gate}", asset=key, description=_DESCRIPTIONS[gate], partitions_def=partitions
        )
        for gate in declared_gates(project)
    ]


def judge(
    project: Project,
    tracking: "TrackingStore",
    warehouse: "Warehouse",
    challenger: "Version",
    trained: "TrainedModel",
    champion: "Version | None",
) -> list[dict[str, Any]]:
    """The verdicts of all gates, as the ledger keeps them.

    Parameters
    ----------
    trained
        The run behind the challenger, with its metrics.
    champion
        Who serves now; without one there is nothing to compare with.
    """
    from mlops_assets.ml.evaluation import gates

    declared, metric = (
        project.settings.gates,
        project.settings.tuning.metric_for(project.settings.task),
    )
    scores = {
        name.removeprefix("test_"): value
        for name, value in trained.metrics.items()
        if name.startswith("test_")
    }
    baseline = trained.metrics.get(f"baseline_{metric}")
    if metric not in scores or baseline is None:
        raise TrackingError(
            f"{project.name}: the evaluation of run {trained.run_id} has no {metric}, or it is undefined",
            hint=f"materialize {names.EVALUATION_REPORT} again, or set tuning.metric to one that is defined",
        )

    def results() -> "Iterator[GateResult]":
        if declared.minimum:
            yield gates.minimum_metrics(scores, declared.minimum)
        yield gates.better_than_baseline(
            metric,
            scores[metric],
            baseline,
            margin=declared.baseline_margin,
            over_constant=interval_over(trained.metrics, "constant"),
            over_baseline=interval_over(trained.metrics, "baseline"),
        )
        if champion is not None:
            yield compare_with_champion(project, tracking, warehouse, challenger, champion)
        if champion is not None and declared.compatible_features:
            yield gates.compatible_features(*_columns(tracking, challenger, champion))
        if declared.max_age_days is not None:
            yield gates.fresh_training_data(_age_days(project, warehouse, challenger), declared.max_age_days)
        yield from _by_evaluation(project, tracking, trained, scores[metric])

    return [result.to_json() for result in results()]


def _by_evaluation(
    project: Project, tracking: "TrackingStore", trained: "TrainedModel", overall: float
) -> "Iterator[GateResult]":
    """The gates whose figures stand in the evaluation report."""
    from mlops_assets.ml.evaluation import gates

    declared, wanted = project.settings.gates, set(declared_gates(project))
    metric = project.settings.tuning.metric_for(project.settings.task)
    if wanted & {gates.CLOSE_SLICES, gates.FAIR_GROUPS, gates.EXPECTED_BEHAVIOUR}:
        told = _evaluation(project, tracking, trained)
        if gates.EXPECTED_BEHAVIOUR in wanted:
            yield gates.expected_behaviour(told["behaviour"])
        if declared.slice_gap is not None:
            yield gates.close_slices(metric, overall, told["slices"], declared.slice_gap)
        if declared.fairness:
            yield gates.fair_groups(_differences(told["fairness"]), declared.fairness)
    costs = trained.metrics
    if declared.latency_milliseconds is not None:
        took = costs.get("single_row_milliseconds", float("nan"))
        yield gates.fast_enough(took, declared.latency_milliseconds)
    if declared.size_megabytes is not None:
        yield gates.small_enough(costs.get("size_bytes", float("nan")) / 1e6, declared.size_megabytes)


def _evaluation(project: Project, tracking: "TrackingStore", trained: "TrainedModel") -> dict[str, Any]:
    """The numbers of the report, as the run keeps them."""
    text = tracking.file_text(trained.run_id, f"report/{NUMBERS}")
    if text is None:
        raise TrackingError(
            f"{project.name}: run {trained.run_id} has no report/{NUMBERS}, which the gates read",
            hint=f"materialize {project.name}/{names.EVALUATION_REPORT} again",
        )
    found: dict[str, Any] = json.loads(text)
    return found


def _differences(fairness: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The largest differences between groups, and fairlearn's criteria, by column and measure."""
    found: dict[str, float] = {}
    for each in fairness:
        found |= {f"{each['column']}: {gap['measure']}": gap["size"] for gap in each["differences"]}
        found |= {f"{each['column']}: {name}": value for name, value in each["criteria"].items()}
    return found


def failures(verdicts: Sequence[dict[str, Any]]) -> str:
    """What failed, in one sentence; empty when nothing did."""
    return "; ".join(verdict["told"] for verdict in verdicts if not verdict["passed"])


def gate_results(
    project: Project, key: dg.AssetKey, verdicts: Sequence[dict[str, Any]]
) -> list[dg.AssetCheckResult]:
    """The verdicts as checks; a gate that had nothing to judge has passed."""
    found = {verdict["gate"]: verdict for verdict in verdicts}
    return [
        dg.AssetCheckResult(
            check_name=f"gate_{gate}",
            asset_key=key,
            passed=found[gate]["passed"] if gate in found else True,
            severity=dg.AssetCheckSeverity.WARN,
            description=found[gate]["told"] if gate in found else "there was no champion to compare with",
            metadata=found[gate]["figures"] if gate in found else {},
        )
        for gate in declared_gates(project)
    ]


def _columns(
    tracking: "TrackingStore", challenger: "Version", champion: "Version"
) -> tuple[list[str], list[str]]:
    """The columns that the challenger can't do without, and all that the champion reads."""
    ours, theirs = (tracking.load(version).spec.columns for version in (challenger, champion))
    return [column.name for column in ours if column.required], [column.name for column in theirs]


def _age_days(project: Project, warehouse: "Warehouse", version: "Version") -> float:
    """How long ago the newest rows came that the version was trained on."""
    now = datetime.now(UTC)
    if project.timeline is not None:
        end = project.time.periods.end_of(project.time.judged_by(version.facts["cutoff"]))
        return (now - end.replace(tzinfo=UTC)).total_seconds() / 86_400
    key = project.table_key(names.VALIDATED).path
    written = json.loads(version.facts["inputs"])["/".join(key)]
    found = next(found for found in warehouse.versions(key) if found.version == written)
    return (now - found.written_at).total_seconds() / 86_400
