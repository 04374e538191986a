"""features of an event project: `features.sql` over the rows known at the end of a partition."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.assets.features import (
    ONE_ROW_EACH,
    check_feature_contract,
    feature_contract_checks,
)
from mlops_assets.components.model_project.assets.known_tables import known_tables
from mlops_assets.components.model_project.assets.sql_table import validated_deps, write_computed
from mlops_assets.components.model_project.automation.conditions import follows_its_inputs
from mlops_assets.components.model_project.project.blocked_inputs import require_succeeded
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.files import FEATURES_SQL, SCHEMA
from mlops_assets.components.model_project.project.metadata import table_metadata
from mlops_assets.components.model_project.project.metadata_names import TIMELINE
from mlops_assets.components.model_project.project.partitions import (
    arrival_partitions,
    one_by_one,
    seen_mapping,
)
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.resources import WarehouseResource
from mlops_assets.core import names
from mlops_assets.core.sql_quoting import quoted, quoted_list

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb

    from mlops_assets.ml.features.feature_query import FeatureQuery
    from mlops_assets.stores.warehouse.warehouse import Warehouse

POINT_IN_TIME = "point_in_time"


def event_features_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that runs `features.sql` over the rows known at the end of a partition."""
    partitions = arrival_partitions(project)
    settings = project.settings
    spec = project.spec(
        project.key(names.FEATURES),
        description="`features.sql` over the rows that were known at the end of the partition.",
        kinds=["duckdb", "sql", "deltalake"],
        deps=validated_deps(project, seen_mapping(project.time)),
        code=[
            "event features 1",
            project.files.version(FEATURES_SQL, SCHEMA),
            repr((settings.entity, project.time.lookback)),
            repr([(name, table.time, table.key) for name, table in settings.tables.items()]),
        ],
        partitions=partitions,
        automation=follows_its_inputs(project),
        metadata={TIMELINE: dg.MetadataValue.json(asdict(project.time))},
    )
    entity = ", ".join(settings.entity)
    checks = [
        dg.AssetCheckSpec(
            ONE_ROW_EACH,
            asset=spec.key,
            blocking=True,
            description=f"One row of features for each {entity}, which is never null.",
            partitions_def=partitions,
        ),
        dg.AssetCheckSpec(
            POINT_IN_TIME,
            asset=spec.key,
            blocking=True,
            description="No leakage from the future: features computed from a counterfactual copy of the "
            "data, in which everything that arrived later is changed, are identical.",
            partitions_def=partitions,
        ),
        *feature_contract_checks(project, spec.key, partitions),
    ]

    @dg.multi_asset(
        specs=[spec],
        check_specs=checks,
        name=names.op_name(*spec.key.path),
        backfill_policy=one_by_one(partitions),
    )
    def features(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        store, partition = warehouse.store, context.partition_key
        as_of = project.time.periods.end_of(partition)
        with (
            as_dagster_failures(project.name),
            store.turn(spec.key.path, partition),
            store.connect(threads=1) as connection,  # deterministic to the last digit
        ):
            known = known_tables(project, store, connection, partition)
            require_succeeded(context.instance, project.name, known.inputs)
            if known.missing:
                context.log.warning(
                    f"{project.name}: nothing has arrived for {', '.join(known.missing)}, which these "
                    "features look back on; they are computed again when it arrives"
                )
            query = event_query(project, as_of)
            computed = _identified(project, partition, query.run(connection, known.tables))
            result = write_computed(
                store,
                spec.key,
                query,
                computed,
                partition=partition,
                dagster_run_id=context.run.run_id,
                inputs=known.versions,
                declared=project.time.periods,
            )
            yield dg.MaterializeResult(
                data_version=dg.DataVersion(result.digest),
                metadata={
                    **table_metadata(result, inputs=known.inputs),
                    "as_of": as_of.isoformat(sep=" "),
                    "looks_back_on": len(known.inputs),
                },
            )
            written = store.relation(connection, spec.key.path, partition=partition, version=result.version)
            yield _one_row_each(project, written)
            yield _point_in_time(project, store, connection, partition, written)
            if declared := project.files.feature_contract():
                yield check_feature_contract(declared, written)

    return features


def event_query(project: Project, as_of: "datetime") -> "FeatureQuery":
    """`features.sql` at a timestamp."""
    from mlops_assets.ml.features.feature_query import FeatureQuery

    return FeatureQuery(
        project.files.text(FEATURES_SQL),
        hidden=(),
        subject=f"{project.name}: {FEATURES_SQL}",
        key=tuple(project.settings.entity),
        timestamps={"as_of": as_of},
    )


def _identified(
    project: Project, partition: str, features: "duckdb.DuckDBPyRelation"
) -> "duckdb.DuckDBPyRelation":
    """Add `row_id`, which identifies an entity in a partition."""
    from mlops_assets.ml.contracts.row_ids import row_bits_sql

    entity = project.settings.entity
    bits = row_bits_sql(entity, salt=partition)
    return features.project(
        f"{quoted_list(entity)}, {bits} as {names.ROW_ID}, * exclude ({quoted_list(entity)})"
    )


def _one_row_each(project: Project, written: "duckdb.DuckDBPyRelation") -> dg.AssetCheckResult:
    entity = project.settings.entity
    nulls = len(written.filter(" or ".join(f"{name} is null" for name in map(quoted, entity))))
    repeated = len(written) - len(written.project(quoted_list(entity)).distinct())
    return dg.AssetCheckResult(
        check_name=ONE_ROW_EACH,
        passed=not (nulls or repeated),
        description=f"{repeated:,} rows have the {', '.join(entity)} of another row, {nulls:,} have none",
    )


def _point_in_time(
    project: Project,
    store: "Warehouse",
    connection: "duckdb.DuckDBPyConnection",
    partition: str,
    written: "duckdb.DuckDBPyRelation",
) -> dg.AssetCheckResult:
    """Compute the features again from a counterfactual copy of the data, and compare."""
    as_of = project.time.periods.end_of(partition)
    known = known_tables(project, store, connection, partition, counterfactual=True)
    again = _identified(project, partition, event_query(project, as_of).run(connection, known.tables))
    ours = written.project(f"* exclude ({names.PARTITION})")
    again.create("_again")  # two comparisons, one computation
    other = connection.table("_again")
    differing = len(other.except_(ours)) + len(ours.except_(other))
    return dg.AssetCheckResult(
        check_name=POINT_IN_TIME,
        passed=differing == 0,
        description=f"{differing:,} rows differ if the data after {as_of:%Y-%m-%d %H:%M} is changed"
        + ("; let features.sql read its tables only" if differing else ""),
    )
