"""The service and its log as external assets, which Dagster observes and never materializes."""

import warnings
from collections.abc import Sequence

import dagster as dg

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names


def external_assets(project: Project) -> list[dg.AssetSpec]:
    """The assets of the service that the project declares: `endpoint` and `prediction_log`."""
    ignore_copy_warning()
    serving = project.settings.serving
    champion, endpoint = project.key(names.CHAMPION), project.key(names.ENDPOINT)
    found = []
    if serving.observe:
        online = [project.key(names.FEATURES_ONLINE)] if serving.online else []
        found.append(
            _external(
                project,
                names.ENDPOINT,
                "The HTTP service `mlops serve`: the version that answers, and its traffic.",
                [champion, *online],
            )
        )
    if serving.log.enabled:
        found.append(
            _external(
                project,
                names.PREDICTION_LOG,
                f"The predictions that the HTTP service gave: the table {project.name}.prediction_log. Its "
                "rows are in the reports on drift and performance once their day has ended.",
                [endpoint if serving.observe else champion],
            )
        )
    return found


def ignore_copy_warning() -> None:
    """Ignore that Dagster warns of its own argument whenever it copies an external asset, in every process.

    Call it outside `warnings.catch_warnings`, which restores the filters: assets are copied later.
    """
    warnings.filterwarnings("ignore", "Parameter `execution_type` of function", dg.BetaWarning)


def _external(project: Project, name: str, description: str, deps: Sequence[dg.AssetKey]) -> dg.AssetSpec:
    # Without the tag `project`: commands that materialize or list the assets of a project leave it out.
    kinds = {"fastapi"} if name == names.ENDPOINT else {"deltalake"}
    metadata = (
        {} if name == names.ENDPOINT else {"dagster/table_name": names.view_name(project.key(name).path)}
    )
    return dg.AssetSpec(
        project.key(name),
        deps=deps,
        description=description,
        group_name=project.name,
        owners=project.settings.owners,
        tags=project.settings.tags,
        kinds=kinds,
        metadata=metadata,
    )
