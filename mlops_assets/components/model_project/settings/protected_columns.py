"""The columns of protected groups (`evaluation.sensitive`), and the rules of its fairness constraint."""

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops_assets.components.model_project.settings.project import ProjectSettings
    from mlops_assets.ml.search.fairness_trade_off import FairnessRule


def protected_column(settings: "ProjectSettings") -> str | None:
    """The column of the fairness constraint; None without a constraint."""
    if settings.fairness is None:
        return None
    return settings.fairness.column or settings.evaluation.sensitive[0]


def protected_columns(settings: "ProjectSettings") -> list[str]:
    """The columns whose groups are compared by fairness measures, that of the constraint included."""
    return list(dict.fromkeys([*filter(None, [protected_column(settings)]), *settings.evaluation.sensitive]))


def fairness_rule(settings: "ProjectSettings") -> "FairnessRule | None":
    """The constraint as `ml.search.fairness_trade_off` chooses thresholds for it."""
    from mlops_assets.ml.search.fairness_trade_off import FairnessRule

    declared, column = settings.fairness, protected_column(settings)
    if declared is None or column is None:
        return None
    return FairnessRule(
        column, declared.constraint, declared.at_most, tuple(declared.edges), declared.minimum_rows
    )


def fairness_errors(settings: "ProjectSettings") -> Iterator[tuple[str, str]]:
    """Path of an invalid setting, and the problem."""
    declared, protected = settings.fairness, settings.evaluation.sensitive
    if settings.gates.fairness and not protected and declared is None:
        yield "gates.fairness", "requires groups: name columns in evaluation.sensitive"
    if declared is None:
        return
    if settings.task != "binary":
        yield (
            "fairness.constraint",
            f"is for binary only; task is {settings.task}: measure the groups with evaluation.sensitive, and "
            "limit their differences with gates.fairness",
        )
    if settings.weight:
        yield (
            "fairness.constraint",
            "conflicts with `weight`: the rates of the groups count rows equally; remove one of them",
        )
    if declared.column is None and len(protected) != 1:
        yield (
            "fairness.column",
            f"is missing: evaluation.sensitive has {len(protected)} columns; name the one to constrain",
        )
    if any(low >= high for low, high in pairwise(declared.edges)):
        yield "fairness.edges", f"is {declared.edges}; list the numbers in increasing order"
    if declared.column == settings.target.column:
        yield "fairness.column", f"is {declared.column}, which is the target; choose another column"
