"""The `mlops` command: it parses, calls and prints.

Holds: the commands.
Add here: a command.
Not here: what a command does (`runs.py`, `ui.py`) and how it looks (`console.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mlops_assets import names
from mlops_assets.errors import DataError, MlopsError, ProjectError
from mlops_assets.stores.state import find_project_root

app = typer.Typer(
    help="Run model projects: from raw files to a champion in the registry.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out, err = Console(), Console(stderr=True)

ProjectArgument = Annotated[
    str, typer.Argument(help="The project: the name of its folder.", show_default=False)
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show Dagster's whole log, and tracebacks.")]


def main() -> None:
    """Entry point of the console script."""
    app()


@app.callback()
def commands() -> None:
    """Run model projects: from raw files to a champion in the registry."""


@app.command()
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
    debug: DebugOption = False,
) -> None:
    """Materialize a project's graph, except for what is up to date.

    Example: mlops run customer_churn --partition 2025-03
    """
    with _plain_errors(debug):
        from mlops_assets import console
        from mlops_assets.runs import ProjectRun
        from mlops_assets.workplace import Workplace

        if partition and partitions:
            raise ProjectError("--partition and --partitions say different things", hint="give one of them")
        workplace = Workplace(find_project_root())
        keys = workplace.select(project, until)
        with workplace.instance() as instance:
            run = ProjectRun(
                workplace,
                instance,
                project,
                keys,
                source=data.expanduser().absolute() if data else None,
                trials=trials,
                force=force,
                debug=debug,
                scope=partition or partitions,
            )
            steps = workplace.steps(keys)
            with console.RunProgress(out, steps, partitioned=run.timeline is not None) as progress:
                ran = run.execute(progress)
            for note in run.notes:
                out.print(f"[dim]note:[/] {note}", soft_wrap=True)
            if not ran and not progress.faults:
                out.print(f"{project} is up to date; --force runs it all the same")
            if not progress.faults:
                console.print_summary(out, project, instance, workplace.project(project), _WHERE_TO_LOOK)
        _end_with(progress.faults)


@app.command()
def backtest(
    project: ProjectArgument,
    cutoffs: Annotated[
        str, typer.Option(metavar="2024-10..2025-03", help="The cut-offs to train and judge a model at.")
    ],
    trials: Annotated[int | None, typer.Option(min=1, help="Trials of each search.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Run what is up to date, too.")] = False,
    debug: DebugOption = False,
) -> None:
    """Walk forward over past cut-offs: what would have been scored? Nothing is registered.

    Example: mlops backtest customer_churn --cutoffs 2024-10..2025-03
    """
    with _plain_errors(debug):
        from mlops_assets import console
        from mlops_assets.backtests import collect_backtest, write_backtest
        from mlops_assets.runs import ProjectRun
        from mlops_assets.workplace import Workplace

        workplace = Workplace(find_project_root())
        timeline = workplace.event_timeline(project)
        chosen = timeline.periods.parse_range(cutoffs)
        keys = workplace.select(project, names.EVALUATION_REPORT)
        with workplace.instance() as instance:
            run = ProjectRun(workplace, instance, project, keys, trials=trials, force=force, debug=debug)
            with console.RunProgress(out, workplace.steps(keys), partitioned=True) as progress:
                run.backtest(chosen, progress)
            if not progress.stopped:
                found = collect_backtest(instance, project, timeline, chosen)
                page = write_backtest(found, workplace.state.reports / project)
                console.print_backtest(out, found, page)
        _end_with(progress.faults)


@app.command()
def sample(
    project: ProjectArgument,
    to: Annotated[Path, typer.Option(help="The folder to write to.")],
    months: Annotated[int | None, typer.Option(min=1, help="How many months.")] = None,
    customers: Annotated[int | None, typer.Option(min=1, help="How many customers at first.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Another seed is another world.")] = None,
    without: Annotated[
        str | None, typer.Option(metavar="broken,late", help="What not to plant, separated by commas.")
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Write made-up data with a known truth, with the project's own sample.py.

    Example: mlops sample customer_churn --months 24 --customers 5000 --seed 7 --to /tmp/churn
    """
    with _plain_errors(debug):
        from mlops_assets.components.model_project.code import ProjectCode
        from mlops_assets.components.model_project.raw import FOLDER, SOURCE
        from mlops_assets.workplace import Workplace

        workplace = Workplace(find_project_root())
        make = ProjectCode(project, Path(workplace.metadata(project, SOURCE)[FOLDER])).sample()
        asked = {"months": months, "customers": customers, "seed": seed}
        left_out = [name.strip() for name in (without or "").split(",") if name.strip()]
        given = {name: value for name, value in asked.items() if value is not None}
        try:
            with out.status(f"writing into {to}"):
                report = make(to.expanduser(), **given, without=left_out)
        except OSError as error:
            raise DataError(f"{project}: the sample can't be written to {to}: {error}") from error
        out.print(str(report), highlight=False, soft_wrap=True)


@app.command()
def fetch(project: ProjectArgument, debug: DebugOption = False) -> None:
    """Bring a project's data from the internet, with the project's own fetch.py.

    Example: mlops fetch california_housing
    """
    with _plain_errors(debug):
        from mlops_assets.components.model_project.code import ProjectCode
        from mlops_assets.components.model_project.raw import FOLDER, SOURCE
        from mlops_assets.stores.sources import source_folder
        from mlops_assets.workplace import Workplace

        workplace = Workplace(find_project_root())
        metadata = workplace.metadata(project, SOURCE)
        folder = source_folder(workplace.root / Path(metadata[SOURCE]).expanduser())
        bring = ProjectCode(project, Path(metadata[FOLDER])).fetch()
        try:
            with out.status(f"fetching into {folder}"):
                files = bring(folder)
        except OSError as error:
            raise DataError(
                f"{project}: the data can't be fetched: {error}",
                hint=f"this needs the internet; without it, put the files into {folder} or use --data",
            ) from error
        for file in files:
            out.print(f"fetched {file}")


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port of Dagster's UI.")] = 3000,
    mlflow_port: Annotated[int, typer.Option(help="Port of MLflow's UI.")] = 5000,
    debug: DebugOption = False,
) -> None:
    """Serve Dagster's and MLflow's UIs until Ctrl-C.

    Example: mlops ui --port 3001
    """
    with _plain_errors(debug):
        from mlops_assets.ui import serve
        from mlops_assets.workplace import Workplace

        raise typer.Exit(serve(Workplace(find_project_root()), port, mlflow_port, say=out.print))


_WHERE_TO_LOOK = "`make ui`, or `mlops ui`: Dagster at http://127.0.0.1:3000, MLflow at http://127.0.0.1:5000"


def _end_with(faults: list[str]) -> None:
    """Tell what failed, and exit with 1 if anything did."""
    from mlops_assets.console import fail

    for fault in faults:
        fail(err, fault)
    if faults:
        raise typer.Exit(1)


@contextmanager
def _plain_errors(debug: bool) -> Iterator[None]:
    """Print a foreseeable error as one sentence and a hint, and exit with 1."""
    try:
        yield
    except MlopsError as error:
        if debug:
            err.print_exception()
        from mlops_assets.console import fail

        fail(err, error.message, error.hint)
        raise typer.Exit(1) from None
