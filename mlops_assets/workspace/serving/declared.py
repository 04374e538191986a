"""The configuration of the service, from the declarations of its projects."""

from collections.abc import Sequence
from dataclasses import replace

from mlops_assets.components.model_project.project.metadata_names import (
    ENTITY,
    FOLDER,
    IDENTITY,
    SENSITIVE,
    SERVING,
)
from mlops_assets.core import names
from mlops_assets.serving.config import ServedProject, ServingConfig
from mlops_assets.workspace.predictions.prediction_input import dialect_of, raw_spec, table_declaration
from mlops_assets.workspace.workspace import Workspace


def declared_config(workspace: Workspace, projects: Sequence[str]) -> ServingConfig:
    """Return the configuration of projects.

    Raises
    ------
    ProjectError
        When there is no such project, or a declaration is invalid.
    """
    state, tracking = workspace.state, workspace.tracking_resource
    return ServingConfig(
        tuple(_served(workspace, name) for name in projects),
        warehouse=str(state.require_layout().warehouse),
        tracking_uri=tracking.mlflow_tracking_uri,
        artifacts=tracking.artifact_folder,
        state=str(state.root),
    )


def _served(workspace: Workspace, name: str) -> ServedProject:
    folder = str(workspace.metadata(name, FOLDER)[FOLDER])
    settings = workspace.declared(names.project_asset(name, names.CHAMPION), SERVING, default={})
    training_set = names.project_asset(name, names.TRAINING_SET)
    logged_entity, sensitive = (
        tuple(workspace.declared(training_set, fact, default=[])) for fact in (ENTITY, SENSITIVE)
    )
    declared = ServedProject(
        name, folder, None, settings=settings, logged_entity=logged_entity, sensitive=sensitive
    )
    if workspace.timeline(name) is None:
        raw = raw_spec(workspace, name)
        return replace(declared, table=table_declaration(raw), dialect=dialect_of(raw).non_defaults())
    entity = workspace.declared(names.project_asset(name, names.PREDICTIONS), IDENTITY, default=[])
    return replace(declared, entity=tuple(entity))
