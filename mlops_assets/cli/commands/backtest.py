"""`mlops backtest`: models at past cut-offs, evaluated and not registered."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from mlops_assets.cli.output.console import (
    DebugOption,
    LogJsonOption,
    ProjectArgument,
    exit_on_errors,
    out,
    plain_errors,
    print_table,
    print_waiting,
)
from mlops_assets.core import names
from mlops_assets.stores.system.state_directory import find_project_root

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_assets.ml.evaluation.backtest import Backtest


def backtest(
    project: ProjectArgument,
    cutoffs: Annotated[
        str, typer.Option(metavar="2024-10..2025-03", help="Cut-offs to train and evaluate a model at.")
    ],
    trials: Annotated[
        int | None, typer.Option(min=1, help="Number of trials of each search; by default as declared.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Run assets that are up to date, too.")] = False,
    log_json: LogJsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Train and evaluate a model at each past cut-off, walking forward; no model is registered.

    Example: mlops backtest customer_churn --cutoffs 2024-10..2025-03
    """
    from mlops_assets.cli.output.run_display import display_of, machine_log

    with plain_errors(debug), machine_log(log_json) as log:
        from mlops_assets.workspace.backtest_results import collect_backtest, write_backtest
        from mlops_assets.workspace.dagster_run import project_lock
        from mlops_assets.workspace.health.former_projects import require_known_history
        from mlops_assets.workspace.project_run import ProjectRun
        from mlops_assets.workspace.run_events import RunProgress
        from mlops_assets.workspace.run_plan import RunPlan
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        timeline = workspace.event_timeline(project)
        chosen = timeline.periods.parse_range(cutoffs)
        keys = workspace.select(project, names.EVALUATION_REPORT)
        require_known_history(workspace, project)
        with (
            workspace.instance() as instance,
            project_lock(workspace, instance, project, command="mlops backtest", on_wait=print_waiting),
        ):
            plan = RunPlan(workspace, instance, project, keys)
            run = ProjectRun(plan, trials=trials, force=force, debug=debug)
            steps = workspace.steps(keys)
            display = display_of(out, project, steps, partitioned=True, log=log)
            with RunProgress(display, steps) as progress:
                run.backtest(chosen, progress)
            if not progress.stopped:
                reports = workspace.state.reports / project
                found = collect_backtest(instance, project, timeline, chosen, reports=reports)
                page = write_backtest(found, reports)
                _print_backtest(out, found, page)
        exit_on_errors(progress.errors)


def _print_backtest(console: Console, backtest: "Backtest", page: "Path") -> None:
    """Print a line for each cut-off, and the means."""
    table = Table(box=None, pad_edge=False)
    for title in ("cut-off", "holdout", "trained to", "family"):
        table.add_column(title, no_wrap=True)
    for title in ("rows", backtest.metric, "95 % interval", "baseline"):
        table.add_column(title, justify="right", no_wrap=True)
    for score in backtest.scores:
        style = "" if backtest.beats_baseline(score) else "yellow"
        table.add_row(
            *(score.cutoff, score.tested_on, score.trained_on.rpartition(" ")[2], score.family),
            *(f"{score.test_rows:,}", f"{score.score:.4g}", f"{score.low:.3g} to {score.high:.3g}"),
            f"{score.baseline:.4g}",
            style=style,
        )
    console.print()
    print_table(console, table)
    summary = (
        f"mean {backtest.metric} {backtest.mean:.4g}, of the best baselines {backtest.mean_baseline:.4g}; "
        f"{backtest.beaten} of {len(backtest.scores)} models beat their baseline; nothing was registered"
    )
    console.print(summary, highlight=False, soft_wrap=True)
    console.print(f"page  {page}", highlight=False, soft_wrap=True)
