"""predictions: the champion's predictions for all entities with features in a partition."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.automation.conditions import follows_its_inputs, freshness
from mlops_assets.components.model_project.project.blocked_inputs import require_succeeded
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata_names import NOT_FOLLOWED
from mlops_assets.components.model_project.project.partitions import arrival_partitions, one_by_one
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.promotion.deployed import require_champion, write_predictions
from mlops_assets.components.model_project.training.in_training import with_in_training
from mlops_assets.components.resources import MlflowTracking, WarehouseResource
from mlops_assets.core import names
from mlops_assets.core.errors import DataError
from mlops_assets.ml.query_batches import query_batches

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from mlops_assets.ml.model.tabular_model import TabularModel
    from mlops_assets.stores.tracking.registry import Version
    from mlops_assets.stores.warehouse.warehouse import Warehouse


def predictions_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that predicts a partition in batches."""
    features_key, champion_key = project.key(names.FEATURES), project.key(names.CHAMPION)
    partitions = arrival_partitions(project)
    spec = project.spec(
        project.key(names.PREDICTIONS),
        description="Predictions of the champion for each entity at the end of the partition, and its "
        "version. `in_training` is true if that version was fitted on the row.",
        kinds=["duckdb", "deltalake", "mlflow"],
        deps=[features_key, champion_key],
        code=["predictions 1"],
        partitions=partitions,
        # A new champion predicts new partitions, and by the job `score` the newest one. It never replaces
        # predictions of older partitions, because it was trained on them.
        automation=follows_its_inputs(project, ignored=dg.AssetSelection.assets(champion_key)),
        freshness=freshness(project.settings.freshness.predictions_hours),
        metadata={NOT_FOLLOWED: dg.MetadataValue.json([champion_key.to_user_string()])},
    )

    @dg.multi_asset(specs=[spec], name=names.op_name(*spec.key.path), backfill_policy=one_by_one(partitions))
    def predictions(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource, mlflow: MlflowTracking
    ) -> dg.MaterializeResult:
        store, partition = warehouse.store, context.partition_key
        with (
            as_dagster_failures(project.name, project.sensitive),
            store.turn(spec.key.path, partition),
            store.connect() as reading,
            store.connect() as writing,
        ):
            if partition not in store.partitions(features_key.path):
                raise DataError(
                    f"{project.name}: partition {partition} has no features yet",
                    hint=f"materialize {'/'.join(features_key.path)} for {partition} first",
                )
            require_succeeded(context.instance, project.name, [(features_key, partition)])
            champion = require_champion(project, store, mlflow.store, context.run.run_id, context.log.info)
            version, model = store.version(features_key.path), mlflow.store.load(champion)
            _require_usable_features(project, store, model, champion, partition, version)
            reader = _scores(project, store, reading, model, champion, partition, version)
            scored = writing.from_arrow(reader)
            relation = with_in_training(project, store, writing, scored, champion, partition)
            return write_predictions(
                *(store, writing, spec.key, relation, champion),
                rows=(features_key, version),
                run_id=context.run.run_id,
                partition=partition,
                read=[column.name for column in model.spec.columns],
            )

    return predictions


def _require_usable_features(
    project: Project,
    store: "Warehouse",
    model: "TabularModel",
    champion: "Version",
    partition: str,
    version: int,
) -> None:
    """Raise if the features no longer have the columns and types that the champion was trained on."""
    from mlops_assets.ml.model.input_rows import InputError

    with store.connect() as connection:
        features = store.relation(
            connection, project.key(names.FEATURES).path, partition=partition, version=version
        )
        row = features.limit(1).df()
    try:
        model.compute_features(row)
    except InputError as error:
        raise DataError(
            f"{project.name}: champion version {champion.version} can't predict from the features of "
            f"{partition}: {error.message}",
            hint=f"train a new version: mlops run {project.name}; or promote one that fits these features: "
            f"mlops approve or mlops rollback, see mlops history {project.name}",
        ) from error


def _scores(
    project: Project,
    store: "Warehouse",
    connection: "duckdb.DuckDBPyConnection",
    model: "TabularModel",
    champion: "Version",
    partition: str,
    version: int,
) -> "pa.RecordBatchReader":
    """Entity, prediction, probabilities and version as a stream, with one batch in memory at a time."""
    import pyarrow as pa

    from mlops_assets.ml.scoring.prediction_batches import BatchPredictor

    batches = store.batches(
        connection, project.key(names.FEATURES).path, partition=partition, version=version
    )
    entity = project.settings.entity
    predictor = BatchPredictor(model, project.settings.predictions.contributions)
    schema = pa.schema(
        [
            *(batches.schema.field(name) for name in entity),
            *predictor.schema,
            (names.MODEL_VERSION, pa.int64()),
        ]
    )

    def score() -> Iterator["pa.RecordBatch"]:
        for batch in query_batches(batches):
            if not batch.num_rows:
                continue
            found = predictor.predict(model.compute_features(batch.to_pandas()))
            yield pa.record_batch(
                [
                    *(batch.column(name) for name in entity),
                    *found.columns,
                    pa.array([champion.version] * batch.num_rows, pa.int64()),
                ],
                schema=schema,
            )

    return pa.RecordBatchReader.from_batches(schema, score())
