"""What a project's `defs.yaml` can say of what runs by itself, and how old things may be."""

from typing import Annotated

from pydantic import Field, StringConstraints

from mlops_assets.components.model_project.settings.base import Settings

Cron = Annotated[str, StringConstraints(pattern=r"^\s*(\S+\s+){4}\S+\s*$|^@\w+$")]


class BackfillSchedule(Settings):
    """A schedule that reads the newest partitions again."""

    cron: Cron = Field(description="When, as cron spells it.")
    last: int = Field(default=3, ge=1, description="How many partitions, the newest that have data.")


class IngestSchedule(Settings):
    """A schedule that reads databases."""

    cron: Cron = Field(description="When, as cron spells it.")
    last: int = Field(
        default=3,
        ge=1,
        description="Event projects: how many of the newest partitions are read again; those that were never "
        "read are read in any case.",
    )


class ScheduleSettings(Settings):
    """What runs at set times. Sensors see to new data meanwhile."""

    score: Cron | None = Field(
        default=None, description="Event projects: score the newest partition that has features."
    )
    train: Cron | None = Field(
        default=None,
        description="Train again, at the newest cut-off with labels; unless nothing has changed.",
    )
    backfill: BackfillSchedule | None = Field(
        default=None, description="Event projects: read the newest partitions again."
    )
    ingest: IngestSchedule | None = Field(
        default=None, description="Read the tables whose source is a query; no sensor looks at them."
    )
    timezone: str = Field(default="UTC", description="The time zone of the times.")


class AutomationSettings(Settings):
    """What follows by itself while Dagster's daemon runs; all can be switched in Dagster's UI, too."""

    files: bool = Field(default=True, description="Sensors start with: new and changed files are ingested.")
    assets: bool = Field(
        default=True,
        description="Features, target and predictions follow when what they are made of changed.",
    )
    schedules: bool = Field(default=True, description="Schedules start with Dagster.")
    seconds: int = Field(default=5, ge=1, description="Least seconds between two looks at the files.")
    remote_seconds: int = Field(
        default=60, ge=1, description="The same for files behind a URL, such as those of an object store."
    )


class FreshnessSettings(Settings):
    """How old may be what people rely on."""

    predictions_hours: float | None = Field(
        default=None, gt=0, description="Predictions are late when none was written for so long."
    )
    champion_hours: float | None = Field(
        default=None, gt=0, description="The champion is late when no decision about it was made for so long."
    )
