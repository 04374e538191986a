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
from mlops_assets.components.model_project.assets.sensitive_features import reject_sensitive_features
from mlops_assets.components.model_project.automation.conditions import follows_its_inputs
from mlops_assets.components.model_project.project.blocked_inputs import require_succeeded
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata import materialized, table_metadata
from mlops_assets.components.model_project.project.metadata_names import TIMELINE
from mlops_assets.components.model_project.project.partitions import (
    arrival_partitions,
    one_by_one,
    seen_mapping,
)
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.queries.known_tables import (
    KnownTables,
    known_tables,
    table_lineage,
)
from mlops_assets.components.model_project.queries.sql_table import (
    checked_with_intact_files,
    snapshot_metadata,
    snapshot_tables,
    static_code,
    validated_deps,
    write_computed,
)
from mlops_assets.components.resources import WarehouseResource
from mlops_assets.core import names
from mlops_assets.core.sql_quoting import count_where, quoted, quoted_list
from mlops_assets.stores.project_folder.files import FEATURES_SQL, SCHEMA

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb

    from mlops_assets.ml.features.feature_query import FeatureQuery
    from mlops_assets.stores.warehouse.warehouse import Warehouse

POINT_IN_TIME, STATIC_TABLES_IN_TIME = "point_in_time", "static_tables_in_time"


