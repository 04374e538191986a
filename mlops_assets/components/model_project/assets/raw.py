"""raw_<table>: the unchanged rows of the source, with their provenance."""

from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from mlops_assets.components.model_project.automation.conditions import follows_its_inputs
from mlops_assets.components.model_project.project.declared_tables import (
    declared_source,
    describe_source,
    ingestion_of,
    to_metadata,
    upstream_of,
)
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata import materialized, table_metadata
from mlops_assets.components.model_project.project.metadata_names import (
    ARRIVAL,
    CLOCK,
    DIALECT,
    FINGERPRINT,
    FOLDER,
    FORMATS,
    SOURCE,
)
from mlops_assets.components.model_project.project.partitions import (
    one_by_one,
    partition_of,
    require_same_partitioning,
    table_partitions,
)
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.queries.added_rows import added_or_all
from mlops_assets.components.model_project.settings.tables import TableSettings
from mlops_assets.components.resources import WarehouseResource
from mlops_assets.core import names
from mlops_assets.core.command_user import command_user
from mlops_assets.ml.contracts.time_sql import UTC_ZONE

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from mlops_assets.stores.delta.kept_content import KeptContent
    from mlops_assets.stores.sources.base import Fetched
    from mlops_assets.stores.warehouse.warehouse import WriteResult


class RawConfig(dg.Config):
    """Configuration of a run."""

    source: str | None = Field(
        default=None,
        description="File, glob, folder or URL to read instead of the declared source, below the folder of "
        "the declared source or one of `source_roots` of the table.",
    )


def raw_asset(project: Project, table: str) -> dg.AssetsDefinition:
    """The asset that reads the source of a table, or the arrivals of one partition."""
    settings = project.read_tables[table]
    partitions = table_partitions(project, table)
    declared = declared_source(project, table)
    ingestion = ingestion_of(project, table)
    upstream, dialect = upstream_of(declared), ingestion.dialect
    spec = project.spec(
        project.table_key(names.RAW, table),
        description=f"Unchanged rows of {describe_source(declared)}: text stays text, and each row has its "
        "provenance.",
        kinds=["duckdb", "deltalake"],
        deps=[upstream] if upstream else [],
        code=[
            "raw 2",
            *([settings.arrival] if settings.arrival else []),
            *(settings.arrival_text.declared if settings.arrival else []),
            *([repr(dialect.parsing_options())] if dialect.parsing_options() else []),
            *([] if isinstance(declared, str) or "sql" not in declared else [declared["sql"]]),
        ],
        metadata={
            SOURCE: to_metadata(declared),
            FOLDER: str(project.files.folder),
            **({ARRIVAL: settings.arrival} if settings.arrival else {}),
            **({CLOCK: list(settings.clock)} if settings.time_zone != UTC_ZONE else {}),
            **({FORMATS: _formats(settings)} if settings.formats else {}),
            **({DIALECT: dialect.non_defaults()} if dialect.non_defaults() else {}),
        },
        partitions=partitions,
        automation=follows_its_inputs(project) if upstream else None,
    )

    @dg.multi_asset(specs=[spec], name=names.op_name(*spec.key.path), backfill_policy=one_by_one(partitions))
    def raw(
        context: dg.AssetExecutionContext, config: RawConfig, warehouse: WarehouseResource
    ) -> dg.MaterializeResult:
        from mlops_assets.stores.forgetting.records import ForgottenEntities
        from mlops_assets.stores.sources.appended_rows import AppendedRows
        from mlops_assets.stores.sources.open import open_source
        from mlops_assets.stores.sources.roots import require_within_roots

        store, partition = warehouse.store, partition_of(context)
        if config.source and not command_user():  # a command reads what its user may read
            subject, roots = project.subject(table), settings.source_roots
            with as_dagster_failures(project.name):
                require_within_roots(config.source, declared, roots, base=project.root, subject=subject)
        with (
            as_dagster_failures(project.name, project.sensitive),
            open_source(config.source or declared, ingestion, root=project.root, warehouse=store) as source,
            store.turn(spec.key.path, partition),
            store.shared_connection() as connection,
        ):
            forgotten = ForgottenEntities(store.root, project.name)
            require_same_partitioning(project, store, table)
            fetched = source.fetch(connection, partition)

            def write(
                rows: "Iterable[duckdb.DuckDBPyRelation]", kept: "KeptContent | None" = None
            ) -> "WriteResult":
                return store.write(
                    spec.key.path,
                    forgotten.without_forgotten(rows),
                    partition=partition,
                    dagster_run_id=context.run.run_id,
                    inputs=fetched.inputs,
                    # With declared marks, the contract would read the text of a number in another way.
                    conflicts_as_text=not settings.mixes_numbers,
                    declared=project.periods_of(table),
                    kept=kept,
                )

            def write_all() -> "WriteResult":
                with source.rows(fetched) as rows:
                    return write(rows)

            if partition or not fetched.files or forgotten.records():  # rows of the file are left out
                result = write_all()
            else:
                code, subject = str(spec.code_version), project.subject(table)
                appended = AppendedRows(connection, store, spec.key.path, fetched, code, subject)
                result = added_or_all(context, spec.key, lambda: appended.write(write), write_all)
                appended.record(result)
        return materialized(
            *(context, spec.key, result.digest),
            {
                **table_metadata(result, inputs=_read_assets(fetched)),
                **project.declaration,
                SOURCE: source.display_name,
                **fetched.details,
                FINGERPRINT: fetched.fingerprint,
            },
        )

    return raw


def _formats(settings: TableSettings) -> dict[str, Any]:
    return {name: form.to_settings() for name, form in settings.column_formats}


def _read_assets(fetched: "Fetched") -> dict[tuple[dg.AssetKey, str | None], str] | None:
    """Data versions of the assets that were read; None if the source is not an asset."""
    if fetched.input_digests is None:
        return None
    return {(dg.AssetKey(key), part): digest for (key, part), digest in fetched.input_digests.items()}
