"""`mlops sample`: made-up data with a known truth."""

from pathlib import Path
from typing import Annotated

import typer

from mlops_assets.cli.output.console import DebugOption, ProjectArgument, out, plain_errors
from mlops_assets.core.errors import DataError
from mlops_assets.stores.system.state_directory import find_project_root


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
    with plain_errors(debug):
        from mlops_assets.components.model_project.assets.raw import SOURCE
        from mlops_assets.components.model_project.project.files import ProjectFiles
        from mlops_assets.components.model_project.project.metadata_names import FOLDER
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        make = ProjectFiles(project, Path(workspace.metadata(project, SOURCE)[FOLDER])).sample()
        asked = {"months": months, "customers": customers, "seed": seed}
        left_out = [name.strip() for name in (without or "").split(",") if name.strip()]
        given = {name: value for name, value in asked.items() if value is not None}
        try:
            with out.status(f"writing into {to}"):
                report = make(to.expanduser(), **given, without=left_out)
        except OSError as error:
            raise DataError(f"{project}: the sample can't be written to {to}: {error}") from error
        out.print(str(report), highlight=False, soft_wrap=True)
