"""The expression of a target, and the columns that it hides from the features."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core.names import SCORING

if TYPE_CHECKING:
    from mlops_assets.ml.features.target_expression import TargetExpression

EXPRESSION_SETTINGS = ("expression", "keep")
"""Settings of the target that older projects do not have."""


def target_expression(project: Project) -> "TargetExpression | None":
    """The declared expression; None if the target is a column of the table."""
    from mlops_assets.ml.features.target_expression import TargetExpression

    target = project.settings.target
    if not target.expression:
        return None
    subject = f"{project.name}: target.expression"
    return TargetExpression(target.expression, project.table, subject, tuple(target.keep))


def hidden_columns(project: Project, known: Sequence[str]) -> tuple[str, ...]:
    """The target, the weight, and the columns that only the target's expression reads.

    They are neither features nor inputs of a model.

    Parameters
    ----------
    known
        Columns of the table.
    """
    declared, weight = target_expression(project), project.settings.weight
    hidden = [project.settings.target.column, *([weight] if weight else [])]
    return (*hidden, *(declared.hidden(known) if declared else ()))


def identity_columns(project: Project, table: str, known: Sequence[str]) -> list[str]:
    """The columns that identify a row of a table: its key, or else all that a prediction could depend on.

    Rows of a static project that differ only in the target, the weight, or a column that only the target's
    expression reads are equal to a model, and a split must not divide them.

    Parameters
    ----------
    known
        Columns of the contract of the table.
    """
    aside = {project.settings.target.column}
    if table == SCORING:
        arrival = project.read_tables[table].arrival
        declared = project.files.contract(project.table).names if arrival else ()
        aside |= {arrival} - set(declared) if arrival else set()
    elif project.timeline is None:
        aside |= set(hidden_columns(project, known))
    return project.read_tables[table].key or sorted(set(known) - aside)


def expression_code(project: Project) -> list[str]:
    """What the content of an asset depends on because of the expression, for code versions."""
    target = project.settings.target
    return [repr((target.expression, target.keep))] if target.expression else []
