"""Clusters of correlated rows, as a project declares them."""

from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.project import Project

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def cluster_columns(project: Project) -> list[str]:
    """The columns that identify a cluster: those of `evaluation.clusters`, the entity or `split.group`.

    Empty if each row is a cluster of its own.
    """
    settings = project.settings
    if settings.evaluation.clusters:
        return list(settings.evaluation.clusters)
    return list(settings.entity if project.timeline is not None else settings.split.group)


def row_clusters(project: Project, rows: "pd.DataFrame") -> "NDArray | None":
    """The cluster of each row as an index, shape `(n,)`; None if rows are independent.

    Rows without a value in these columns are one cluster, as the split keeps them on one side.
    """
    columns = cluster_columns(project)
    if not columns:
        return None
    return rows.groupby(columns, dropna=False, sort=False).ngroup().to_numpy()
