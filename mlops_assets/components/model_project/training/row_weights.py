"""Row weights: the declared column in the training set, and columns that are not features."""

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.core.sql_quoting import quoted

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    from numpy.typing import NDArray

    from mlops_assets.ml.evaluation.gates import GateResult

_EXAMPLES = 3


def weight_code(project: Project) -> list[str]:
    """The part of a code version for the weight; empty without one."""
    return [f"weight {project.settings.weight}"] if project.settings.weight else []


def weight_sql(project: Project) -> str:
    """The weight as a column of the training set, followed by a comma; empty without one."""
    weight = project.settings.weight
    return f"try_cast({quoted(weight)} as double) as {names.WEIGHT}, " if weight else ""


def reject_target_features(project: Project, features: Collection[str]) -> None:
    """Raise if the target or the weight of the rows is among the features."""
    target, weight = project.settings.target.column, project.settings.weight
    if target in features:
        raise ProjectError(
            f"{project.name}: features.sql returns {target}, which is the target",
            hint="rename the feature; the target can't be a feature",
        )
    if weight in features:
        raise ProjectError(
            f"{project.name}: features.sql returns {weight}, which is the weight of the rows",
            hint="rename the feature; the weight can't be a feature",
        )


def require_positive_weights(project: Project, labelled: "duckdb.DuckDBPyRelation", key: str) -> None:
    """Raise if a row of the training set has a weight that is not a positive, finite number.

    Parameters
    ----------
    key
        SQL list of the columns that identify a row, for the message.
    """
    if not project.settings.weight:
        return
    weight = names.WEIGHT
    wrong = labelled.filter(f"not coalesce({weight} > 0 and isfinite({weight}), false)")
    count = len(wrong)
    if not count:
        return
    shown = wrong.project(f"{key}, {weight}").limit(_EXAMPLES)
    rows = "; ".join(", ".join(map(str, row)) for row in shown.fetchall())
    name = project.settings.weight
    raise DataError(
        f"{project.name}: {count:,} of {len(labelled):,} labelled rows have no positive weight in {name} "
        f"({', '.join(shown.columns[:-1])} and {name}: {rows}{'; …' if count > _EXAMPLES else ''})",
        hint=f"declare `{name}: float = pa.Field(gt=0)` in schema.py, so that such rows are quarantined"
        if project.timeline is None
        else f"return a positive {name} from target.sql",
    )


def with_weight(project: Project, result: "GateResult") -> "GateResult":
    """The result of a gate that compares weighted scores, with the column of the weights."""
    from mlops_assets.ml.evaluation import gates

    weighted = (
        gates.MINIMUM_METRICS,
        gates.BETTER_THAN_BASELINE,
        gates.NOT_WORSE_THAN_CHAMPION,
        gates.CLOSE_SLICES,
    )
    if not project.settings.weight or result.gate not in weighted:
        return result
    return replace(result, message=f"{result.message} (weighted by {project.settings.weight})")


def row_weights(project: Project, rows: "pd.DataFrame") -> "NDArray | None":
    """The weights of rows of the validated table or of the training set; None if there are none."""
    import numpy as np

    for name in (names.WEIGHT, project.settings.weight):
        if name and name in rows:
            weights = rows[name].to_numpy(dtype=float)
            return np.asarray(weights)
    return None
