"""Tables computed by `features.sql` and `target.sql`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.ml.features.feature_query import FeatureQuery
    from mlops_assets.ml.features.project_query import ProjectQuery
    from mlops_assets.stores.delta.commit import DeclaredPartitions
    from mlops_assets.stores.warehouse.warehouse import Warehouse, WriteResult


def write_computed(
    store: "Warehouse",
    key: dg.AssetKey,
    query: "FeatureQuery | ProjectQuery",
    computed: "duckdb.DuckDBPyRelation",
    *,
    dagster_run_id: str,
    inputs: Mapping[str, int],
    partition: str | None = None,
    declared: "DeclaredPartitions | None" = None,
) -> "WriteResult":
    """Compute and write rows; errors are reported as errors of the query.

    Raises
    ------
    ProjectError
        When the query fails.
    """
    import duckdb

    try:
        return store.write(
            key.path,
            computed,
            partition=partition,
            dagster_run_id=dagster_run_id,
            inputs=inputs,
            declared=declared,
        )
    except duckdb.Error as error:
        raise query.error_for(error) from error


def validated_deps(project: Project, mapping: dg.PartitionMapping) -> list[dg.AssetDep]:
    """Dependencies on the validated rows of all tables; the mapping applies to those with partitions."""
    return [
        dg.AssetDep(
            project.table_key(names.VALIDATED, table),
            partition_mapping=mapping if table in project.event_tables else None,
        )
        for table in project.settings.tables
    ]
