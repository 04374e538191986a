"""Settings of schedules, sensors and freshness policies."""

from typing import Annotated

from pydantic import Field, StringConstraints

from mlops_assets.components.model_project.settings.base import Settings

Cron = Annotated[str, StringConstraints(pattern=r"^\s*(\S+\s+){4}\S+\s*$|^@\w+$")]


class BackfillSchedule(Settings):
    """A schedule that ingests the newest partitions again."""

    cron: Cron = Field(description="Cron expression, such as `0 3 * * 0` or `@weekly`.")
    last: int = Field(
        default=3, ge=1, description="Number of partitions to ingest again: the newest ones that have data."
    )


class IngestSchedule(Settings):
    """A schedule that ingests the tables whose source is a query."""

    cron: Cron = Field(description="Cron expression, such as `*/15 * * * *` or `@hourly`.")
    last: int = Field(
        default=3,
        ge=1,
        description="Tables with partitions: number of newest partitions to query again at each tick. "
        "Partitions that were never ingested are always queried.",
    )


class ScheduleSettings(Settings):
    """Cron schedules. New and changed files need none: sensors ingest them."""

    score: Cron | None = Field(
        default=None,
        description="Cron expression for scoring with the champion: in an event project the newest "
        "partition that has features, else the rows of `scoring` or their newest partition. Ticks are "
        "skipped if nothing has changed. Without it there is no schedule.",
    )
    train: Cron | None = Field(
        default=None,
        description="Cron expression for training, in an event project at the newest labelled cut-off. Ticks "
        "are skipped if nothing has changed. Without it there is no schedule.",
    )
    backfill: BackfillSchedule | None = Field(
        default=None,
        description="Schedule that ingests the newest partitions again, of the event tables or of `scoring`, "
        "such as for late corrections. Content that did not change is not written again.",
    )
    ingest: IngestSchedule | None = Field(
        default=None,
        description="Schedule that ingests the tables whose source is a query. Sensors do not watch queries.",
    )
    timezone: str = Field(
        default="UTC", description="Time zone of all cron expressions, such as `Europe/Berlin`."
    )


class AutomationSettings(Settings):
    """Which sensors, conditions and schedules are switched on when Dagster first loads the project.

    Each can be switched on and off in Dagster's UI.
    """

    files: bool = Field(
        default=True, description="Switch on the sensors that ingest new and changed source files."
    )
    assets: bool = Field(
        default=True,
        description="Switch on the automation conditions: features, target and predictions are materialized "
        "again when their inputs change.",
    )
    schedules: bool = Field(default=True, description="Switch on the declared schedules.")
    seconds: int = Field(
        default=5, ge=1, description="Minimum time between two evaluations of a file sensor, in seconds."
    )
    remote_seconds: int = Field(
        default=60,
        ge=1,
        description="The same for files behind a URL, such as those of an object store, in seconds.",
    )


_TEN_YEARS = 87_600.0
"""In hours; Dagster can't represent an infinite time."""


class FreshnessSettings(Settings):
    """Freshness policies. A policy warns after 90 % of its time and fails after all of it."""

    predictions_hours: float | None = Field(
        default=None,
        gt=0,
        le=_TEN_YEARS,
        description="Maximum age of the newest predictions, in hours. By default they have "
        "no freshness policy.",
    )
    champion_hours: float | None = Field(
        default=None,
        gt=0,
        le=_TEN_YEARS,
        description="Maximum time since the last promotion decision, in hours. By default the champion has "
        "no freshness policy.",
    )
    online_hours: float | None = Field(
        default=None,
        gt=0,
        le=_TEN_YEARS,
        description="Maximum time since online features were last brought up to date, in hours; requires "
        "`serving.online`. By default they have no freshness policy.",
    )
    arrival_hours: float | None = Field(
        default=None,
        gt=0,
        le=_TEN_YEARS,
        description="Maximum delay of a partition after its end, in hours: a partition that has not arrived "
        "by then is overdue, which `alerts` reports. By default none is expected.",
    )
