"""`mlops serve`: champions over HTTP."""

from pathlib import Path
from typing import Annotated

import typer

from mlops_assets.cli.output.console import DebugOption, HostOption, out, plain_errors
from mlops_assets.stores.system.state_directory import find_project_root


def serve(
    projects: Annotated[list[str], typer.Argument(help="Names of the projects.", show_default=False)],
    host: HostOption = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the service.", min=0, max=65_535)] = 8000,
    workers: Annotated[int, typer.Option(help="Number of processes that answer.", min=1)] = 1,
    export: Annotated[
        Path | None,
        typer.Option(help="Write the configuration of the service into this file, and exit.", dir_okay=False),
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Serve the champions of projects over HTTP, until Ctrl-C.

    Example: mlops serve customer_churn --port 8000
    """
    with plain_errors(debug):
        from mlops_assets.serving.process.supervisor import Endpoint
        from mlops_assets.serving.process.supervisor import serve as serve_projects
        from mlops_assets.workspace.serving.declared import read_config

        config = read_config(find_project_root(), projects)
        if export is not None:
            export.write_text(config.to_text(), "utf-8")
            out.print(f"wrote {export}")
            return
        serve_projects(config, Endpoint(host, port, workers), echo=out.print)
