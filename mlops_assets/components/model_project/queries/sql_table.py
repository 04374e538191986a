"""Tables computed by `features.sql` and `target.sql`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.project.metadata_names import SNAPSHOTS
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.stores.project_folder.files import SCHEMA

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.ml.features.feature_query import FeatureQuery
    from mlops_assets.ml.features.project_query import ProjectQuery
    from mlops_assets.stores.delta.commit import DeclaredPartitions
    from mlops_assets.stores.delta.kept_content import KeptContent
    from mlops_assets.stores.warehouse.warehouse import Warehouse, WriteResult


def write_computed(
    store: "Warehouse",
    connection: "duckdb.DuckDBPyConnection",
    key: dg.AssetKey,
    query: "FeatureQuery | ProjectQuery",
    computed: "duckdb.DuckDBPyRelation",
    *,
    dagster_run_id: str,
    inputs: Mapping[str, int],
    partition: str | None = None,
    declared: "DeclaredPartitions | None" = None,
    kept: "KeptContent | None" = None,
) -> "WriteResult":
    """Compute and write rows; errors are reported as errors of the query.

    Parameters
    ----------
    connection
        The connection of the rows.

    Raises
    ------
    ProjectError
        When the query fails.
    StoreError
        When it fails because a file that it reads is damaged.
    """
    import duckdb

    from mlops_assets.stores.warehouse.opened_files import require_intact

    try:
        return store.write(
            key.path,
            computed,
            partition=partition,
            dagster_run_id=dagster_run_id,
            inputs=inputs,
            declared=declared,
            kept=kept,
        )
    except duckdb.Error as error:
        require_intact(connection)
        raise query.error_for(error) from error


def checked_with_intact_files(
    connection: "duckdb.DuckDBPyConnection", results: Iterable[dg.AssetCheckResult]
) -> Iterator[dg.AssetCheckResult]:
    """Yield check results; before one that blocks, verify the files that were read on the connection.

    Raises
    ------
    StoreError
        When a file is damaged: the result would blame the query for it.
    """
    from mlops_assets.stores.warehouse.opened_files import require_intact

    for result in results:
        if not result.passed and result.severity == dg.AssetCheckSeverity.ERROR:
            require_intact(connection)
        yield result


def snapshot_tables(project: Project) -> dg.AssetSelection | None:
    """Validated tables without `time` whose changes do not reach partitions that have ended."""
    keys = [project.table_key(names.VALIDATED, table) for table in project.as_of_tables]
    return dg.AssetSelection.assets(*keys) if keys else None


def snapshot_metadata(project: Project, *, periods_after: int = 0) -> dict[str, dg.MetadataValue]:
    """Asset metadata with which `Staleness` finds the snapshots that a partition reads.

    Parameters
    ----------
    periods_after
        Number of periods after its own at whose end a partition reads the tables.
    """
    if not project.as_of_tables:
        return {}
    tables = {
        project.table_key(names.VALIDATED, table).to_user_string(): project.table_key(
            names.RAW, table
        ).to_user_string()
        for table in project.as_of_tables
    }
    periods = project.time.periods
    found = {"tables": tables, "cadence": periods.cadence, "first": periods.first, "after": periods_after}
    return {SNAPSHOTS: dg.MetadataValue.json(found)}


def static_code(project: Project) -> list[str]:
    """What the content of features and targets depends on because of tables without `time`."""
    static = {
        name: (table.history, table.valid_from, table.valid_to)
        for name, table in project.settings.tables.items()
        if not table.time
    }
    return [f"static 2 {static!r}", project.files.version(SCHEMA)] if static else []


def validated_deps(project: Project, mapping: dg.PartitionMapping) -> list[dg.AssetDep]:
    """Dependencies on the validated rows of all tables; the mapping applies to those with partitions."""
    return [
        dg.AssetDep(
            project.table_key(names.VALIDATED, table),
            partition_mapping=mapping if table in project.event_tables else None,
        )
        for table in project.settings.tables
    ]
