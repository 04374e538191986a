"""The jobs of a project: one for each purpose."""

from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets import names
from mlops_assets.components.model_project.project import Project

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


def project_jobs(project: Project) -> "list[UnresolvedAssetJobDefinition]":
    """`<project>_ingest` brings data in, `<project>_train` makes a model of it."""
    ingest = dg.AssetSelection.assets(
        project.table_key(names.RAW),
        project.table_key(names.VALIDATED),
        project.table_key(names.QUARANTINE),
        project.key(names.FEATURES),
    )
    train = dg.AssetSelection.groups(project.name) - ingest
    return [
        dg.define_asset_job(
            names.job_name(project.name, "ingest"),
            ingest,
            description="Read the source, keep or quarantine each row, and compute features.",
        ),
        dg.define_asset_job(
            names.job_name(project.name, "train"),
            train,
            description="Split, search, evaluate, register, and promote what deserves it.",
        ),
    ]
