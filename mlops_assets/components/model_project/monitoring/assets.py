"""The monitoring assets of a project, and their job."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.monitoring.data_quality import data_quality_asset
from mlops_assets.components.model_project.monitoring.drift.drift_report import drift_report_asset
from mlops_assets.components.model_project.monitoring.performance.performance_report import (
    performance_report_asset,
)
from mlops_assets.components.model_project.project.log_window import LogWindow, measurable_log
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.settings.monitoring.reports import Report
from mlops_assets.core import job_names

if TYPE_CHECKING:
    from mlops_assets.compat.dagster import UnresolvedAssetJobDefinition

_REPORTS: Mapping[Report, Callable[[Project], dg.AssetsDefinition]] = {
    "data_quality": data_quality_asset,
    "drift": drift_report_asset,
    "performance": performance_report_asset,
}
"""The report assets by their name in `monitoring.reports`."""


def report_assets(project: Project) -> list[dg.AssetsDefinition]:
    """The declared reports over the partitions of an event project, the rows of `scoring`, or the log."""
    wanted = [name for name in _REPORTS if name in project.settings.monitoring.reports]
    if project.scored_key is None:  # the log of the service has the only rows that are predicted
        read_log = {"drift": LogWindow.of_project(project), "performance": measurable_log(project)}
        wanted = [name for name in wanted if read_log.get(name)]
    return [_REPORTS[name](project) for name in wanted]


def monitor_job(project: Project, reports: list[dg.AssetsDefinition]) -> "UnresolvedAssetJobDefinition":
    """The job `<project>_monitor`: the reports on a partition; one run makes those of many."""
    return dg.define_asset_job(
        job_names.job_name(project.name, job_names.MONITOR),
        dg.AssetSelection.assets(*(key for report in reports for key in report.keys)),
        description="Make the reports on a partition, or on many partitions in one run.",
    )
