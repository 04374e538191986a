"""The champion that predictions are computed with, and their mean."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.promotion.transitions import open_champion_ledger
from mlops_assets.core import names
from mlops_assets.core.errors import TrackingError

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.stores.tracking.registry import Version
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.warehouse import Warehouse


def require_champion(
    project: Project,
    warehouse: "Warehouse",
    tracking: "TrackingStore",
    dagster_run_id: str,
    on_wait: Callable[[str], None],
) -> "Version":
    """The champion, after ledger and registry were found to agree.

    Raises
    ------
    TrackingError
        If there is none.
    """
    ledger = open_champion_ledger(project, warehouse, tracking)
    champion = ledger.verified_champion(f"Dagster run {dagster_run_id}", on_wait)
    if champion is None:
        raise TrackingError(
            f"{project.name} has no champion to predict with",
            hint=f"train one: materialize {project.name}/{names.CHAMPION}, or `mlops run {project.name}`",
        )
    return champion


def mean_score(written: "duckdb.DuckDBPyRelation") -> dict[str, float]:
    """The mean prediction or probability, which shows shifts between partitions in Dagster's UI."""
    score = "probability" if "probability" in written.columns else "prediction"
    if score == "prediction" and str(written.types[written.columns.index(score)]) != "DOUBLE":
        return {}
    mean = written.aggregate(f"avg({score})").fetchall()[0][0]
    return {} if mean is None else {f"mean_{score}": mean}
