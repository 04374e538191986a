"""`mlops forget`: the removal of an entity, such as a person, from everything that a project has stored."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from mlops_assets.cli.output.console import (
    DebugOption,
    JsonOption,
    ProjectArgument,
    err,
    exit_on_errors,
    out,
    plain_errors,
    print_line,
    print_table,
    print_waiting,
)
from mlops_assets.cli.output.table_output import print_json
from mlops_assets.core.names import view_name
from mlops_assets.stores.system.state_directory import find_project_root

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from mlops_assets.workspace.forgetting.report import Report
    from mlops_assets.workspace.workspace import Workspace


def forget(
    project: ProjectArgument,
    entity: Annotated[
        list[str],
        typer.Option(
            metavar="ID",
            help="ID of the entity; once for each column that identifies it. `-` reads the IDs from standard "
            "input, a line each, so that the shell records none.",
            show_default=False,
        ),
    ],
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="Column that identifies it; by default `entity`, `split.group` or `key` in defs.yaml."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report what would be removed, without removing it.")
    ] = False,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Run the project afterwards, which trains a version without it.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Reason, recorded in the ledger.")] = "requested",
    actor: Annotated[
        str | None,
        typer.Option(
            help="Who decides, recorded in the ledger as claimed; by default the account.", show_default=False
        ),
    ] = None,
    skip_sources: Annotated[
        bool, typer.Option("--skip-sources", help="Do not read the sources to find rows of the entity.")
    ] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Remove an entity from all versions of all tables; rows of it that arrive later are not kept.

    This can't be undone. A source, a file written by `mlops predict`, and a backup are not changed. To verify
    it: mlops audit PROJECT --forgotten ID.

    Example: mlops forget customer_churn --entity C00198 --dry-run
    """
    with plain_errors(debug):
        from mlops_assets.components.model_project.promotion.transitions import deciding_actor
        from mlops_assets.core.command_user import run_of_command
        from mlops_assets.workspace.dagster_run import project_lock
        from mlops_assets.workspace.forgetting.removal import Attribution
        from mlops_assets.workspace.forgetting.removal import forget as remove
        from mlops_assets.workspace.forgetting.report import Report
        from mlops_assets.workspace.forgetting.targets import Target
        from mlops_assets.workspace.workspace import Workspace

        with run_of_command():
            who = deciding_actor(actor or "", "")
        workspace = Workspace(find_project_root())
        values = sys.stdin.read().splitlines() if entity == ["-"] else entity
        target = Target.of(workspace, project, values, column or ())
        with err.status("searching"):
            report = Report.of(target, with_sources=not skip_sources)
        if dry_run:
            _print(report, as_json=as_json, dry_run=True)
            return
        with workspace.instance() as instance:
            with project_lock(workspace, instance, project, command="mlops forget", on_wait=print_waiting):
                removal = remove(
                    target,
                    instance,
                    Attribution(who, reason),
                    on_wait=print_waiting,
                )
            _print(report.after(removal), as_json=as_json, dry_run=False, retrains=retrain)
            if retrain:
                _retrain(workspace, instance, project)


def _retrain(workspace: "Workspace", instance: "DagsterInstance", project: str) -> None:
    """Run the project as `mlops run` does."""
    from mlops_assets.cli.output.run_display import display_of
    from mlops_assets.workspace.dagster_run import project_lock
    from mlops_assets.workspace.project_run import ProjectRun
    from mlops_assets.workspace.run_events import RunProgress
    from mlops_assets.workspace.run_plan import RunPlan

    keys = workspace.project(project)
    with project_lock(workspace, instance, project, command="mlops forget --retrain", on_wait=print_waiting):
        plan = RunPlan(workspace, instance, project, keys)
        steps = workspace.steps(keys)
        display = display_of(err, project, steps, partitioned=plan.periods is not None, log=None)
        with RunProgress(display, steps) as progress:
            ProjectRun(plan).execute(progress)
    exit_on_errors(progress.errors)


def _print(report: "Report", *, as_json: bool, dry_run: bool, retrains: bool = False) -> None:
    facts: dict[str, Any] = report.to_json()
    if as_json:
        print_json({"dry_run": dry_run, **facts})
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("table", no_wrap=True)
    for title in ("rows", "in the newest version", "versions with a row"):
        table.add_column(title, justify="right")
    for found in report.tables:
        cells = (f"{found.rows:,}", f"{found.current:,}", f"{found.versions:,}")
        table.add_row(view_name(found.table), *(cells if found.searched else ("not searched", "", "")))
    print_table(out, table)
    for line in report.lines(dry_run=dry_run, retrains=retrains):
        print_line(line)
