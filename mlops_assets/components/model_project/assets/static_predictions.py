"""predictions of a static project: the champion's predictions for the rows of `scoring`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.automation.conditions import follows_its_inputs, freshness
from mlops_assets.components.model_project.project.blocked_inputs import require_succeeded
from mlops_assets.components.model_project.project.blocked_rows import require_unblocked
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata_names import NOT_FOLLOWED
from mlops_assets.components.model_project.project.partitions import (
    one_by_one,
    partition_of,
    require_same_partitioning,
    table_partitions,
)
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.promotion.deployed import require_champion, write_predictions
from mlops_assets.components.model_project.settings.scoring import ScoringSettings
from mlops_assets.components.model_project.training.in_training import with_static_in_training
from mlops_assets.components.resources import MlflowTracking, WarehouseResource
from mlops_assets.core import names
from mlops_assets.core.errors import DataError
from mlops_assets.core.text.suggestions import suggest_name
from mlops_assets.ml.query_batches import query_batches

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from mlops_assets.ml.model.tabular_model import TabularModel
    from mlops_assets.stores.tracking.registry import Version


def static_predictions_asset(project: Project, scoring: ScoringSettings) -> dg.AssetsDefinition:
    """The asset that predicts the valid rows of `scoring` in batches: all, or those of a partition."""
    rows_key, champion_key = (
        project.table_key(names.VALIDATED, names.SCORING),
        project.key(names.CHAMPION),
    )
    carried = list(dict.fromkeys([*project.read_tables[names.SCORING].key, *scoring.columns]))
    contributions = project.settings.predictions.contributions
    partitions = table_partitions(project, names.SCORING)
    spec = project.spec(
        project.key(names.PREDICTIONS),
        description="Predictions of the champion for each valid row of `scoring`, and its version. "
        "`in_training` is true if that version was fitted on the row.",
        kinds=["duckdb", "deltalake", "mlflow"],
        deps=[rows_key, champion_key],
        code=["static predictions 1", repr(carried), repr(contributions)],
        partitions=partitions,
        # With partitions, a new champion predicts new ones, and by the job `score` the newest one. The others
        # keep their version.
        automation=follows_its_inputs(project, ignored=dg.AssetSelection.assets(champion_key)),
        freshness=freshness(project.settings.freshness.predictions_hours),
        metadata={NOT_FOLLOWED: dg.MetadataValue.json([champion_key.to_user_string()])},
    )

    @dg.multi_asset(specs=[spec], name=names.op_name(*spec.key.path), backfill_policy=one_by_one(partitions))
    def predictions(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource, mlflow: MlflowTracking
    ) -> dg.MaterializeResult:
        store, partition = warehouse.store, partition_of(context)
        with (
            as_dagster_failures(project.name, project.sensitive),
            store.turn(spec.key.path, partition),
            store.connect() as reading,
            store.connect() as writing,
        ):
            require_same_partitioning(project, store, names.SCORING)
            if partition and not (
                store.exists(rows_key.path) and partition in store.partitions(rows_key.path)
            ):
                raise DataError(
                    f"{project.name}: partition {partition} has no rows to predict yet",
                    hint=f"materialize {'/'.join(rows_key.path)} for {partition} first",
                )
            require_unblocked(project, store, names.SCORING, [partition])
            require_succeeded(context.instance, project.name, [(rows_key, partition)])
            champion = require_champion(project, store, mlflow.store, context.run.run_id, context.log.info)
            version, model = store.version(rows_key.path), mlflow.store.load(champion)
            rows = store.relation(reading, rows_key.path, partition=partition, version=version)
            _require_usable_rows(project, rows, model, champion, carried)
            scored = writing.from_arrow(_scores(rows, model, champion, carried, contributions))
            relation = with_static_in_training(project, store, writing, scored, champion)
            return write_predictions(
                *(store, writing, spec.key, relation, champion),
                rows=(rows_key, version),
                run_id=context.run.run_id,
                partition=partition,
                read=[column.name for column in model.spec.columns],
            )

    return predictions


def _require_usable_rows(
    project: Project,
    rows: "duckdb.DuckDBPyRelation",
    model: "TabularModel",
    champion: "Version",
    carried: list[str],
) -> None:
    """Raise if the rows lack a column of the champion or of the settings, or have another type."""
    for name in carried:
        if name not in rows.columns:
            raise DataError(
                f"{project.subject(names.SCORING)}: schema.py declares no column {name}, which "
                "scoring.columns names",
                hint=suggest_name(name, [one for one in rows.columns if one not in names.RESERVED]),
            )
        if name in model.output_types():
            raise DataError(
                f"{project.subject(names.SCORING)}: {name} in scoring.columns is the name of a column of "
                "predictions",
                hint="rename the column in schema.py and in the source, or leave it out",
            )
    types = dict(zip(rows.columns, map(str, rows.types), strict=True))
    for column in model.spec.columns:
        found = types.get(column.name)
        if found != column.sql_type:
            problem = f"its type is {found}" if found else "schema.py does not declare it any more"
            raise DataError(
                f"{project.name}: champion version {champion.version} can't predict the rows of `scoring`: "
                f"it was trained with {column.name} as {column.sql_type}; {problem}",
                hint=f"train a new version: mlops run {project.name}; or promote one that fits these rows, "
                f"see mlops history {project.name}",
            )


def _scores(
    rows: "duckdb.DuckDBPyRelation",
    model: "TabularModel",
    champion: "Version",
    carried: list[str],
    contributions: int,
) -> "pa.RecordBatchReader":
    """`row_id`, carried columns, predictions and version as a stream, with one batch in memory at a time."""
    import pyarrow as pa

    from mlops_assets.ml.model.batch_features import batch_features
    from mlops_assets.ml.scoring.prediction_batches import BatchPredictor
    from mlops_assets.stores.warehouse.warehouse import BATCH_ROWS

    batches = rows.to_arrow_reader(BATCH_ROWS)
    kept, predictor = [names.ROW_ID, *carried], BatchPredictor(model, contributions)
    schema = pa.schema(
        [
            *(batches.schema.field(name) for name in kept),
            *predictor.schema,
            (names.MODEL_VERSION, pa.int64()),
        ]
    )

    def score() -> "Iterator[pa.RecordBatch]":
        for batch in query_batches(batches):
            if not batch.num_rows:
                continue
            ordered, features = batch_features(model, batch)
            found = predictor.predict(features)
            version = pa.array([champion.version] * batch.num_rows, pa.int64())
            yield pa.record_batch(
                [*(ordered.column(name) for name in kept), *found.columns, version], schema=schema
            )

    return pa.RecordBatchReader.from_batches(schema, score())
