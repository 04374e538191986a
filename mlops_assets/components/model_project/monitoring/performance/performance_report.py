"""performance_report: the performance of the predictions of each partition, measured and estimated."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.monitoring.logged_rows import LoggedRows
from mlops_assets.components.model_project.monitoring.monitoring_asset import ReportInputs, monitoring_asset
from mlops_assets.components.model_project.monitoring.performance.live_report import (
    LiveReport,
    live_report,
)
from mlops_assets.components.model_project.monitoring.performance.past_performance import (
    performance_metadata,
)
from mlops_assets.components.model_project.monitoring.performance.scored_partition import ScoredPartition
from mlops_assets.components.model_project.monitoring.performance.scored_version import (
    ScoredVersion,
    slice_columns,
)
from mlops_assets.components.model_project.monitoring.performance.version_report import (
    Kind,
    VersionReport,
)
from mlops_assets.components.model_project.monitoring.report import CheckOutcome, Report, ReportRun
from mlops_assets.components.model_project.project.log_window import measurable_log, table_key
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.settings.base import public_settings
from mlops_assets.core import names
from mlops_assets.core.errors import MlopsError

if TYPE_CHECKING:
    from mlops_assets.components.model_project.monitoring.monitoring_asset import Dep, MakeReport

COLUMNS = {
    "kind": "VARCHAR",
    "metric": "VARCHAR",
    "slice_column": "VARCHAR",
    "slice_value": "VARCHAR",
    "value": "DOUBLE",
    "low": "DOUBLE",
    "high": "DOUBLE",
    "rows": "BIGINT",
    "at_registration": "DOUBLE",
    "at_registration_low": "DOUBLE",
    "at_registration_high": "DOUBLE",
    "holds": "BOOLEAN",
    "model_version": "BIGINT",
    "note": "VARCHAR",
}
PERFORMANCE_HOLDS, ESTIMATED_PERFORMANCE_HOLDS = "performance_holds", "estimated_performance_holds"
_CHECKS: dict[Kind, str] = {"measured": PERFORMANCE_HOLDS, "estimated": ESTIMATED_PERFORMANCE_HOLDS}


def performance_report_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that measures the predictions of each partition once targets arrive, and estimates before."""
    settings, metric = project.settings, project.settings.primary_metric
    against = f"{metric} is not significantly and relevantly worse than at registration"
    return monitoring_asset(
        project,
        names.PERFORMANCE_REPORT,
        description="Metrics of the predictions that were given, once their targets have arrived, "
        "against those at registration; and before that estimates without targets.",
        inputs=_inputs(project),
        columns=COLUMNS,
        checks={
            PERFORMANCE_HOLDS: f"The measured {against}, of all rows and of slices; nor is the mean error.",
            ESTIMATED_PERFORMANCE_HOLDS: f"The estimated {against}, of all rows and of each slice.",
        },
        code=[
            "performance_report 1",
            metric,
            public_settings(settings.monitoring.performance),
            repr(settings.gates.champion_margin),
            repr((slice_columns(project), settings.evaluation.clusters, settings.weight)),
        ],
        prepare=_prepare,
        kinds=["mlflow", "scikitlearn"],
    )


def _inputs(project: Project) -> ReportInputs:
    """The predictions and the rows that they are of, and targets; without predictions the log and targets."""
    window = measurable_log(project)
    if project.timeline:
        given: list[Dep] = [project.key(names.PREDICTIONS), project.key(names.FEATURES)]
        return ReportInputs(required=given, optional=[project.key(names.TARGET)], window=window)
    labels: list[Dep] = [project.key(names.TRAINING_SET)] if table_key(project) else []
    if window is not None and set(table_key(project)) & project.sensitive:
        labels.append(project.table_key(names.VALIDATED))  # its rows show which keys the digests are of
    if project.scored_key is None:
        champion = project.key(names.CHAMPION)
        return ReportInputs(required=[champion], optional=labels, not_followed=[champion], window=window)
    given = [project.key(names.PREDICTIONS), project.table_key(names.VALIDATED, names.SCORING)]
    return ReportInputs(required=given, optional=labels, window=window)


def _prepare(run: ReportRun) -> "MakeReport":
    """Versions are read once for all partitions."""
    versions: dict[int, ScoredVersion | str] = {}

    def version_of(number: int) -> ScoredVersion | str:
        if number not in versions:
            try:
                versions[number] = ScoredVersion.read(run.project, run.store, run.tracking, number)
            except MlopsError as error:
                versions[number] = f"version {number} can't be read: {error.message}"
        return versions[number]

    window = measurable_log(run.project)
    logged = LoggedRows(run, window) if window else None

    def make(partition: str | None) -> Report:
        parts, notes, metadata = list[VersionReport](), list[str](), dict[str, Any]()
        if run.project.scored_key is not None:
            parts, notes, metadata = _of_predictions(run, partition, version_of)
        live = live_report(logged, partition, version_of) if logged else LiveReport()
        rows = [row for part in (*parts, *live.parts) for row in part.rows()]
        outcomes = _outcomes([*parts, *live.parts], [*notes, *live.notes])
        return Report(rows, outcomes, metadata | live.metadata())

    return make


def _of_predictions(
    run: ReportRun, partition: str | None, version_of: "Callable[[int], ScoredVersion | str]"
) -> tuple[list[VersionReport], list[str], dict[str, Any]]:
    """What is known of the stored predictions of a partition, with notes and metadata."""
    scored = ScoredPartition.read(run, partition)
    parts, notes = list[VersionReport](), list[str]()
    if scored.in_training:
        notes.append(
            f"{scored.in_training:,} rows left out, on which their version was or may have been fitted"
        )
    for each in scored.versions:
        version = version_of(each)
        if isinstance(version, str):
            notes.append(version)
        else:
            parts.append(VersionReport.of(version, scored.of_version(each)))
    rows = [row for part in parts for row in part.rows()]
    return parts, notes, performance_metadata(run, partition, rows, len(scored.frame))


def _outcomes(parts: Sequence[VersionReport], notes: Sequence[str]) -> dict[str, CheckOutcome]:
    found = {}
    for kind, check in _CHECKS.items():
        worse = [part for part in parts if any(each.holds is False for each in part.compared(kind))]
        texts = [text for part in worse or parts for text in part.describe(kind)] or ["no row to evaluate"]
        bad = sum(each.holds is False for part in worse for each in part.compared(kind))
        found[check] = CheckOutcome(not bad, "; ".join([*texts, *notes]), {"worse": bad})
    return found
