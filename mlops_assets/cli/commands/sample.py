"""`mlops sample`: synthetic data of a project."""

from pathlib import Path
from typing import Annotated

import typer

from mlops_assets.cli.output.console import DebugOption, ProjectArgument, out, plain_errors
from mlops_assets.core.errors import DataError
from mlops_assets.stores.system.state_directory import find_project_root


def sample(
    project: ProjectArgument,
    to: Annotated[Path, typer.Option(help="Folder to write to.")],
    months: Annotated[
        int | None, typer.Option(min=1, help="Number of months; the default is the project's.")
    ] = None,
    customers: Annotated[
        int | None, typer.Option(min=1, help="Initial number of customers; the default is the project's.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Random seed; the default is the project's.")
    ] = None,
    without: Annotated[
        str | None,
        typer.Option(metavar="broken,late", help="Data defects to leave out, separated by commas."),
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Generate synthetic data with a known ground truth, with the project's sample.py.

    Example: mlops sample customer_churn --months 24 --customers 5000 --seed 7 --to /tmp/churn
    """
    with plain_errors(debug):
        from mlops_assets.components.model_project.project.files import ProjectFiles
        from mlops_assets.components.model_project.project.metadata_names import FOLDER, SOURCE
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        generate = ProjectFiles(project, Path(workspace.metadata(project, SOURCE)[FOLDER])).sample()
        options = {"months": months, "customers": customers, "seed": seed}
        excluded = [name.strip() for name in (without or "").split(",") if name.strip()]
        given = {name: value for name, value in options.items() if value is not None}
        try:
            with out.status(f"writing into {to}"):
                report = generate(to.expanduser(), **given, without=excluded)
        except OSError as error:
            raise DataError(
                f"{project}: the sample can't be written to {to}: {error}",
                hint="choose another folder with --to",
            ) from error
        out.print(str(report), highlight=False, soft_wrap=True)
