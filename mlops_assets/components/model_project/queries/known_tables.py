"""Validated tables as they are known at a timestamp: the inputs of `features.sql` and `target.sql`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.lineage.column_lineage import ColumnLineage, query_columns
from mlops_assets.components.model_project.project.blocked_rows import require_unblocked
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.queries.static_tables import static_rows
from mlops_assets.core import names
from mlops_assets.core.errors import DataError
from mlops_assets.core.sql_quoting import quoted_list

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.stores.warehouse.reader import TableReader

ENTITIES = "entities"
"""The table of `target.sql` that lists the entities with features."""


@dataclass(frozen=True)
class KnownTables:
    """The tables of a query, with their inputs and versions.

    Attributes
    ----------
    tables
        The rows of each table, by the name that the query uses.
    inputs
        As for `inputs_digest`.
    versions
        The version of each input table, by its key path.
    missing
        Partitions that the query looks back on and that have not arrived.
    checked
        The inputs that were read as Dagster materialized them last.
    late
        Tables without `time` of which no version had arrived, and when the version that is read arrived.
    """

    tables: Mapping[str, "duckdb.DuckDBPyRelation"]
    inputs: Mapping[tuple[dg.AssetKey, str | None], str]
    versions: Mapping[str, int]
    missing: list[str]
    checked: list[tuple[dg.AssetKey, str | None]] = field(default_factory=list)
    late: Mapping[str, datetime] = field(default_factory=dict)

    def columns(self) -> dict[str, list[str]]:
        """The columns of each table; after other statements, DuckDB plans a table anew to list them."""
        return {name: rows.columns for name, rows in self.tables.items()}


def known_tables(
    project: Project,
    store: "TableReader",
    connection: "duckdb.DuckDBPyConnection",
    partition: str,
) -> KnownTables:
    """Each table with the rows that were known at the end of a partition.

    Raises
    ------
    DataError
        When the partition itself has not arrived, or rows of it are blocked.
    """
    from mlops_assets.ml.features.point_in_time import rows_between

    as_of, seen = project.time.periods.end_of(partition), project.time.feature_periods(partition)
    tables: dict[str, duckdb.DuckDBPyRelation] = {}
    inputs: dict[tuple[dg.AssetKey, str | None], str] = {}
    versions: dict[str, int] = {}
    missing: list[str] = []
    checked: list[tuple[dg.AssetKey, str | None]] = []
    late: dict[str, datetime] = {}
    for table, settings in project.settings.tables.items():
        if not settings.time:
            static = static_rows(project, store, connection, table, as_of)
            tables[table] = static.rows
            inputs |= static.inputs
            versions |= static.versions
            checked += static.checked
            late |= {table: static.late} if static.late else {}
            continue
        key = project.table_key(names.VALIDATED, table)
        versions["/".join(key.path)] = version = store.version(key.path)
        require_unblocked(project, store, table, seen)
        arrived = store.partitions(key.path, version=version)
        if partition not in arrived:
            raise DataError(
                f"{project.subject(table)}: partition {partition} has not arrived",
                hint=f"materialize {'/'.join(key.path)} for {partition} first",
            )
        read: dict[tuple[dg.AssetKey, str | None], str] = {
            (key, period): arrived[period] for period in seen if period in arrived
        }
        inputs |= read
        checked += read
        missing += [f"{table} {period}" for period in seen if period not in arrived and period > min(arrived)]
        rows = store.relation(connection, key.path, partitions=seen, version=version)
        tables[table] = rows_between(rows, time=settings.time, key=settings.key, end=as_of)
    return KnownTables(tables, inputs, versions, missing, checked, late)


def horizon_tables(
    project: Project, store: "TableReader", connection: "duckdb.DuckDBPyConnection", partition: str
) -> KnownTables:
    """The entities of a partition, and of each table the events of its horizon.

    Raises
    ------
    DataError
        When a partition of the horizon has not arrived, because a target of half a horizon would be wrong,
        or when rows of it are blocked.
    """
    from mlops_assets.ml.features.point_in_time import rows_between

    periods, horizon = project.time.periods, project.time.target_periods(partition)
    features_key = project.key(names.FEATURES)
    if partition not in store.partitions(features_key.path):
        raise DataError(
            f"{project.name}: partition {partition} has no features yet",
            hint=f"materialize {'/'.join(features_key.path)} for {partition} first",
        )
    version = store.version(features_key.path)
    entities = store.relation(connection, features_key.path, partition=partition, version=version)
    tables = {ENTITIES: entities.project(quoted_list(project.settings.entity))}
    inputs: dict[tuple[dg.AssetKey, str | None], str] = {
        (features_key, partition): store.digest(features_key.path, partition=partition, version=version)
    }
    versions = {"/".join(features_key.path): version}
    checked: list[tuple[dg.AssetKey, str | None]] = [(features_key, partition)]
    for table, settings in project.settings.tables.items():
        if not settings.time:
            static = static_rows(project, store, connection, table, periods.end_of(horizon[-1]))
            tables[table] = static.rows
            inputs |= static.inputs
            versions |= static.versions
            checked += static.checked
            continue
        key = project.table_key(names.VALIDATED, table)
        versions["/".join(key.path)] = version = store.version(key.path)
        require_unblocked(project, store, table, horizon)
        arrived = store.partitions(key.path, version=version)
        if missing := [period for period in horizon if period not in arrived]:
            raise DataError(
                f"{project.name}: the target of {partition} requires {table} of {horizon[0]} to "
                f"{horizon[-1]}, and nothing has arrived for {', '.join(missing)}",
                hint="it is materialized automatically when they have arrived; or materialize it then",
            )
        read: dict[tuple[dg.AssetKey, str | None], str] = {
            (key, period): arrived[period] for period in horizon
        }
        inputs |= read
        checked += read
        tables[table] = rows_between(
            store.relation(connection, key.path, partitions=horizon, version=version),
            time=settings.time,
            key=settings.key,
            start=periods.end_of(partition),
            end=periods.end_of(horizon[-1]),
        )
    return KnownTables(tables, inputs, versions, [], checked)


def table_lineage(
    project: Project, sql: str, tables: Mapping[str, Sequence[str]], outputs: Sequence[str]
) -> dict[str, Any]:
    """Lineage of the columns of a query over known tables, as metadata; `row_id` is that of the entity.

    Parameters
    ----------
    tables
        The columns of each table.
    outputs
        The columns of the result.
    """
    read = {
        name: (
            project.key(names.FEATURES) if name == ENTITIES else project.table_key(names.VALIDATED, name),
            [column for column in columns if column not in names.PROVENANCE],
        )
        for name, columns in tables.items()
    }
    found = query_columns(sql, read, [name for name in outputs if name != names.ROW_ID])
    entity = chain.from_iterable(found.direct.get(name, ()) for name in project.settings.entity)
    identity = {names.ROW_ID: list(entity)} if names.ROW_ID in outputs and found.direct else {}
    return (found | ColumnLineage(identity)).metadata()
