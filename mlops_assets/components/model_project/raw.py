"""raw/<table>: the source's rows as they came, with their provenance."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from mlops_assets import names
from mlops_assets.components.model_project.project import Project, plain_failures, table_metadata
from mlops_assets.digests import text_digest
from mlops_assets.resources import WarehouseResource

SOURCE, FINGERPRINT, FOLDER = "source", "source_fingerprint", "project_folder"
"""Names in metadata: where rows come from, the digest of all files, and the folder that declares it."""


class RawConfig(dg.Config):
    """What a run may choose."""

    source: str | None = Field(
        default=None,
        description="A file, a glob or a folder to read instead of the table's declared source.",
    )


def raw_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that reads the table's files."""
    settings = project.settings.tables[project.table]
    spec = project.spec(
        project.table_key(names.RAW),
        description=f"Rows of `{settings.source}` as they came: text stays text, and file and row are kept.",
        kinds=["duckdb", "deltalake"],
        code=["raw 1"],
        metadata={SOURCE: settings.source, FOLDER: str(project.code.folder)},
    )

    @dg.multi_asset(specs=[spec], name=names.op_name(*spec.key.path))
    def raw(
        context: dg.AssetExecutionContext, config: RawConfig, warehouse: WarehouseResource
    ) -> dg.MaterializeResult:
        import duckdb

        from mlops_assets.stores.sources import find_files, read_files, unreadable

        source = Path(config.source or settings.source).expanduser()
        store = warehouse.store
        with plain_failures(), store.connect() as connection:
            files = find_files(project.root / source, subject=project.subject)
            relations = read_files(connection, files, subject=project.subject)
            try:
                result = store.write(spec.key.path, relations, dagster_run_id=context.run.run_id)
            except duckdb.Error as error:
                raise unreadable(project.root / source, project.subject, error) from error
            types = dict(zip(relations[0].columns, map(str, relations[0].types), strict=True))
        return dg.MaterializeResult(
            data_version=dg.DataVersion(result.digest),
            metadata={
                **table_metadata(
                    rows=result.rows, version=result.version, changed=result.changed, types=types
                ),
                SOURCE: str(project.root / source),
                "files": len(files),
                FINGERPRINT: fingerprint([file.sha256 for file in files]),
            },
        )

    return raw


def fingerprint(digests: list[str]) -> str:
    """One digest for the content of all files, whatever their names."""
    return text_digest(*sorted(digests))
