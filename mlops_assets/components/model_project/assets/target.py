"""target of an event project: `target.sql` over the events of the horizon of a partition."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.automation.conditions import follows_its_inputs
from mlops_assets.components.model_project.project.blocked_inputs import require_succeeded
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata import materialized, table_metadata
from mlops_assets.components.model_project.project.partitions import (
    horizon_mapping,
    one_by_one,
    target_partitions,
)
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.queries.known_tables import ENTITIES, horizon_tables, table_lineage
from mlops_assets.components.model_project.queries.sql_table import (
    checked_with_intact_files,
    snapshot_metadata,
    snapshot_tables,
    static_code,
    validated_deps,
    write_computed,
)
from mlops_assets.components.model_project.training.row_weights import weight_code
from mlops_assets.components.resources import WarehouseResource
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError
from mlops_assets.core.sql_quoting import count_where, quoted, quoted_list
from mlops_assets.stores.project_folder.files import TARGET_SQL

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.ml.features.project_query import ProjectQuery

ONE_LABEL_EACH = "one_label_each"


def target_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that runs `target.sql` once all partitions of the horizon have arrived."""
    partitions, horizon = target_partitions(project), project.time.horizon
    target, entity = project.settings.target.column, project.settings.entity
    features_key = project.key(names.FEATURES)
    spec = project.spec(
        project.key(names.TARGET),
        description=f"`target.sql`: `{target}` of each entity with features, once the {horizon} partitions "
        "of the horizon have arrived.",
        kinds=["duckdb", "sql", "deltalake"],
        deps=[features_key, *validated_deps(project, horizon_mapping(project.time))],
        code=[
            "target 1",
            project.files.version(TARGET_SQL),
            repr((entity, target, horizon)),
            *weight_code(project),
            *static_code(project),
        ],
        partitions=partitions,
        automation=follows_its_inputs(project, ignored=snapshot_tables(project)),
        metadata=snapshot_metadata(project, periods_after=horizon),
    )
    check = dg.AssetCheckSpec(
        ONE_LABEL_EACH,
        asset=spec.key,
        blocking=True,
        description=f"Exactly one row for each {', '.join(entity)} with features.",
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
            as_dagster_failures(project.name, project.sensitive),
            store.turn(spec.key.path, partition),
            store.connect(threads=1) as connection,  # deterministic to the last digit
        ):
            known = horizon_tables(project, store, connection, partition)
            columns = known.columns()
            require_succeeded(context.instance, project.name, known.checked)
            query = _target_query(project, partition)
            store.confine(connection, known.tables.values(), output=spec.key.path)
            computed = _typed(project, query.run(connection, known.tables))
            result = write_computed(
                store,
                connection,
                spec.key,
                query,
                computed,
                partition=partition,
                dagster_run_id=context.run.run_id,
                inputs=known.versions,
                declared=project.time.periods,
            )
            written = store.relation(connection, spec.key.path, partition=partition, version=result.version)
            yield materialized(
                *(context, spec.key, result.digest),
                {
                    **table_metadata(result, inputs=known.inputs),
                    **project.declaration,
                    **table_lineage(project, query.sql, columns, list(result.columns)),
                    **_balance(written, target),
                },
            )
            labels = _one_label_each(project, known.tables[ENTITIES], written)
            yield from checked_with_intact_files(connection, [labels])

    return label


def _target_query(project: Project, partition: str) -> "ProjectQuery":
    from mlops_assets.ml.features.project_query import ProjectQuery

    periods, horizon = project.time.periods, project.time.target_periods(partition)
    return ProjectQuery(
        project.files.text(TARGET_SQL),
        f"{project.name}: {TARGET_SQL}",
        timestamps={"as_of": periods.end_of(partition), "horizon_end": periods.end_of(horizon[-1])},
    )


def _typed(project: Project, result: "duckdb.DuckDBPyRelation") -> "duckdb.DuckDBPyRelation":
    """Entity and target columns; NaN becomes null, and an infinite target fails the query."""
    from mlops_assets.ml.features.project_query import finite_sql

    entity, target = project.settings.entity, project.settings.target.column
    weight = [project.settings.weight] if project.settings.weight else []
    wanted = (*entity, target, *weight)
    for name in wanted:
        if name not in result.columns:
            raise ProjectError(
                f"{project.name}: {TARGET_SQL} does not return {name}", hint=f"select {', '.join(wanted)}"
            )
    if str(result.types[result.columns.index(target)]) not in ("DOUBLE", "FLOAT"):
        return result.project(quoted_list(wanted))
    finite = f"nullif({finite_sql('target', target, entity)}, 'nan')"
    return result.project(
        f"{quoted_list(entity)}, {', '.join([f'{finite} as {quoted(target)}', *map(quoted, weight)])}"
    )


def _balance(written: "duckdb.DuckDBPyRelation", target: str) -> dict[str, float | int]:
    """Number of rows without a label, and the mean of a numeric target."""
    name = quoted(target)
    unlabelled, mean = written.aggregate(
        f"{count_where(f'{name} is null')}, avg(try_cast({name} as double))"
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
