"""`mlops run`: the run of a project's whole graph, except for what is up to date."""

from typing import Annotated

import typer

from mlops_assets.cli.output.console import (
    UI_ADDRESSES,
    DataOption,
    DebugOption,
    LogJsonOption,
    PartitionsOption,
    ProjectArgument,
    TrialsOption,
    UntilOption,
    exit_on_errors,
    out,
    plain_errors,
    print_waiting,
)
from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.system.state_directory import find_project_root

_WHAT_IT_RUNS = ": its rows and predictions, and in an event project the model of its cut-off"


def run(
    project: ProjectArgument,
    data: DataOption = None,
    trials: TrialsOption = None,
    until: UntilOption = None,
    partition: Annotated[
        str | None,
        typer.Option(metavar="2025-03", help=f"Restrict the run to this partition{_WHAT_IT_RUNS}."),
    ] = None,
    partitions: PartitionsOption = None,
    force: Annotated[bool, typer.Option("--force", help="Run assets that are up to date, too.")] = False,
    new_history: Annotated[
        bool,
        typer.Option(
            "--new-history", help="Start a new history, although a former project has the same tables."
        ),
    ] = False,
    log_json: LogJsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Materialize all assets of a project that are not up to date.

    Example: mlops run customer_churn --partition 2025-03
    """
    from mlops_assets.cli.output.run_display import display_of, machine_log

    with plain_errors(debug), machine_log(log_json) as log:
        from mlops_assets.cli.output.run_summary import print_summary
        from mlops_assets.stores.governance.ledger.ledger import Ledger
        from mlops_assets.stores.governance.ledger.state import LedgerState
        from mlops_assets.workspace.alerts import alert_notes
        from mlops_assets.workspace.dagster_run import project_lock
        from mlops_assets.workspace.health.former_projects import require_known_history
        from mlops_assets.workspace.health.ledger_checks import look_at_ledger
        from mlops_assets.workspace.health.model_files import champion_error
        from mlops_assets.workspace.project_run import ProjectRun
        from mlops_assets.workspace.run_events import RunProgress
        from mlops_assets.workspace.run_plan import RunPlan
        from mlops_assets.workspace.workspace import Workspace

        if partition and partitions:
            raise ProjectError("--partition and --partitions exclude each other", hint="use one of them")
        workspace = Workspace(find_project_root())
        keys = workspace.select(project, until)
        if not new_history:
            require_known_history(workspace, project)
        with (
            workspace.instance() as instance,
            project_lock(workspace, instance, project, command="mlops run", on_wait=print_waiting),
        ):
            source = data.expanduser().absolute() if data else None
            plan = RunPlan(workspace, instance, project, keys, source=source, scope=partition or partitions)
            clock_note = look_at_ledger(plan)
            run = ProjectRun(plan, trials=trials, force=force, debug=debug)
            steps = workspace.steps(keys)
            display = display_of(out, project, steps, partitioned=plan.periods is not None, log=log)
            with RunProgress(display, steps) as progress:
                if clock_note:
                    progress.note(clock_note)
                ran = run.execute(progress)
            for note in plan.notes:
                progress.note(note)
            if not progress.errors and (unusable := champion_error(workspace, project)):
                progress.errors.append(str(unusable))
            if not ran and not progress.errors:
                progress.note(f"{project} is up to date; to run it again, use --force")
            if not progress.errors:
                ledger_state = LedgerState.of(Ledger(plan.tables, project).entries())
                staleness = plan.staleness
                records = {key: staleness.recorded(key) for key in workspace.project(project)}
                print_summary(
                    *(out, project, records),
                    ledger_state=ledger_state,
                    reports=workspace.state.reports / project,
                    uis=UI_ADDRESSES,
                )
            for note in alert_notes(workspace, instance, project):
                progress.note(note)
        exit_on_errors(progress.errors)
