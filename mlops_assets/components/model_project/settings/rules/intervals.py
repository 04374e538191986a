"""Rules across the settings of prediction intervals and prediction sets."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops_assets.components.model_project.settings.project import ProjectSettings


def has_uncertainty(settings: "ProjectSettings") -> bool:
    """Whether predictions have intervals or sets."""
    if settings.task != "regression":
        return settings.prediction_sets is not None
    return settings.intervals.coverage is not None and settings.target.quantile is None


def interval_errors(settings: "ProjectSettings") -> Iterator[tuple[str, str]]:
    """Paths and problems of settings that conflict with the task or with each other."""
    task, intervals, sets = settings.task, settings.intervals, settings.prediction_sets
    if task != "regression" and intervals.model_fields_set:
        yield "intervals", f"is for regression only; task is {task}; declare prediction_sets instead"
    if task == "regression" and sets:
        yield "prediction_sets", "is for classification only; task is regression; declare intervals instead"
    if settings.target.quantile is not None and intervals.model_fields_set and intervals.coverage is not None:
        yield (
            "intervals",
            "conflicts with target.quantile: intervals are around the mean; declare one",
        )
    if intervals.groups and intervals.coverage is None:
        yield "intervals.groups", "requires a coverage: declare intervals.coverage"
    for path, groups in (("intervals", intervals.groups), ("prediction_sets", sets.groups if sets else [])):
        for index, name in enumerate(groups):
            if name in groups[:index]:
                yield f"{path}.groups.{index}", f"is {name}, which is listed twice"
