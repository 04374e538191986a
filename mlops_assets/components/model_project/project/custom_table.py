"""Tables of custom assets: the result of a query, written like the generated tables."""

from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.project.blocked_inputs import require_succeeded
from mlops_assets.components.model_project.project.metadata import table_metadata
from mlops_assets.components.model_project.project.metadata_names import INPUTS
from mlops_assets.components.model_project.project.staleness import Staleness
from mlops_assets.core.errors import ProjectError
from mlops_assets.core.names import view_name

if TYPE_CHECKING:
    from mlops_assets.stores.warehouse.warehouse import Warehouse


def write_custom_table(
    context: dg.AssetExecutionContext, store: "Warehouse", query: str
) -> "dg.MaterializeResult[None]":
    """Write the result of a query as the table of the asset that is materialized.

    Parameters
    ----------
    query
        One SELECT over the tables of the warehouse, such as `customer_churn.predictions`; `$partition` is the
        partition of an asset that has partitions. Each table is read at one version, also under concurrent
        writes.

    Raises
    ------
    ProjectError
        When the query fails.
    """
    import duckdb

    key = context.asset_key
    partition = context.partition_key if context.has_partition_key else None
    graph = context.job_def.asset_layer.asset_graph
    parents = sorted(parent for parent in graph.get(key).parent_keys if store.exists(parent.path))
    with store.turn(key.path, partition), store.connect() as connection:
        staleness = Staleness(graph, context.instance, store)
        require_succeeded(context.instance, key.path[0], staleness.parts(key, partition))
        digest = staleness.inputs(key, partition)
        versions = {tuple(parent.path): store.version(parent.path) for parent in parents}
        store.create_views(connection, versions)
        try:
            params = {"partition": partition} if partition and "$partition" in query else None
            rows = connection.sql(query, params=params)
            result = store.write(
                key.path,
                rows,
                partition=partition,
                dagster_run_id=context.run.run_id,
                inputs={"/".join(path): version for path, version in versions.items()},
            )
        except duckdb.Error as error:
            known = ", ".join(view_name(path) for path in store.tables() if path[0] == key.path[0])
            raise ProjectError(
                f"{key.path[0]}: the query of {'/'.join(key.path[1:])} failed: {str(error).strip()}",
                hint=f"correct the query; the project's tables are {known}",
            ) from error
    return dg.MaterializeResult(
        data_version=dg.DataVersion(result.digest),
        metadata={**table_metadata(result), INPUTS: digest},
    )
