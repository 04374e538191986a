"""raw/<table>: the source's rows as they came, with their provenance."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from mlops_assets import names
from mlops_assets.components.model_project.partitions import arrival_partitions, one_by_one, partition_of
from mlops_assets.components.model_project.project import Project, plain_failures, table_metadata
from mlops_assets.resources import WarehouseResource

SOURCE, ARRIVAL, FINGERPRINT, FOLDER = "source", "arrival", "source_fingerprint", "project_folder"
"""Names in metadata: where rows come from, the column that tells when, the digest of the source's content,
and the folder that declares it."""
DIALECT = "csv"
"""Name in metadata: how CSV files are written, where not as usual."""


class RawConfig(dg.Config):
    """What a run may choose."""

    source: str | None = Field(
        default=None,
        description="A file, a glob or a folder to read instead of the table's declared source.",
    )


def raw_asset(project: Project, table: str) -> dg.AssetsDefinition:
    """The asset that reads a table's files, those of one partition if it has partitions."""
    settings = project.settings.tables[table]
    partitions = arrival_partitions(project) if table in project.event_tables else None
    periods = project.timeline.periods if project.timeline and partitions else None
    subject, dialect = project.subject(table), settings.csv.dialect
    spec = project.spec(
        project.table_key(names.RAW, table),
        description=f"Rows of `{settings.source}` as they came: text stays text, and file and row are kept.",
        kinds=["duckdb", "deltalake"],
        code=[
            "raw 1",
            *([settings.arrival] if settings.arrival else []),
            *([repr(dialect.reading())] if dialect.reading() else []),
        ],
        metadata={
            SOURCE: settings.source,
            FOLDER: str(project.code.folder),
            **({ARRIVAL: settings.arrival} if settings.arrival else {}),
            **({DIALECT: dialect.declared()} if dialect.declared() else {}),
        },
        partitions=partitions,
    )

    @dg.multi_asset(specs=[spec], name=names.op_name(*spec.key.path), backfill_policy=one_by_one(partitions))
    def raw(
        context: dg.AssetExecutionContext, config: RawConfig, warehouse: WarehouseResource
    ) -> dg.MaterializeResult:
        from mlops_assets.stores.arrivals import arrival_of, partition_relations
        from mlops_assets.stores.source_rows import each_unchanged, refuse_empty

        source = project.root / Path(config.source or settings.source).expanduser()
        store, partition = warehouse.store, partition_of(context)
        with (
            plain_failures(project.name),
            store.turn(spec.key.path, partition),
            store.connect() as connection,
        ):
            arrival = arrival_of(
                connection, source, periods, settings.arrival, partition, dialect=dialect, subject=subject
            )
            relations = partition_relations(connection, arrival, periods, settings.arrival, subject=subject)
            if partition is None:
                refuse_empty(arrival.files, relations, subject=subject)
            with each_unchanged(arrival.files, relations, subject=subject) as unchanged:
                result = store.write(
                    spec.key.path, unchanged, partition=partition, dagster_run_id=context.run.run_id
                )
        return dg.MaterializeResult(
            data_version=dg.DataVersion(result.digest),
            metadata={
                **table_metadata(result),
                SOURCE: str(source),
                "files": len(arrival.files),
                FINGERPRINT: arrival.fingerprint,
            },
        )

    return raw