def event_features_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that runs `features.sql` over the rows known at the end of a partition."""
    partitions, settings = arrival_partitions(project), project.settings
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
            *static_code(project),
            *([f"sensitive {sorted(project.sensitive)}"] if project.sensitive else []),
        ],
        partitions=partitions,
        automation=follows_its_inputs(project, ignored=snapshot_tables(project)),
        metadata={TIMELINE: dg.MetadataValue.json(asdict(project.time)), **snapshot_metadata(project)},
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
            "data, in which everything that the partition must not read is different, are the same.",
            partitions_def=partitions,
        ),
        *_static_checks(project, spec.key, partitions),
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
            as_dagster_failures(project.name, project.sensitive),
            store.turn(spec.key.path, partition),
            store.connect(threads=1) as connection,  # deterministic to the last digit
        ):
            known = known_tables(project, store, connection, partition)
            columns = known.columns()
            require_succeeded(context.instance, project.name, known.checked)
            if known.missing:
                context.log.warning(
                    f"{project.name}: nothing has arrived for {', '.join(known.missing)}, which these "
                    "features look back on; they are computed again when it arrives"
                )
            query = event_query(project, as_of)
            store.confine(connection, known.tables.values(), output=spec.key.path)
            rows = query.run(connection, known.tables)
            reject_sensitive_features(project, rows.columns)
            computed = _identified(project, store, partition, rows)
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
            yield materialized(
                *(context, spec.key, result.digest),
                {
                    **table_metadata(result, inputs=known.inputs),
                    **project.declaration,
                    **table_lineage(project, query.sql, columns, list(result.columns)),
                    "as_of": as_of.isoformat(sep=" "),
                    "looks_back_on": len(known.inputs),
                },
            )
            written = store.relation(connection, spec.key.path, partition=partition, version=result.version)
            results = _check(project, store, partition, known, written, version=result.version)
            yield from checked_with_intact_files(connection, results)

    return features


def _check(
    project: Project,
    store: "Warehouse",
    partition: str,
    known: KnownTables,
    written: "duckdb.DuckDBPyRelation",
    *,
    version: int,
) -> Iterator[dg.AssetCheckResult]:
    """The results of all checks."""
    yield _one_row_each(project, written)
    with store.connect(threads=1) as other:  # the first connection can't read later arrivals
        found = _point_in_time(project, store, other, partition, known, version=version)
        yield from checked_with_intact_files(other, [found])
    if project.as_of_tables:
        yield _static_tables_in_time(known, project.time.periods.end_of(partition))
    if declared := project.files.feature_contract():
        yield check_feature_contract(declared, written)


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
    project: Project, store: "Warehouse", partition: str, features: "duckdb.DuckDBPyRelation"
) -> "duckdb.DuckDBPyRelation":
    """Add `row_id`, which identifies an entity in a partition."""
    from mlops_assets.ml.contracts.row_ids import row_bits_sql
    from mlops_assets.stores.system.row_id_key import row_id_key

    entity = project.settings.entity
    secret = row_id_key(store.root) if project.sensitive & set(entity) else None
    bits = row_bits_sql(entity, salt=partition, secret=secret)
    return features.project(
        f"{quoted_list(entity)}, {bits} as {names.ROW_ID}, * exclude ({quoted_list(entity)})"
    )


def _one_row_each(project: Project, written: "duckdb.DuckDBPyRelation") -> dg.AssetCheckResult:
    entity = project.settings.entity
    null = " or ".join(f"{name} is null" for name in map(quoted, entity))
    counts = f"count(*) - count(distinct row({quoted_list(entity)})), {count_where(null)}"
    [(repeated, nulls)] = written.aggregate(counts).fetchall()
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
    known: KnownTables,
    *,
    version: int,
) -> dg.AssetCheckResult:
    """Compute the features again from a counterfactual copy of the data, and compare.

    Parameters
    ----------
    connection
        One that reads all files.
    known
        The tables as another connection knows them.
    version
        The version of the features.
    """
    from mlops_assets.components.model_project.queries.counterfactual import CounterfactualReader
    from mlops_assets.ml.features.feature_comparison import find_differences, largest_number

    as_of, entity = project.time.periods.end_of(partition), project.settings.entity
    other = known_tables(project, CounterfactualReader(store, project, partition), connection, partition)
    written = store.relation(
        connection, project.key(names.FEATURES).path, partition=partition, version=version
    )
    store.confine(connection, [*other.tables.values(), written])
    again = _identified(project, store, partition, event_query(project, as_of).run(connection, other.tables))
    again.create("_again")  # several comparisons, one computation
    ours, found = written.project(f"* exclude ({names.PARTITION})"), connection.table("_again")
    shown = not project.sensitive
    differences = find_differences(ours, found, entity, shown=shown)
    until = f"the data after {as_of:%Y-%m-%d %H:%M} is changed"
    advice = ""
    if differences:
        leaking = _differing_tables(known, other)
        advice = f"; {', '.join(leaking)} holds rows that were not known" if leaking else ""
        if not leaking:  # equal rows: at most their order differs, which changes the last digits of sums
            magnitude = largest_number(list(known.tables.values()))
            differences = find_differences(ours, found, entity, magnitude=magnitude, shown=shown)
            advice = (
                "; let features.sql read its tables only, and break ties in orders" if differences else ""
            )
    return dg.AssetCheckResult(
        check_name=POINT_IN_TIME,
        passed=not differences,
        description=f"{differences.rows:,} rows differ{differences} if {until}{advice}",
    )


def _differing_tables(known: KnownTables, other: KnownTables) -> list[str]:
    """The tables whose known rows differ in the counterfactual copy, whatever their order."""
    from mlops_assets.stores.delta.content_digest import relation_digest

    tables = known.tables.items()
    return [name for name, rows in tables if relation_digest(rows) != relation_digest(other.tables[name])]


def _static_checks(
    project: Project, key: dg.AssetKey, partitions: dg.PartitionsDefinition | None
) -> list[dg.AssetCheckSpec]:
    if not project.as_of_tables:
        return []
    return [
        dg.AssetCheckSpec(
            STATIC_TABLES_IN_TIME,
            asset=key,
            description=f"A version of {', '.join(project.as_of_tables)} had arrived by the end of the "
            "partition. Otherwise the first version is read, whose values may be from later.",
            partitions_def=partitions,
        )
    ]


def _static_tables_in_time(known: KnownTables, as_of: "datetime") -> dg.AssetCheckResult:
    arrived = [f"{table} first arrived at {when:%Y-%m-%d %H:%M}" for table, when in known.late.items()]
    advice = (
        f", after {as_of:%Y-%m-%d %H:%M}, so its values may be from later; declare valid_from if it holds "
        "its history, or history: newest if it is a fixed lookup"
    )
    return dg.AssetCheckResult(
        check_name=STATIC_TABLES_IN_TIME,
        passed=not arrived,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(arrived) + advice if arrived else "all had arrived",
    )
