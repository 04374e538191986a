"""training_set: labelled features with their side of the split."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.lineage.column_lineage import ColumnLineage, copied_columns
from mlops_assets.components.model_project.project.blocked_inputs import require_succeeded
from mlops_assets.components.model_project.project.blocked_rows import require_unblocked
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata import table_metadata
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.target_columns import (
    expression_code,
    target_expression,
)
from mlops_assets.components.model_project.project.training_rows import MADE_OF
from mlops_assets.components.model_project.settings.base import public_settings
from mlops_assets.components.model_project.settings.protected_columns import protected_column
from mlops_assets.components.model_project.training.doubt_checks import doubt_checks, raise_doubts
from mlops_assets.components.model_project.training.row_sides import row_sides
from mlops_assets.components.model_project.training.row_weights import (
    reject_target_features,
    require_positive_weights,
    weight_code,
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

if TYPE_CHECKING:
    import duckdb

WITHOUT_TARGET = "rows_without_target"
"""Materialization metadata: number of rows with features and without a target."""


def training_set_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that joins features and target, and splits the rows."""
    features_key, validated_key = project.key(names.FEATURES), project.table_key(names.VALIDATED)
    target, split = project.settings.target.column, project.settings.split
    protected = protected_column(project.settings)
    spec = project.spec(
        project.key(names.TRAINING_SET),
        description=f"Features with `{target}`, split into training rows and holdout.",
        kinds=["duckdb", "deltalake"],
        deps=[features_key, validated_key],
        code=[
            "training_set 1",
            target,
            *expression_code(project),
            public_settings(split, added=("column", "holdout_from")),
            *weight_code(project),
            *filter(None, [protected]),
        ],
    )

    @dg.multi_asset(
        specs=[spec],
        check_specs=[*training_checks(spec.key), *doubt_checks(spec.key)],
        name=names.op_name(*spec.key.path),
    )
    def training_set(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        import duckdb

        store = warehouse.store
        with as_dagster_failures(project.name, project.sensitive), store.connect() as connection:
            require_unblocked(project, store, project.table, [None])
            require_succeeded(context.instance, project.name, [(features_key, None), (validated_key, None)])
            versions = {key: store.version(key.path) for key in (features_key, validated_key)}
            features, valid = (
                store.relation(connection, key.path, version=version) for key, version in versions.items()
            )
            reject_target_features(project, features.columns)
            labelled = features.join(row_sides(project, valid), names.ROW_ID)
            require_positive_weights(project, labelled, names.ROW_ID)
            keys = {"/".join(key.path): version for key, version in versions.items()}
            try:
                result = store.write(spec.key.path, labelled, dagster_run_id=context.run.run_id, inputs=keys)
            except duckdb.Error as error:
                if expression := target_expression(project):
                    raise expression.error_for(error) from error
                raise
            if not result.rows:
                raise DataError(
                    f"{project.name}: the target {target} is null in all rows",
                    hint="correct the source, or declare another target in defs.yaml",
                )
            written = store.relation(connection, spec.key.path)
            reject_unknown_settings(project, written)
            counts = count_sides(written, target)
            yield dg.MaterializeResult(
                data_version=dg.DataVersion(result.digest),
                metadata={
                    **table_metadata(
                        result,
                        inputs={
                            (key, None): store.digest(key.path, version=version)
                            for key, version in versions.items()
                        },
                    ),
                    **project.declaration,
                    **_lineage(project, features.columns, valid.columns, written.columns),
                    "split": split_table(counts),
                    **_times_of_split(project, written),
                    WITHOUT_TARGET: len(features) - result.rows,
                    MADE_OF: dg.MetadataValue.json(keys),
                },
            )
            yield both_sides(project, counts)
            yield informative_features(project, written)
            yield no_leakage_suspects(project, written)
            yield from raise_doubts(project, written, counts, valid)

    return training_set


def _lineage(
    project: Project, features: Sequence[str], valid: Sequence[str], written: Sequence[str]
) -> dict[str, Any]:
    """Lineage of features, target and weight."""
    validated, target = project.table_key(names.VALIDATED), project.settings.target.column
    expression = target_expression(project)
    of_target = expression.columns(valid) if expression else [target]
    sources = {target: of_target, names.WEIGHT: [project.settings.weight] if project.settings.weight else []}
    found = {
        name: [(validated, column) for column in of if column in valid]
        for name, of in sources.items()
        if name in written
    }
    copied = copied_columns(project.key(names.FEATURES), written, of=features)
    return (copied | ColumnLineage(found)).metadata()


def _times_of_split(project: Project, written: "duckdb.DuckDBPyRelation") -> dict[str, str]:
    """The times of holdout and training in words, if rows are split over time."""
    from mlops_assets.ml.search.time_split import describe_time_split

    if names.TIME not in written.columns:
        return {}
    counted = written.aggregate(f"{names.SPLIT}, min({names.TIME}), max({names.TIME}), count(*)")
    sides = {side: (first, last, rows) for side, first, last, rows in counted.fetchall()}
    if not {names.TRAIN, names.HOLDOUT} <= set(sides):  # the check `both_sides` reports it
        return {}
    return {"in_words": describe_time_split(sides, project.settings.split.column or names.TIME)}
