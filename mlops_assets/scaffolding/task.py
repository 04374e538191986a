"""The task of a project, from the values of its target."""

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.scaffolding.column_profile import MAX_VALUES, ColumnProfile
from mlops_assets.scaffolding.table_draft import TableDraft

_FEW_NUMBERS = 10
"""Maximum number of distinct integers that are taken for classes."""


def task_of(base: TableDraft, target: ColumnProfile) -> Task:
    """The task that the values of the target suggest.

    Raises
    ------
    ProjectError
        If the values are neither numbers nor few enough classes.
    """
    whole_classes = target.sql_type == "BIGINT" and target.distinct <= _FEW_NUMBERS
    if target.is_number and not whole_classes:
        return "regression"
    if target.distinct == 2:
        return "binary"
    if whole_classes or (target.sql_type == "VARCHAR" and target.distinct <= MAX_VALUES):
        return "multiclass"
    raise ProjectError(
        f"{base.project}: column {target.name} has {target.distinct:,} distinct values of type "
        f"{target.sql_type.lower()}, from {target.least} to {target.greatest}: neither numbers nor classes",
        hint=f"choose another target: numbers in one format, or at most {MAX_VALUES} classes",
    )


def require_compatible_task(project: str, target: ColumnProfile, task: Task) -> None:
    """Raise `ProjectError` if the values of the target do not fit the task."""
    problem = ""
    if task == "regression" and not target.is_number:
        problem = f"is not numeric: it has {target.least!r}, for example"
    if task == "binary" and target.distinct != 2:
        problem = f"has {target.distinct:,} distinct values; binary requires two"
    if task == "multiclass" and not target.values:
        problem = f"has {target.distinct:,} distinct values; multiclass allows at most {MAX_VALUES} classes"
    if task != "regression" and target.sql_type in ("DATE", "TIMESTAMP"):
        problem = "has timestamps, which are not classes"
    if problem:
        raise ProjectError(
            f"{project}: the target {target.name} {problem}",
            hint="choose another --target or --task; without --task it is inferred from the values",
        )
