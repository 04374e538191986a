"""`mlops status`: the health of all projects, or everything about one of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_assets.cli.output.console import DebugOption, JsonOption, out, plain_errors, print_line
from mlops_assets.stores.system.state_directory import find_project_root

if TYPE_CHECKING:
    from mlops_assets.core.project_status import WorkspaceStatus

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
    with plain_errors(debug):
        from mlops_assets.cli.output.status_output import print_overview, print_project
        from mlops_assets.cli.output.table_output import print_json
        from mlops_assets.core.status_series import status_document
        from mlops_assets.workspace.status.collect import collect_status
        from mlops_assets.workspace.workspace import Workspace

        found = collect_status(Workspace(find_project_root()), project)
        if html is not None:
            _write_page(html, found)
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


def _write_page(file: Path, found: "WorkspaceStatus") -> None:
    from mlops_assets.ml.reports.status_page import render_status
    from mlops_assets.stores.system.disk_errors import translated_disk_errors, write_atomically

    with translated_disk_errors("the status page", file):
        write_atomically(file, render_status(found))
