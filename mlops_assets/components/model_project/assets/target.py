"""target: what happened to each entity in the horizon, computed by an event project's `target.sql`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.assets.event_features import KnownTables
from mlops_assets.components.model_project.assets.sql_table import validated_deps, write_computed
from mlops_assets.components.model_project.assets.validated import require_unblocked
from mlops_assets.components.model_project.automation.conditions import follows_its_inputs
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.files import TARGET_SQL
from mlops_assets.components.model_project.project.metadata import table_metadata
from mlops_assets.components.model_project.project.partitions import (
    arrival_partitions,
    horizon_mapping,
    one_by_one,
)
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.resources import WarehouseResource
from mlops_assets.core import names
from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.core.sql_quoting import quoted, quoted_list

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.ml.features.project_query import ProjectQuery
    from mlops_assets.stores.warehouse.warehouse import Warehouse

ONE_LABEL_EACH = "one_label_each"
ENTITIES = "entities"
"""The name under which `target.sql` sees the entities that have features."""


def target_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that runs `target.sql` once the whole horizon has arrived."""
    partitions, horizon = arrival_partitions(project), project.time.horizon
    target, entity = project.settings.target.column, project.settings.entity
    features_key = project.key(names.FEATURES)
    spec = project.spec(
        project.key(names.TARGET),
        description=f"`target.sql`: `{target}` of each entity with features, once the {horizon} partitions "
        "after them have arrived.",
        kinds=["duckdb", "sql", "deltalake"],
        deps=[features_key, *validated_deps(project, horizon_mapping(project.time))],
        code=["target 1", project.files.version(TARGET_SQL), repr((entity, target, horizon))],
        partitions=partitions,
        automation=follows_its_inputs(project),
    )
    check = dg.AssetCheckSpec(
        ONE_LABEL_EACH,
        asset=spec.key,
        blocking=True,
        description=f"One row for each {', '.join(entity)} that has features, and no other.",
        partitions_def=partitions,
    )

    @dg.multi_asset(
        specs=[spec],
        check_specs=[check],
        name=names.op_name(*spec.key.path),
        backfill_policy=one_by_one(partitions),
    )
    def label(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        store, partition = warehouse.store, context.partition_key
        with (
            as_dagster_failures(project.name),
            store.turn(spec.key.path, partition),
            store.connect(threads=1) as connection,  # equal rows give equal targets, to the last digit
        ):
            known = _horizon_tables(project, store, connection, partition)
            query = _target_query(project, partition)
            computed = _typed(project, query.run(connection, known.tables))
            result = write_computed(
                store,
                spec.key,
                query,
                computed,
                partition=partition,
                dagster_run_id=context.run.run_id,
                inputs=known.versions,
            )
            written = store.relation(connection, spec.key.path, partition=partition, version=result.version)
            yield dg.MaterializeResult(
                data_version=dg.DataVersion(result.digest),
                metadata={
                    **table_metadata(result, inputs=known.made_of),
                    **_balance(written, target),
                },
            )
            yield _one_label_each(project, known.tables[ENTITIES], written)

    return label


def _target_query(project: Project, partition: str) -> "ProjectQuery":
    from mlops_assets.ml.features.project_query import ProjectQuery

    periods, horizon = project.time.periods, project.time.horizon_of(partition)
    return ProjectQuery(
        project.files.text(TARGET_SQL),
        f"{project.name}: {TARGET_SQL}",
        moments={"as_of": periods.end_of(partition), "horizon_end": periods.end_of(horizon[-1])},
    )


def _horizon_tables(
    project: Project, store: "Warehouse", connection: "duckdb.DuckDBPyConnection", partition: str
) -> KnownTables:
    """The entities of a partition, and of each table what arrived and happened in the horizon.

    Raises
    ------
    DataError
        When a partition of the horizon has not arrived: a target of half a horizon would be a wrong one.
    """
    from mlops_assets.ml.features.point_in_time import rows_between

    periods, horizon = project.time.periods, project.time.horizon_of(partition)
    features_key = project.key(names.FEATURES)
    if partition not in store.partitions(features_key.path):
        raise DataError(
            f"{project.name}: there are no features of {partition} yet",
            hint=f"materialize {'/'.join(features_key.path)} for {partition} first",
        )
    version = store.version(features_key.path)
    entities = store.relation(connection, features_key.path, partition=partition, version=version)
    tables = {ENTITIES: entities.project(quoted_list(project.settings.entity))}
    made_of: dict[tuple[dg.AssetKey, str | None], str] = {
        (features_key, partition): store.digest(features_key.path, partition=partition, version=version)
    }
    versions = {"/".join(features_key.path): version}
    for table, settings in project.settings.tables.items():
        key = project.table_key(names.VALIDATED, table)
        versions["/".join(key.path)] = version = store.version(key.path)
        require_unblocked(project, store, table, horizon if settings.time else [None])
        if not settings.time:
            tables[table] = store.relation(connection, key.path, version=version)
            made_of[key, None] = store.digest(key.path, version=version)
            continue
        there = store.partitions(key.path, version=version)
        if missing := [period for period in horizon if period not in there]:
            raise DataError(
                f"{project.name}: the target of {partition} is made of {table} of {horizon[0]} to "
                f"{horizon[-1]}, "
                f"and nothing has arrived for {', '.join(missing)}",
                hint="it is made by itself when that has arrived, or materialize it then",
            )
        made_of |= {(key, period): there[period] for period in horizon}
        tables[table] = rows_between(
            store.relation(connection, key.path, partitions=horizon, version=version),
            time=settings.time,
            key=settings.key,
            start=periods.end_of(partition),
            end=periods.end_of(horizon[-1]),
        )
    return KnownTables(tables, made_of, versions, [])


def _typed(project: Project, result: "duckdb.DuckDBPyRelation") -> "duckdb.DuckDBPyRelation":
    """The entity and the target alone; NaN is no target, and an infinite one ends the query."""
    from mlops_assets.ml.features.project_query import finite_sql

    entity, target = project.settings.entity, project.settings.target.column
    wanted = (*entity, target)
    for name in wanted:
        if name not in result.columns:
            raise ProjectError(
                f"{project.name}: {TARGET_SQL} does not return {name}", hint=f"select {', '.join(wanted)}"
            )
    if str(result.types[result.columns.index(target)]) not in ("DOUBLE", "FLOAT"):
        return result.project(quoted_list(wanted))
    finite = f"nullif({finite_sql('target', target, entity)}, 'nan')"
    return result.project(f"{quoted_list(entity)}, {finite} as {quoted(target)}")


def _balance(written: "duckdb.DuckDBPyRelation", target: str) -> dict[str, float | int]:
    """How many have no label, and the target's mean where it is a number."""
    name = quoted(target)
    unlabelled, mean = written.aggregate(
        f"count(*) filter ({name} is null), avg(try_cast({name} as double))"
    ).fetchall()[0]
    return {"without_label": unlabelled, **({} if mean is None else {"mean": mean})}


def _one_label_each(
    project: Project, entities: "duckdb.DuckDBPyRelation", written: "duckdb.DuckDBPyRelation"
) -> dg.AssetCheckResult:
    columns = quoted_list(project.settings.entity)
    ours = written.project(columns)
    missing, foreign = len(entities.except_(ours)), len(ours.distinct().except_(entities))
    repeated = len(ours) - len(ours.distinct())
    return dg.AssetCheckResult(
        check_name=ONE_LABEL_EACH,
        passed=not (missing or foreign or repeated),
        description=f"{missing:,} entities have no row, {repeated:,} have more than one, {foreign:,} have "
        "no features",
    )
