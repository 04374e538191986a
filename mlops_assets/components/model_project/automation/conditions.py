"""Automation conditions and freshness policies of the data assets."""

from datetime import timedelta

import dagster as dg

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import job_names

_SECONDS = 5
"""Time between two evaluations: short, because users watch for the result of a new file."""


def follows_its_inputs(
    project: Project,
    *,
    ignored: dg.AssetSelection | None = None,
    optional: dg.AssetSelection | None = None,
    reads_blocked: bool = False,
) -> dg.AutomationCondition:
    """Materialize an asset when it is missing, or when the content of an input has changed.

    `AutomationCondition.eager()` differs: it covers the latest partition only, ignores a failed check on a
    later tick, and treats an input that was written again with equal content as changed.

    Parameters
    ----------
    ignored
        Inputs that must exist, but whose changes are ignored.
    optional
        Inputs that may be missing; their arrival is a change.
    reads_blocked
        Materialize the asset although an input failed a blocking check.
    """
    condition = dg.AutomationCondition
    changed = condition.any_deps_match(condition.data_version_changed())
    if ignored is not None:
        changed = changed.ignore(ignored)
    missing = condition.any_deps_missing()
    if optional is not None:
        missing = missing.ignore(optional)
    wanted = (condition.newly_missing() | changed).with_label("missing, or an input has changed")
    followed = (
        # Holds until the asset is requested or updated, because inputs may be incomplete at first.
        # `since_last_handled()` would also forget assets that were missing before the daemon's first run.
        wanted.since(condition.newly_requested() | condition.newly_updated())
        & ~missing
        & ~condition.any_deps_in_progress()
        & ~condition.in_progress()
    )
    if not reads_blocked:
        # Also on later ticks, and for partitions that this one only looks back on.
        blocked = condition.any_checks_match(condition.check_failed(), blocking_only=True)
        followed &= ~condition.any_deps_match(blocked)
    return followed.with_label(f"{project.name}: follows its inputs")


def follows_updates(project: Project) -> dg.AutomationCondition:
    """Materialize an asset without partitions once after all updates of its inputs' partitions.

    Not while more of them are in progress, and not before there is one.
    """
    condition = dg.AutomationCondition
    wanted = condition.newly_missing() | condition.any_deps_updated()
    return (
        wanted.since(condition.newly_requested() | condition.newly_updated())
        & condition.any_deps_match(~condition.missing())
        & ~condition.any_deps_in_progress()
        & ~condition.in_progress()
    ).with_label(f"{project.name}: follows updates")


def freshness(hours: float | None) -> dg.FreshnessPolicy | None:
    """A policy that fails if the asset is not materialized for these hours, and warns after 90 % of them."""
    if hours is None:
        return None
    return dg.FreshnessPolicy.time_window(
        fail_window=timedelta(hours=hours), warn_window=timedelta(hours=hours * 0.9)
    )


def automation_sensor(project: Project) -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates the conditions of the project's assets.

    Dagster's default sensor would be stopped initially.
    """
    on = project.settings.automation.assets
    return dg.AutomationConditionSensorDefinition(
        job_names.sensor_name(project.name, "automation"),
        target=dg.AssetSelection.groups(project.name),
        default_status=dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=_SECONDS,
        description="Materializes features, target and predictions when their inputs have changed.",
    )
