"""`mlops ui`: the UIs of Dagster and MLflow."""

from typing import Annotated

import typer

from mlops_assets.cli.output.console import DebugOption, HostOption, out, plain_errors
from mlops_assets.stores.system.state_directory import find_project_root


def ui(
    port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
    mlflow_port: Annotated[int, typer.Option(help="Port of the MLflow UI.")] = 5000,
    host: HostOption = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="Name or address, with the port if it is not that of the scheme, under which the UIs are "
            "opened, such as that of a proxy; can be repeated.",
            show_default=False,
        ),
    ] = None,
    read_only: Annotated[
        bool,
        typer.Option(
            "--read-only", help="Refuse every change in the Dagster UI; start neither the daemon nor MLflow."
        ),
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Start the UIs of Dagster and MLflow, until Ctrl-C.

    Example: mlops ui --port 3001
    """
    with plain_errors(debug):
        from mlops_assets.workspace.ui.servers import Entrance, serve
        from mlops_assets.workspace.workspace import Workspace

        entrance = Entrance(host, port, mlflow_port, tuple(allow_host or ()), read_only)
        raise typer.Exit(serve(Workspace(find_project_root()), entrance, echo=out.print))
