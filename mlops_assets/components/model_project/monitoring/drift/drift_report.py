"""drift_report: whether features, predictions and target of a partition are distributed as before."""

from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.monitoring.drift.compare_live import compare_live
from mlops_assets.components.model_project.monitoring.drift.compare_partition import PartitionComparer
from mlops_assets.components.model_project.monitoring.drift.evidently_page import require_evidently
from mlops_assets.components.model_project.monitoring.drift.scored_rows import scored_key
from mlops_assets.components.model_project.monitoring.drift.scoring_model import ScoringModel
from mlops_assets.components.model_project.monitoring.drift.summary import (
    CHECKS,
    check_outcomes,
    live_metadata,
    report_metadata,
    report_rows,
)
from mlops_assets.components.model_project.monitoring.logged_rows import LoggedRows
from mlops_assets.components.model_project.monitoring.monitoring_asset import (
    ReportInputs,
    monitored_periods,
    monitoring_asset,
)
from mlops_assets.components.model_project.monitoring.report import Report, ReportRun
from mlops_assets.components.model_project.project.column_checks import reject_unknown_drift_columns
from mlops_assets.components.model_project.project.log_window import LogWindow
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.settings.base import public_settings
from mlops_assets.core import names
from mlops_assets.core.errors import DataError

if TYPE_CHECKING:
    from mlops_assets.components.model_project.monitoring.monitoring_asset import Dep, MakeReport

COLUMNS = {
    "reference": "VARCHAR",
    "kind": "VARCHAR",
    "column_name": "VARCHAR",
    "rows": "BIGINT",
    "reference_rows": "BIGINT",
    "test": "VARCHAR",
    "p_value": "DOUBLE",
    "p_adjusted": "DOUBLE",
    "effect": "VARCHAR",
    "effect_size": "DOUBLE",
    "importance": "DOUBLE",
    "weighted_effect": "DOUBLE",
    "drifted": "BOOLEAN",
    "note": "VARCHAR",
    "model_version": "BIGINT",
}


def drift_report_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that compares each partition with training rows and with the partition before."""
    require_evidently(project)
    return monitoring_asset(
        project,
        names.DRIFT_REPORT,
        description="Drift of features, predictions and target of each partition, against the training rows "
        "of the model version that scored it, and against the partition before.",
        inputs=_inputs(project),
        columns=COLUMNS,
        checks=CHECKS,
        code=["drift_report 1", public_settings(project.settings.monitoring.drift)],
        prepare=_prepare,
        kinds=["xgboost"],
    )


def _inputs(project: Project) -> ReportInputs:
    """The predictions and what belongs to them; without predictions the champion, for the log alone."""
    window = LogWindow.of_project(project)
    if project.scored_key is None:
        champion = project.key(names.CHAMPION)
        return ReportInputs(required=[champion], not_followed=[champion], window=window)
    predictions = project.key(names.PREDICTIONS)
    return ReportInputs(required=[predictions], optional=_optional_inputs(project), window=window)


def _optional_inputs(project: Project) -> "list[Dep]":
    """The rows of the partition and of the one before, and the target."""
    if monitored_periods(project) is None:
        return [scored_key(project)]
    previous = dg.TimeWindowPartitionMapping(
        start_offset=-1, end_offset=0, allow_nonexistent_upstream_partitions=True
    )
    target: list[Dep] = []
    if project.timeline is not None:
        same = dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
        target = [dg.AssetDep(project.key(names.TARGET), partition_mapping=same)]
    return [dg.AssetDep(scored_key(project), partition_mapping=previous), *target]


def _prepare(run: ReportRun) -> "MakeReport":
    project, comparers = run.project, dict[int, PartitionComparer]()
    periods, window = monitored_periods(project), LogWindow.of_project(project)
    logged = LoggedRows(run, window) if window else None

    def comparer_of(version: int) -> PartitionComparer:
        if version not in comparers:
            scoring = ScoringModel(run, version)
            reject_unknown_drift_columns(project, scoring.model.spec.features)
            comparers[version] = PartitionComparer(run, scoring)
        return comparers[version]

    def make(partition: str | None) -> Report:
        live = compare_live(logged, partition, comparer_of) if logged else {}
        all_live = [each for compared in live.values() for each in compared]
        rows = [row for version, compared in live.items() for row in report_rows(compared, version)]
        metadata = live_metadata(logged.days(partition), all_live) if logged else {}
        if project.scored_key is None:
            return Report(rows, check_outcomes(all_live), metadata)
        version = _scored_by(run, partition)
        comparer = comparer_of(version)
        before = periods.shift(partition, -1) if periods and partition else None
        compared = comparer.compare(partition, before)
        metadata |= {
            **report_metadata(project, comparer, compared, partition),
            **comparer.evidently_metadata(partition),
        }
        return Report(
            [*report_rows(compared, version), *rows], check_outcomes([*compared, *all_live]), metadata
        )

    return make


def _scored_by(run: ReportRun, partition: str | None) -> int:
    """The version that scored a partition.

    Raises
    ------
    DataError
        If the partition has no predictions.
    """
    predictions = run.rows(run.project.key(names.PREDICTIONS), partition)
    [(version,)] = predictions.aggregate(f"max({names.MODEL_VERSION})").fetchall()
    if version is None:
        of = f" of {partition}" if partition else ""
        raise DataError(
            f"{run.project.name}: the predictions{of} have no rows, so there is nothing to compare",
            hint="correct the source of the rows that are predicted",
        )
    return int(version)
