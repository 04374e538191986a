"""The champion that predictions are computed with, and the table of its predictions."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.lineage.column_lineage import (
    ColumnLineage,
    copied_columns,
)
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
    read: Sequence[str] = (),
) -> dg.MaterializeResult:
    """Write the predictions of the champion, all or those of a partition.

    Parameters
    ----------
    connection
        The connection of the relation.
    rows
        The asset whose rows were predicted, and the version of its table.
    read
        The columns of these rows that the model reads.
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
    known = warehouse.relation(connection, source.path, partition=partition, version=version).columns
    inputs: dict[tuple[dg.AssetKey, str | None], str] = {(source, partition): digest}
    return dg.MaterializeResult(
        data_version=dg.DataVersion(result.digest),
        metadata={
            **table_metadata(result, inputs=inputs),
            **_lineage(source, written.columns, known, read),
            names.MODEL_VERSION: champion.version,
            names.IN_TRAINING: len(written.filter(names.IN_TRAINING)),
            **_mean_score(written),
        },
    )


def _lineage(
    source: dg.AssetKey, written: Sequence[str], known: Sequence[str], read: Sequence[str]
) -> dict[str, Any]:
    """Lineage of predictions: those columns that are not carried along come from what the model reads."""
    ours = {names.MODEL_VERSION, names.IN_TRAINING, names.PARTITION}
    predicted = [name for name in written if name not in known and name not in ours]
    found = {name: [(source, column) for column in read] for name in predicted}
    carried = [name for name in written if name not in ours]
    return (copied_columns(source, carried, of=known) | ColumnLineage(found)).metadata()


def _mean_score(written: "duckdb.DuckDBPyRelation") -> dict[str, float]:
    """The mean prediction or probability, which shows shifts between partitions in Dagster's UI."""
    score = "probability" if "probability" in written.columns else "prediction"
    if score == "prediction" and str(written.types[written.columns.index(score)]) != "DOUBLE":
        return {}
    mean = written.aggregate(f"avg({score})").fetchall()[0][0]
    return {} if mean is None else {f"mean_{score}": mean}
