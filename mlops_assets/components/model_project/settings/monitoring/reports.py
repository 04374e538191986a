"""Settings of monitoring: which reports a project has, and their thresholds."""

from typing import Literal

from pydantic import Field

from mlops_assets.components.model_project.settings.base import Settings

Report = Literal["data_quality", "drift", "performance"]


class DataQualitySettings(Settings):
    """With which partitions a partition is compared, and how rarely an unchanged one warns."""

    history: int | None = Field(
        default=None,
        ge=6,
        description="Number of partitions before it that a partition is compared with; by default three "
        "years of months, two years of weeks, half a year of days. At least five of them need data.",
    )
    false_alarms: float = Field(
        default=0.005,
        gt=0,
        lt=0.5,
        description="Share of partitions with a warning although nothing has changed: with a lower share, a "
        "change must be larger to be found. All figures of all tables of a partition count together.",
    )


class PerformanceSettings(Settings):
    """Which loss of performance is relevant; a smaller one is no warning, however significant."""

    margin: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="Loss of the primary metric (`tuning.metric`) against its value at registration, in "
        "units of the metric, from which a significant loss is a warning: of all rows, and of each slice of "
        "`evaluation.slices`. By default `gates.champion_margin` if it is positive, else 5 % of the "
        "improvement over the constant baseline.",
    )
    mean_error_margin: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="The same for the mean error, which shows a change of the target's level: of predicted "
        "probability minus share of the second class, or in regression of prediction minus target, in "
        "`target.unit`. By default 0.03, or 10 % of the RMSE at registration.",
    )
    live_days: int | None = Field(
        default=None,
        ge=1,
        description="Projects without partitions: number of the last days of logged requests whose "
        "predictions are compared with targets. A target that arrives later does not count. By default all "
        "days of the log, `serving.log.retention_days`.",
    )


class DriftSettings(Settings):
    """When the distribution of a column has drifted."""

    significance: float = Field(
        default=0.02,
        gt=0,
        lt=0.5,
        description="Maximum share of partitions without a change that have a warning. The p-values are "
        "adjusted for the number of columns.",
    )
    effect: float = Field(
        default=0.07,
        ge=0,
        allow_inf_nan=False,
        description="Minimum size of a drift: the difference between the distributions in standard "
        "deviations, without sampling noise. It is multiplied by a weight of one third (a feature without "
        "importance) to 1 (a feature of at least the mean importance).",
    )
    multivariate: bool = Field(
        default=True,
        description="Train a small classifier to distinguish the rows from those of the reference; it finds "
        "changes that no column shows alone.",
    )
    auc: float = Field(
        default=0.55,
        gt=0.5,
        lt=1,
        description="Minimum ROC AUC of that classifier for a drift; 0.5 for equal rows.",
    )
    without: list[str] = Field(
        default_factory=list,
        description="Features to leave out, such as a row number or a date that always changes.",
    )
    evidently: bool = Field(
        default=False,
        description="Whether to make Evidently's own page as well, on samples of the training rows and of "
        "the partition, without sensitive features. Requires `pip install 'mlops-assets[evidently]'`.",
    )


class MonitoringSettings(Settings):
    """Which reports monitor the data and the predictions of a project."""

    reports: list[Report] = Field(
        default=["data_quality", "drift", "performance"],
        description="Reports over the partitions of an event project, or over the rows of `scoring`: the "
        "assets `data_quality`, `drift_report` and `performance_report`. An empty list: "
        "no monitoring.",
    )
    live_days: int = Field(
        default=7,
        ge=1,
        description="Projects without partitions: number of the last days of logged requests that "
        "`drift_report` compares. With partitions, the requests of its period.",
    )
    data_quality: DataQualitySettings = Field(
        default=DataQualitySettings(), description="Comparison of the rows of a partition with the past."
    )
    performance: PerformanceSettings = Field(
        default=PerformanceSettings(), description="Warnings of the asset `performance_report`."
    )
    drift: DriftSettings = Field(
        default=DriftSettings(), description="When the distribution of a column has drifted."
    )
