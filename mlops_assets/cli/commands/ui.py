"""`mlops ui`: the UIs of Dagster and MLflow."""

from typing import Annotated

import typer

from mlops_assets.cli.output.console import DebugOption, out, plain_errors
from mlops_assets.stores.system.state_directory import find_project_root


def ui(
    port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
    mlflow_port: Annotated[int, typer.Option(help="Port of the MLflow UI.")] = 5000,
    debug: DebugOption = False,
) -> None:
    """Start the UIs of Dagster and MLflow, until Ctrl-C.

    Example: mlops ui --port 3001
    """
    with plain_errors(debug):
        from mlops_assets.workspace.servers import serve
        from mlops_assets.workspace.workspace import Workspace

        raise typer.Exit(serve(Workspace(find_project_root()), port, mlflow_port, echo=out.print))
