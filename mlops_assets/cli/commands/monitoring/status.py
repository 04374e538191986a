"""`mlops status`: the health of all projects, or everything about one of them."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_assets.cli.output.console import DebugOption, JsonOption, out, plain_errors, print_line
from mlops_assets.core.errors import MlopsError, StoreError
from mlops_assets.core.garbage import without_garbage_collection
from mlops_assets.stores.system.state_directory import find_project_root

if TYPE_CHECKING:
    from mlops_assets.core.status.workspace import WorkspaceStatus
    from mlops_assets.workspace.workspace import Workspace

UNHEALTHY = 3
"""Exit code with `--exit-code`."""


def status(
    project: Annotated[
        str | None,
        typer.Argument(help="Name of the project; by default all projects.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the status as a self-contained HTML page."),
    ] = None,
    exit_code: Annotated[
        bool,
        typer.Option(
            "--exit-code", help=f"Exit with {UNHEALTHY} if a project is failed, overdue or unknown."
        ),
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Print the health of projects: assets, freshness, checks, champion, drift, performance, schedules, disk.

    Nothing is changed: it reads records of Dagster, the ledger and tables, also without Dagster's daemon.

    Example: mlops status customer_churn
    """
    with plain_errors(debug), without_garbage_collection():
        from mlops_assets.cli.output.status_output import print_overview, print_project
        from mlops_assets.cli.output.table_output import print_json
        from mlops_assets.core.status.series import status_document
        from mlops_assets.workspace.status.collect import collect_status
        from mlops_assets.workspace.status.valid_projects import load_projects
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        loaded = load_projects(workspace)
        found = collect_status(workspace, project, loaded=loaded)
        if html is not None:
            _write_page(html, found, workspace, project)
        if as_json:
            print_json(status_document(found))
        elif project is not None:
            print_project(out, found)
        else:
            print_overview(out, found)
        if html is not None and not as_json:
            print_line(f"page: {html}")
    if exit_code and any(each.health in ("failed", "overdue", "unknown") for each in found.projects):
        raise typer.Exit(UNHEALTHY)


def _write_page(file: Path, found: "WorkspaceStatus", workspace: "Workspace", project: str | None) -> None:
    """Write the page; of a single project, with the lineage of its columns."""
    from mlops_assets.components.model_project.lineage.collect import column_lineage_of
    from mlops_assets.components.model_project.lineage.lineage_table import lineage_table
    from mlops_assets.ml.reports.status_page import render_status
    from mlops_assets.stores.system.disk_errors import write_atomically
    from mlops_assets.workspace.status.read_only_instance import read_only_instance

    lineage = None
    if project is not None:
        # An invalid project or a damaged instance is among the errors of the status, which the page shows.
        with suppress(MlopsError), read_only_instance(workspace) as instance:
            if instance is not None:
                assets = workspace.definitions.resolve_all_asset_specs()
                lineage = lineage_table(column_lineage_of(assets, instance, project))
    page = render_status(found, lineage=lineage)
    try:
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        write_atomically(file, page)
    except OSError as error:
        raise StoreError(
            f"the page can't be written to {file}: {error.strerror}",
            hint="name a file in a folder that you can write to",
        ) from error
