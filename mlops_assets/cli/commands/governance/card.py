"""`mlops card`: the model card of a version."""

from typing import Annotated

import typer

from mlops_assets.cli.output.console import DebugOption, ProjectArgument, plain_errors
from mlops_assets.core.errors import TrackingError
from mlops_assets.core.text.visible_text import visible
from mlops_assets.stores.system.state_directory import find_project_root


def card(
    project: ProjectArgument,
    version: Annotated[
        int | None, typer.Argument(min=1, help="Number of the version; by default the champion.")
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Print the model card of a version in Markdown: use, limits, metrics, gates, data, lineage, history.

    Example: mlops card customer_churn 2
    """
    with plain_errors(debug):
        from mlops_assets.stores.tracking.run_artifacts import CARD, CARD_FILE, read_text
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        workspace.project(project)
        registry = workspace.tracking.registry
        found = registry.champion(project) if version is None else registry.version(project, version)
        if found is None:
            raise TrackingError(
                f"{project} has no champion", hint=f"specify a version; see `mlops history {project}`"
            )
        text = read_text(workspace.tracking, found.run_id, f"{CARD}/{CARD_FILE}")
        if text is None:
            raise TrackingError(
                f"{project}: version {found.version} has no model card",
                hint=f"train again to write missing cards: mlops run {project}",
            )
        typer.echo(visible(text), nl=False)
