"""The champion that predictions are computed with, and the table of its predictions."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.project.metadata import table_metadata
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.promotion.transitions import open_champion_ledger
from mlops_assets.core import names
from mlops_assets.core.errors import TrackingError

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.stores.tracking.registry import RecordedVersion
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.warehouse import Warehouse


def require_champion(
    project: Project,
    warehouse: "Warehouse",
    tracking: "TrackingStore",
    dagster_run_id: str,
    on_wait: Callable[[str], None],
) -> "RecordedVersion":
    """The champion with the digests of the ledger, after ledger and registry were found to agree.

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


def write_predictions(
    warehouse: "Warehouse",
    connection: "duckdb.DuckDBPyConnection",
    key: dg.AssetKey,
    relation: "duckdb.DuckDBPyRelation",
    champion: "RecordedVersion",
    rows: tuple[dg.AssetKey, int],
    *,
    run_id: str,
    partition: str | None = None,
) -> dg.MaterializeResult:
    """Write the predictions of the champion, all or those of a partition.

    Parameters
    ----------
    connection
        The connection of the relation.
    rows
        The asset whose rows were predicted, and the version of its table.
    """
    source, version = rows
    result = warehouse.write(
        key.path,
        relation,
        partition=partition,
        dagster_run_id=run_id,
        inputs={"/".join(source.path): version},
    )
    digest = warehouse.digest(source.path, partition=partition, version=version)
    written = warehouse.relation(connection, key.path, partition=partition, version=result.version)
    inputs: dict[tuple[dg.AssetKey, str | None], str] = {(source, partition): digest}
    return dg.MaterializeResult(
        data_version=dg.DataVersion(result.digest),
        metadata={
            **table_metadata(result, inputs=inputs),
            names.MODEL_VERSION: champion.version,
            names.IN_TRAINING: len(written.filter(names.IN_TRAINING)),
            **_mean_score(written),
        },
    )


def _mean_score(written: "duckdb.DuckDBPyRelation") -> dict[str, float]:
    """The mean prediction or probability, which shows shifts between partitions in Dagster's UI."""
    score = "probability" if "probability" in written.columns else "prediction"
    if score == "prediction" and str(written.types[written.columns.index(score)]) != "DOUBLE":
        return {}
    mean = written.aggregate(f"avg({score})").fetchall()[0][0]
    return {} if mean is None else {f"mean_{score}": mean}
