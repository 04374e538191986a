"""`mlops fetch`: download of a project's data."""

from pathlib import Path

from mlops_assets.cli.output.console import DebugOption, ProjectArgument, out, plain_errors
from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.stores.system.state_directory import find_project_root


def fetch(project: ProjectArgument, debug: DebugOption = False) -> None:
    """Download a project's data with its fetch.py.

    Example: mlops fetch california_housing
    """
    with plain_errors(debug):
        from mlops_assets.components.model_project.project.declared_tables import from_metadata, is_remote
        from mlops_assets.components.model_project.project.files import ProjectFiles
        from mlops_assets.components.model_project.project.metadata_names import FOLDER, SOURCE
        from mlops_assets.stores.files.listing import source_folder
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
