"""Rules of sensitive columns: settings that would show or store their values outside of tables."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.settings.base import Errors
from mlops_assets.components.model_project.settings.protected_columns import protected_column
from mlops_assets.core.text.suggestions import suggest_name

if TYPE_CHECKING:
    from mlops_assets.components.model_project.settings.project import ProjectSettings


def sensitive_errors(settings: "ProjectSettings", sensitive: Collection[str]) -> Errors:
    """Path of an invalid setting, and the problem.

    Parameters
    ----------
    sensitive
        Names of the sensitive columns, of `defs.yaml` and `schema.py`.
    """
    if settings.target.column in sensitive:
        yield (
            "target.column",
            f"is {settings.target.column}, which is sensitive: metrics, reports and predictions show the "
            "target; remove it from the sensitive columns, or predict another column",
        )
    if settings.split.column in sensitive:
        yield (
            "split.column",
            f"is {settings.split.column}, which is sensitive: reports show the times of a split; choose "
            "another column",
        )
    for table, declared in settings.tables.items():
        for name in ("time", "arrival", "valid_from", "valid_to"):
            if (column := getattr(declared, name)) in sensitive:
                yield (
                    f"tables.{table}.{name}",
                    f"is {column}, which is sensitive: partitions and messages show its times; remove it "
                    "from the sensitive columns",
                )
    yield from _live_performance_errors(settings, sensitive)
    protected = protected_column(settings)
    if protected in sensitive:
        yield (
            "fairness.column" if settings.fairness and settings.fairness.column else "fairness",
            f"selects thresholds by {protected}, which is sensitive: the model contains its values; measure "
            "its groups with evaluation.sensitive, or remove it from the sensitive columns",
        )
    sets = settings.prediction_sets
    groups = {"intervals": settings.intervals.groups, "prediction_sets": sets.groups if sets else []}
    for setting, columns in groups.items():
        for index, column in enumerate(columns):
            if column in sensitive:
                yield (
                    f"{setting}.groups.{index}",
                    f"is {column}, which is sensitive: the model contains the values of groups; choose "
                    "another column",
                )
    for index, column in enumerate(settings.sensitive_features):
        if column not in sensitive:
            yield (
                f"sensitive_features.{index}",
                f"is {column}, which is not sensitive; {suggest_name(column, sensitive)}"
                if sensitive
                else f"is {column}, but no column is sensitive; remove it",
            )


def _live_performance_errors(settings: "ProjectSettings", sensitive: Collection[str]) -> Errors:
    """Performance of logged requests without the key by which targets belong to them."""
    is_asked = bool(settings.monitoring.performance.model_fields_set)
    if settings.partitions is not None or settings.scoring is not None or not is_asked:
        return
    keys = [name for table in settings.tables.values() for name in table.key if name in sensitive]
    if keys and settings.serving.log.enabled and settings.serving.log.sensitive == "drop":
        yield (
            "monitoring.performance",
            f"requires the key {', '.join(keys)} in the prediction log, which leaves it out because it is "
            "sensitive; set serving.log.sensitive to hash",
        )
