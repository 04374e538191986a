"""`mlops fetch` and `mlops sample`: the data of a project, downloaded or synthetic."""

from pathlib import Path
from typing import Annotated

import typer

from mlops_assets.cli.output.console import DebugOption, ProjectArgument, out, plain_errors
from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.stores.system.state_directory import find_project_root


def fetch(project: ProjectArgument, debug: DebugOption = False) -> None:
    """Download a project's data with its fetch.py.

    Example: mlops fetch california_housing
    """
    with plain_errors(debug):
        from mlops_assets.components.model_project.project.declared_tables import from_metadata, is_remote
        from mlops_assets.components.model_project.project.metadata_names import FOLDER, SOURCE
        from mlops_assets.stores.files.listing import source_folder
        from mlops_assets.stores.project_folder.files import ProjectFiles
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        metadata = workspace.metadata(project, SOURCE)
        declared = from_metadata(metadata)
        if not isinstance(declared, str) or is_remote(declared):
            raise ProjectError(
                f"{project}: its source is not a local folder, so nothing can be fetched into it",
                hint=f"run the project directly, which reads the source: mlops run {project}",
            )
        folder = source_folder(workspace.root / Path(declared.removeprefix("file://")).expanduser())
        fetch_files = ProjectFiles(project, Path(metadata[FOLDER])).fetch()
        try:
            with out.status(f"fetching into {folder}"):
                files = fetch_files(folder)
        except OSError as error:
            raise DataError(
                f"{project}: the data can't be fetched: {error}",
                hint=f"connect to the internet, copy the files to {folder}, or run with --data",
            ) from error
        for file in files:
            out.print(f"fetched {file}")


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
        from mlops_assets.components.model_project.project.metadata_names import FOLDER, SOURCE
        from mlops_assets.stores.project_folder.files import ProjectFiles
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
