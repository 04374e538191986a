"""Sensitive columns among the features: refused unless they are allowed by name."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError

if TYPE_CHECKING:
    import duckdb


def reject_sensitive_features(project: Project, returned: Sequence[str]) -> None:
    """Reject a result of `features.sql` with sensitive columns that are not allowed as features.

    Parameters
    ----------
    returned
        The columns of the result.

    Raises
    ------
    ProjectError
        With the columns: a model would learn from their values, and its files may contain some.
    """
    aside = {*project.settings.entity, *project.settings.sensitive_features}
    hidden = {name.lower(): name for name in project.sensitive}  # SQL does not distinguish case
    if found := sorted(name for name in set(returned) - aside if name.lower() in hidden):
        declared = ", ".join(hidden[name.lower()] for name in found)
        renamed = "" if declared == ", ".join(found) else f"return it as {declared} and "
        raise ProjectError(
            f"{project.name}: features.sql returns the sensitive column{'s' * (len(found) > 1)} "
            f"{', '.join(found)}, and files of the model could contain values",
            hint=f"remove it from features.sql, or {renamed}allow it with sensitive_features: [{declared}] "
            "in defs.yaml",
        )


def reject_copied_columns(
    project: Project, valid: "duckdb.DuckDBPyRelation", written: "duckdb.DuckDBPyRelation"
) -> None:
    """Reject features that are copies of a sensitive column under another name.

    Raises
    ------
    ProjectError
        With a feature that has the values of a sensitive column in all rows.
    """
    from mlops_assets.ml.features.copied_columns import find_copies

    hidden = [name for name in valid.columns if name in project.sensitive]
    aside = {names.ROW_ID, names.PARTITION, *project.sensitive}
    features = [name for name in written.columns if name not in aside]
    for feature, column in find_copies(written, valid, features, hidden):
        raise ProjectError(
            f"{project.name}: the feature {feature} is a copy of the sensitive column {column}, and files of "
            "the model could contain values",
            hint=f"remove it from features.sql; or keep the name {column} and allow it with "
            f"sensitive_features: [{column}] in defs.yaml",
        )
