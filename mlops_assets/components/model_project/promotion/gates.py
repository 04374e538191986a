"""The gates of a project: their results for a version, and the events that record the results."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlops_assets.components.model_project.evaluation.row_clusters import cluster_columns
from mlops_assets.components.model_project.project.metadata_names import NUMBERS
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.promotion.champion_comparison import (
    baseline_gain_interval,
    compare_with_champion,
    holdout_clusters,
)
from mlops_assets.components.model_project.promotion.gate_checks import declared_gates
from mlops_assets.components.model_project.promotion.transitions import (
    Attribution,
    open_champion_ledger,
    run_actor,
)
from mlops_assets.components.model_project.settings.base import public_settings
from mlops_assets.components.model_project.training.row_weights import with_weight
from mlops_assets.core import names
from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import DataError, TrackingError

if TYPE_CHECKING:
    from mlops_assets.ml.evaluation.gates import GateResult
    from mlops_assets.stores.tracking.registry import RecordedVersion, Version
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.tracking.trained_model import TrainedModel
    from mlops_assets.stores.warehouse.warehouse import Warehouse

GATE_RESULTS, AGAINST, RULES = "gates", "against", "rules"
"""In the details of an event: the gate results, the champion at that time, a digest of the rules."""
RULES_VERSION = "gates 2"
"""Changes with the meaning of a gate, so that the gates run again for versions that are pending approval."""
_ORIGIN = (
    *("training_set_version", "training_set_digest", "inputs", "code_version", "cutoff"),
    *("model_manifest", "evaluated_digest", "evaluated_manifest", "git_commit"),
)


def evaluate_gates(
    project: Project,
    warehouse: "Warehouse",
    tracking: "TrackingStore",
    version: "Version",
    trained: "TrainedModel",
    dagster_run_id: str,
) -> list[dict[str, Any]]:
    """The gate results of a version, recorded in the ledger. The caller holds the project's lock.

    The gates run for a new version, and again if the champion or the declared gates have changed. They do not
    run for a version that a person decided about, or that was champion.

    Parameters
    ----------
    trained
        The MLflow run of the version.

    Returns
    -------
    list of dict
        As `run_gates` returns them; empty for a version without recorded results that is not evaluated again.
    """
    from mlops_assets.stores.governance.ledger.entries import GATES

    champion_ledger = open_champion_ledger(project, warehouse, tracking)
    state, champion = champion_ledger.recover(), champion_ledger.recorded_champion()
    situation = {AGAINST: champion.version if champion else None, RULES: _settings_digest(project)}
    known = state.gate_entries.get(version.version)
    if version.version in state.states and state.states[version.version] != "registered":
        decided = state.last[version.version] is not known
        if known is None or decided or situation.items() <= known.event.details.items():
            return list(known.event.details[GATE_RESULTS]) if known else []
    if version.version not in state.states:
        registered = Attribution(run_actor(dagster_run_id), "trained and evaluated", dagster_run_id)
        champion_ledger.record(registered.event("registered", version, **_origin(version)))
    challenger = champion_ledger.recorded(version)
    results = run_gates(project, tracking, warehouse, challenger, trained, champion)
    failed = describe_failures(results)
    reason = failed or "; ".join(result["message"] for result in results)
    gated = Attribution(GATES, reason, dagster_run_id)
    details = {GATE_RESULTS: results, **situation}
    champion_ledger.record(gated.event("rejected" if failed else "gated", challenger, **details))
    return results


def run_gates(
    project: Project,
    tracking: "TrackingStore",
    warehouse: "Warehouse",
    challenger: "RecordedVersion",
    trained: "TrainedModel",
    champion: "RecordedVersion | None",
) -> list[dict[str, Any]]:
    """Compute the results of all gates, as the ledger stores them.

    Parameters
    ----------
    trained
        The MLflow run of the challenger, with its metrics.
    champion
        The current champion; None if there is none, then no comparison is made.

    Returns
    -------
    list of dict
        `GateResult.to_json` of each gate that was evaluated.

    Raises
    ------
    TrackingError
        If the evaluation of the challenger is incomplete.
    """
    from mlops_assets.ml.evaluation import gates
    from mlops_assets.ml.evaluation.comparison_gates import better_than_baseline

    declared, metric = project.settings.gates, project.settings.primary_metric
    scores = {
        name.removeprefix("test_"): value
        for name, value in trained.metrics.items()
        if name.startswith("test_")
    }
    baseline = trained.metrics.get(f"baseline_{metric}")
    constant = trained.metrics.get(f"constant_{metric}")
    if metric not in scores or baseline is None:
        raise TrackingError(
            f"{project.name}: MLflow run {trained.run_id} has no {metric}, or it is undefined",
            hint=f"materialize {names.EVALUATION_REPORT} again, or set tuning.metric to one that is defined",
        )

    if constant is None:
        raise TrackingError(
            f"{project.name}: MLflow run {trained.run_id} was evaluated without constant_{metric}, by an "
            "earlier version of mlops_assets",
            hint=f"materialize {names.EVALUATION_REPORT} again",
        )

    def results() -> "Iterator[GateResult]":
        if declared.minimum:
            yield gates.minimum_metrics(scores, declared.minimum)
        yield better_than_baseline(
            metric,
            scores[metric],
            baseline,
            constant,
            over_constant=baseline_gain_interval(trained.metrics, "constant"),
            over_baseline=baseline_gain_interval(trained.metrics, "baseline"),
            margin=declared.baseline_margin,
            clusters=holdout_clusters(project, trained.metrics),
        )
        if champion is not None:
            yield compare_with_champion(project, tracking, warehouse, challenger, champion)
        if champion is not None and declared.compatible_features:
            yield gates.compatible_features(*_columns(tracking, challenger, champion))
        if declared.max_age_days is not None:
            yield gates.fresh_training_data(_age_days(project, warehouse, challenger), declared.max_age_days)
        yield from _report_gates(project, tracking, trained, scores[metric])

    return [with_weight(project, result).to_json() for result in results()]


def describe_failures(results: Sequence[dict[str, Any]]) -> str:
    """The messages of the gates that failed; empty if all passed."""
    return "; ".join(result["message"] for result in results if not result["passed"])


def _report_gates(
    project: Project, tracking: "TrackingStore", trained: "TrainedModel", overall: float
) -> "Iterator[GateResult]":
    """The gates that read the evaluation report, and its costs."""
    from mlops_assets.ml.evaluation import gates

    declared, wanted = project.settings.gates, set(declared_gates(project))
    metric = project.settings.primary_metric
    if wanted & {gates.CLOSE_SLICES, gates.FAIR_GROUPS, gates.EXPECTED_BEHAVIOUR}:
        report = _evaluation(project, tracking, trained)
        if gates.EXPECTED_BEHAVIOUR in wanted:
            yield gates.expected_behaviour(report["behaviour"])
        if declared.slice_gap is not None:
            yield gates.close_slices(metric, overall, report["slices"], declared.slice_gap)
        if declared.fairness:
            yield gates.fair_groups(_fairness_measures(report["fairness"]), declared.fairness)
    costs = trained.metrics
    if declared.latency_milliseconds is not None:
        took = costs.get("single_row_milliseconds", float("nan"))
        yield gates.fast_enough(took, declared.latency_milliseconds)
    if declared.size_megabytes is not None:
        yield gates.small_enough(costs.get("size_bytes", float("nan")) / 1e6, declared.size_megabytes)


def _evaluation(project: Project, tracking: "TrackingStore", trained: "TrainedModel") -> dict[str, Any]:
    """The numbers of the evaluation report, from the MLflow run."""
    text = tracking.file_text(trained.run_id, f"report/{NUMBERS}")
    if text is None:
        raise TrackingError(
            f"{project.name}: MLflow run {trained.run_id} has no report/{NUMBERS}, which the gates require",
            hint=f"materialize {project.name}/{names.EVALUATION_REPORT} again",
        )
    found: dict[str, Any] = json.loads(text)
    return found


def _fairness_measures(fairness: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float | None]]:
    """The largest differences between groups, and the criteria of fairlearn, by column and measure."""
    return {
        each["column"]: {
            **{gap["measure"]: gap["size"] for gap in each["differences"]},
            **each["criteria"],
        }
        for each in fairness
    }


def _columns(
    tracking: "TrackingStore", challenger: "RecordedVersion", champion: "RecordedVersion"
) -> tuple[list[str], list[str]]:
    """The columns that the challenger requires, and all that the champion reads."""
    ours, theirs = (tracking.load(version).spec.columns for version in (challenger, champion))
    return [column.name for column in ours if column.required], [column.name for column in theirs]


def _age_days(project: Project, warehouse: "Warehouse", version: "Version") -> float:
    """The age of the newest training data of a version."""
    now = datetime.now(UTC)
    if project.timeline is not None:
        end = project.time.periods.end_of(project.time.holdout_period(version.facts["cutoff"]))
        return (now - end.replace(tzinfo=UTC)).total_seconds() / 86_400
    key = project.table_key(names.VALIDATED).path
    written = json.loads(version.facts["inputs"])["/".join(key)]
    # A commit that changes no rows, such as of a table property, may have been the newest version.
    found = next((found for found in warehouse.versions(key) if found.version <= written), None)
    if found is None:
        raise DataError(
            f"{project.name}: version {written} of {names.view_name(tuple(key))}, which version "
            f"{version.version} was trained on, does not exist in {warehouse.root}",
            hint=f"restore the warehouse from a backup, or train again: mlops run {project.name} --force",
        )
    return (now - found.written_at).total_seconds() / 86_400


def _settings_digest(project: Project) -> str:
    """A digest of the rules and the settings that the gates depend on."""
    settings = project.settings
    metric = settings.primary_metric
    clusters = cluster_columns(project)
    return text_digest(RULES_VERSION, public_settings(settings.gates), metric, *clusters)[:16]


def _origin(version: "Version") -> dict[str, str]:
    """Inputs, code and metrics of a version, as details of its first event."""
    metrics = {name: value for name, value in version.facts.items() if name.startswith("test_")}
    origin = {name: version.facts[name] for name in _ORIGIN if name in version.facts}
    return {**origin, **metrics, "uri": version.uri}
