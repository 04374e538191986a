"""What follows by itself: the condition under which a data asset is made again."""

from datetime import timedelta

import dagster as dg

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import job_names

_SECONDS = 5
"""Between two evaluations: somebody waits for what they dropped into a folder."""


def follows_its_inputs(
    project: Project, *, whatever: dg.AssetSelection | None = None
) -> dg.AutomationCondition:
    """Made again when it is missing, or when the content of something that it is made of has changed.

    Parameters
    ----------
    whatever
        Inputs that must be there, but whose change is no reason.

    `AutomationCondition.eager()` is not that: it looks at the latest period alone, passes a failed check on a
    later tick, and takes an input that was written again with equal content for a new one.
    """
    condition = dg.AutomationCondition
    changed = condition.any_deps_match(condition.data_version_changed())
    if whatever is not None:
        changed = changed.ignore(whatever)
    wanted = (condition.newly_missing() | changed).with_label(
        "missing, or made of something that has changed"
    )
    return (
        # Remembered until it was asked for or made: its inputs may not be ready when the reason appears.
        # `since_last_handled()` would also forget what was missing before the daemon first ran.
        wanted.since(condition.newly_requested() | condition.newly_updated())
        & ~condition.any_deps_missing()
        & ~condition.any_deps_in_progress()
        & ~condition.in_progress()
        # Also in later ticks, and for inputs that this partition only looks back on.
        & ~condition.any_deps_match(condition.any_checks_match(condition.check_failed(), blocking_only=True))
    ).with_label(f"{project.name}: follows its inputs")


def freshness(hours: float | None) -> dg.FreshnessPolicy | None:
    """A policy that fails when nothing was made for so long, and warns after nine tenths of it."""
    if hours is None:
        return None
    return dg.FreshnessPolicy.time_window(
        fail_window=timedelta(hours=hours), warn_window=timedelta(hours=hours * 0.9)
    )


def automation_sensor(project: Project) -> dg.AutomationConditionSensorDefinition:
    """Evaluates the conditions of the project's assets; without it, Dagster's own sensor would start
    stopped.
    """
    on = project.settings.automation.assets
    return dg.AutomationConditionSensorDefinition(
        job_names.sensor_name(project.name, "automation"),
        target=dg.AssetSelection.groups(project.name),
        default_status=dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=_SECONDS,
        description="Features, target and predictions follow when what they are made of has changed.",
    )
