"""features of an event project: what was known of each entity at the end of a partition."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.assets.features import ONE_ROW_EACH, contract_check, judge_contract
from mlops_assets.components.model_project.assets.sql_table import validated_deps, write_computed
from mlops_assets.components.model_project.assets.validated import require_unblocked
from mlops_assets.components.model_project.automation.conditions import follows_its_inputs
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
from mlops_assets.core.errors import DataError
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb

    from mlops_assets.ml.features.feature_query import FeatureQuery
    from mlops_assets.stores.warehouse.warehouse import Warehouse

POINT_IN_TIME = "point_in_time"


def event_features_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that runs `features.sql` over what had arrived by the end of a partition."""
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
            description="Nothing leaks from the future: computed again after everything that arrived later "
            "was changed, the features are identical.",
            partitions_def=partitions,
        ),
        *contract_check(project, spec.key, partitions),
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
            store.connect(threads=1) as connection,  # equal rows give equal features, to the last digit
        ):
            known = known_tables(project, store, connection, partition)
            if known.missing:
                context.log.warning(
                    f"{project.name}: nothing has arrived for {', '.join(known.missing)}, which these "
                    "features look back on; they are made again when it does"
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
            )
            yield dg.MaterializeResult(
                data_version=dg.DataVersion(result.digest),
                metadata={
                    **table_metadata(result, inputs=known.made_of),
                    "as_of": as_of.isoformat(sep=" "),
                    "looks_back_on": len(known.made_of),
                },
            )
            written = store.relation(connection, spec.key.path, partition=partition, version=result.version)
            yield _one_row_each(project, written)
            yield _point_in_time(project, store, connection, partition, written)
            if declared := project.files.feature_contract():
                yield judge_contract(declared, written)

    return features


def event_query(project: Project, as_of: "datetime") -> "FeatureQuery":
    """The project's query at a moment."""
    from mlops_assets.ml.features.feature_query import FeatureQuery

    return FeatureQuery(
        project.files.text(FEATURES_SQL),
        hidden=(),
        subject=f"{project.name}: {FEATURES_SQL}",
        key=tuple(project.settings.entity),
        moments={"as_of": as_of},
    )


@dataclass(frozen=True)
class KnownTables:
    """The tables as a query sees them, and what they were made of.

    Attributes
    ----------
    made_of
        As `inputs_digest` wants it.
    versions
        The version of each table, by its key path.
    missing
        Partitions that the query would see, had they arrived.
    """

    tables: Mapping[str, "duckdb.DuckDBPyRelation"]
    made_of: Mapping[tuple[dg.AssetKey, str | None], str]
    versions: Mapping[str, int]
    missing: list[str]


def known_tables(
    project: Project,
    store: "Warehouse",
    connection: "duckdb.DuckDBPyConnection",
    partition: str,
    *,
    another_future: bool = False,
) -> KnownTables:
    """Each table with the rows that were known at the end of a partition.

    Parameters
    ----------
    another_future
        Change everything that arrived later, first: what is known must not depend on it.

    Raises
    ------
    DataError
        When the partition itself has not arrived.
    """
    from mlops_assets.ml.features.point_in_time import rows_between, with_another_future

    as_of, seen = project.time.periods.end_of(partition), project.time.seen_by(partition)
    tables: dict[str, duckdb.DuckDBPyRelation] = {}
    made_of: dict[tuple[dg.AssetKey, str | None], str] = {}
    versions: dict[str, int] = {}
    missing: list[str] = []
    for table, settings in project.settings.tables.items():
        key = project.table_key(names.VALIDATED, table)
        versions["/".join(key.path)] = version = store.version(key.path)
        require_unblocked(project, store, table, seen if settings.time else [None])
        if not settings.time:
            tables[table] = store.relation(connection, key.path, version=version)
            made_of[key, None] = store.digest(key.path, version=version)
            continue
        there = store.partitions(key.path, version=version)
        if partition not in there:
            raise DataError(
                f"{project.subject(table)}: partition {partition} has not arrived",
                hint=f"materialize {'/'.join(key.path)} for {partition} first",
            )
        made_of |= {(key, period): there[period] for period in seen if period in there}
        missing += [f"{table} {period}" for period in seen if period not in there and period > min(there)]
        if another_future:
            rows = store.relation(connection, key.path, version=version)
            rows = with_another_future(rows, time=settings.time, known_until=partition, as_of=as_of)
            chosen = ", ".join(map(literal, seen))
            rows = rows.filter(f"{names.PARTITION} in ({chosen})")
        else:
            rows = store.relation(connection, key.path, partitions=seen, version=version)
        tables[table] = rows_between(rows, time=settings.time, key=settings.key, end=as_of)
    return KnownTables(tables, made_of, versions, missing)


def _identified(
    project: Project, partition: str, features: "duckdb.DuckDBPyRelation"
) -> "duckdb.DuckDBPyRelation":
    """Add `row_id`, which tells an entity in a partition from all others."""
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
        description=f"{repeated:,} rows repeat the {', '.join(entity)} of another, {nulls:,} have none",
    )


def _point_in_time(
    project: Project,
    store: "Warehouse",
    connection: "duckdb.DuckDBPyConnection",
    partition: str,
    written: "duckdb.DuckDBPyRelation",
) -> dg.AssetCheckResult:
    """Compute the features again in a world with another future, and compare."""
    as_of = project.time.periods.end_of(partition)
    known = known_tables(project, store, connection, partition, another_future=True)
    again = _identified(project, partition, event_query(project, as_of).run(connection, known.tables))
    ours = written.project(f"* exclude ({names.PARTITION})")
    again.create("_again")  # two comparisons, one computation
    other = connection.table("_again")
    differing = len(other.except_(ours)) + len(ours.except_(other))
    return dg.AssetCheckResult(
        check_name=POINT_IN_TIME,
        passed=differing == 0,
        description=f"with another future after {as_of:%Y-%m-%d %H:%M}, {differing:,} rows differ"
        + ("; features.sql must see nothing but its tables" if differing else ""),
    )
