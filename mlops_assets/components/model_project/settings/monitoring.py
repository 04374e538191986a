"""Settings of monitoring: which reports a project has, and their thresholds."""

from typing import Literal

from pydantic import Field

from mlops_assets.components.model_project.settings.base import Settings

Report = Literal["data_quality", "drift", "performance"]


class MonitoringSettings(Settings):
    """Which reports monitor the data and the predictions of a project."""

    reports: list[Report] = Field(
        default=["data_quality", "drift", "performance"],
        description="Reports over the partitions of an event project, or over the rows of `scoring`: the "
        "assets `data_quality`, `drift_report` and `performance_report`. An empty list: "
        "no monitoring.",
    )
