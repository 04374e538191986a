"""training_set of an event project: the labelled partitions of a cut-off, split by time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.lineage.column_lineage import ColumnLineage, copied_columns
from mlops_assets.components.model_project.project.blocked_inputs import require_succeeded
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata import table_metadata
from mlops_assets.components.model_project.project.partitions import (
    cutoff_partitions,
    labelled_mapping,
    one_by_one,
)
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.training_rows import MADE_OF
from mlops_assets.components.model_project.training.doubt_checks import doubt_checks, raise_doubts
from mlops_assets.components.model_project.training.row_weights import (
    reject_target_features,
    require_positive_weights,
    weight_code,
    weight_sql,
)
from mlops_assets.components.model_project.training.training_checks import (
    both_sides,
    count_sides,
    informative_features,
    no_leakage_suspects,
    reject_unknown_settings,
    split_table,
    training_checks,
)
from mlops_assets.components.resources import WarehouseResource
from mlops_assets.core import names
from mlops_assets.core.errors import DataError
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.stores.warehouse.warehouse import Warehouse


def cutoff_training_set_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that joins features and target, and splits them by time."""
    partitions, mapping = cutoff_partitions(project), labelled_mapping(project.time)
    keys = project.key(names.FEATURES), project.key(names.TARGET)
    target = project.settings.target.column
    spec = project.spec(
        project.key(names.TRAINING_SET),
        description=f"Features with `{target}` as known at the cut-off. The newest labelled partition is the "
        "holdout, partitions whose targets overlap it are the embargo, earlier ones are training rows.",
        kinds=["duckdb", "deltalake"],
        deps=[dg.AssetDep(key, partition_mapping=mapping) for key in keys],
        code=[
            "cut-off training_set 1",
            target,
            repr((project.time.horizon, project.time.window)),
            *weight_code(project),
        ],
        partitions=partitions,
    )

    @dg.multi_asset(
        specs=[spec],
        check_specs=[*training_checks(spec.key, partitions), *doubt_checks(spec.key, partitions)],
        name=names.op_name(*spec.key.path),
        backfill_policy=one_by_one(partitions),
    )
    def training_set(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        store, cutoff = warehouse.store, context.partition_key
        with (
            as_dagster_failures(project.name, project.sensitive),
            store.turn(spec.key.path, cutoff),
            store.connect() as connection,
        ):
            versions = {key: store.version(key.path) for key in keys}
            labelled_partitions = _labelled_partitions(project, store, cutoff, versions)
            require_succeeded(context.instance, project.name, labelled_partitions)
            labelled = _split_rows(project, store, connection, cutoff, versions)
            inputs = {"/".join(key.path): version for key, version in versions.items()}
            result = store.write(
                spec.key.path,
                labelled,
                partition=cutoff,
                dagster_run_id=context.run.run_id,
                inputs=inputs,
            )
            written = store.relation(connection, spec.key.path, partition=cutoff, version=result.version)
            reject_unknown_settings(project, written)
            counts = count_sides(written, target)
            yield dg.MaterializeResult(
                data_version=dg.DataVersion(result.digest),
                metadata={
                    **table_metadata(result, inputs=labelled_partitions),
                    **project.declaration,
                    **_lineage(
                        written.columns,
                        {
                            key: store.relation(connection, key.path, version=version).columns
                            for key, version in versions.items()
                        },
                    ),
                    "split": split_table(counts),
                    "in_words": project.time.describe_split(cutoff),
                    MADE_OF: dg.MetadataValue.json(inputs),
                },
            )
            yield both_sides(project, counts)
            yield informative_features(project, written)
            yield no_leakage_suspects(project, written)
            yield from raise_doubts(project, written, counts)

    return training_set


def _lineage(written: Sequence[str], known: Mapping[dg.AssetKey, Sequence[str]]) -> dict[str, Any]:
    """Lineage of features and target, which keep their names; the entity is that of the features."""
    found = ColumnLineage({})
    for key in sorted(known, key=lambda key: key.path[1] == names.FEATURES):
        taken = [name for name in written if name != names.PARTITION]
        found |= copied_columns(key, taken, of=known[key])
    return found.metadata()


def _labelled_partitions(
    project: Project, store: "Warehouse", cutoff: str, versions: Mapping[dg.AssetKey, int]
) -> dict[tuple[dg.AssetKey, str | None], str]:
    """Data versions of the labelled partitions of a cut-off.

    Raises
    ------
    DataError
        When the holdout partition, or all training partitions, have no features or no target.
    """
    time = project.time
    wanted = {*time.training_periods(cutoff), *time.embargo_periods(cutoff), time.holdout_period(cutoff)}
    found = {key: store.partitions(key.path, version=version) for key, version in versions.items()}
    both = set.intersection(*(set(partitions) for partitions in found.values()))
    holdout = time.holdout_period(cutoff)
    if holdout not in both:
        raise DataError(
            f"{project.name}: the holdout of cut-off {cutoff} is {holdout}, which has no target yet",
            hint=f"materialize {project.name}/{names.TARGET} for {holdout} first, or choose an earlier "
            "cut-off",
        )
    if not both & set(time.training_periods(cutoff)):
        raise DataError(
            f"{project.name}: cut-off {cutoff} has no training rows before its holdout, {holdout}",
            hint=f"materialize {names.FEATURES} and {names.TARGET} for {time.training_periods(cutoff)[0]} to "
            f"{time.training_periods(cutoff)[-1]}, or choose a later cut-off",
        )
    return {
        (key, period): digest
        for key, partitions in found.items()
        for period, digest in partitions.items()
        if period in wanted
    }


def _split_rows(
    project: Project,
    store: "Warehouse",
    connection: "duckdb.DuckDBPyConnection",
    cutoff: str,
    versions: Mapping[dg.AssetKey, int],
) -> "duckdb.DuckDBPyRelation":
    """Features and target joined by entity and partition, each row with its side of the split."""
    time, target = project.time, project.settings.target.column
    train, holdout = time.training_periods(cutoff), time.holdout_period(cutoff)
    wanted = [*train, *time.embargo_periods(cutoff), holdout]
    features, labels = (
        store.relation(connection, key.path, partitions=wanted, version=version)
        for key, version in versions.items()
    )
    reject_target_features(project, features.columns)
    entity = quoted_list([*project.settings.entity, names.PARTITION])
    labels = labels.project(f"{entity}, {quoted(target)}, {weight_sql(project)}".removesuffix(", "))
    side = (
        f"case when {names.PERIOD} = {literal(holdout)} then {literal(names.HOLDOUT)} "
        f"when {names.PERIOD} in ({', '.join(map(literal, train))}) then {literal(names.TRAIN)} "
        f"else {literal(names.EMBARGO)} end as {names.SPLIT}"
    )
    joined = features.join(
        labels.filter(f"{quoted(target)} is not null"),
        entity,
    )
    require_positive_weights(project, joined, entity)
    periods = joined.project(f"* exclude ({names.PARTITION}), {names.PARTITION} as {names.PERIOD}")
    return periods.project(f"*, {side}")
