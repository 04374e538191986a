"""`mlops run`: a project's graph, except for what is up to date."""

from pathlib import Path
from typing import Annotated

import typer

from mlops_assets.cli.output.console import (
    WHERE_TO_LOOK,
    DebugOption,
    LogJsonOption,
    ProjectArgument,
    exit_on_errors,
    out,
    plain_errors,
    print_waiting,
)
from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.system.state_directory import find_project_root


def run(
    project: ProjectArgument,
    data: Annotated[
        Path | None,
        typer.Option(help="Read the table from this file, or from the files directly in this folder."),
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Trials of the search.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="ASSET", help="Stop after this asset, such as `features`.")
    ] = None,
    partition: Annotated[
        str | None, typer.Option(metavar="2025-03", help="Only this partition, and its cut-off.")
    ] = None,
    partitions: Annotated[
        str | None, typer.Option(metavar="2024-06..2025-06", help="Only these partitions.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Run what is up to date, too.")] = False,
    log_json: LogJsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Materialize a project's graph, except for what is up to date.

    Example: mlops run customer_churn --partition 2025-03
    """
    from mlops_assets.cli.output.run_display import display_of, machine_log

    with plain_errors(debug), machine_log(log_json) as log:
        from mlops_assets.cli.output.run_summary import print_summary
        from mlops_assets.stores.governance.ledger import Ledger
        from mlops_assets.stores.governance.ledger_state import LedgerState
        from mlops_assets.workspace.dagster_run import project_lock
        from mlops_assets.workspace.project_run import ProjectRun
        from mlops_assets.workspace.run_events import RunProgress
        from mlops_assets.workspace.workspace import Workspace

        if partition and partitions:
            raise ProjectError("--partition and --partitions say different things", hint="give one of them")
        workspace = Workspace(find_project_root())
        keys = workspace.select(project, until)
        with (
            workspace.instance() as instance,
            project_lock(workspace, instance, project, command="mlops run", on_wait=print_waiting),
        ):
            run = ProjectRun(
                workspace,
                instance,
                project,
                keys,
                source=data.expanduser().absolute() if data else None,
                trials=trials,
                force=force,
                debug=debug,
                scope=partition or partitions,
            )
            steps = workspace.steps(keys)
            display = display_of(out, project, steps, partitioned=run.timeline is not None, log=log)
            with RunProgress(display, steps) as progress:
                ran = run.execute(progress)
            for note in run.notes:
                progress.note(note)
            if not ran and not progress.faults:
                progress.note(f"{project} is up to date; --force runs it all the same")
            if not progress.faults:
                ledger_state = LedgerState.of(Ledger(run.tables, project).entries())
                keys = workspace.project(project)
                print_summary(out, project, instance, keys, ledger_state=ledger_state, uis=WHERE_TO_LOOK)
        exit_on_errors(progress.faults)
