"""`mlops metrics`: metrics for Prometheus, as text and over HTTP."""

from typing import Annotated

import typer

from mlops_assets.cli.output.console import DebugOption, HostOption, out, plain_errors
from mlops_assets.stores.system.state_directory import find_project_root

app = typer.Typer()


@app.callback(invoke_without_command=True)
def metrics(context: typer.Context, debug: DebugOption = False) -> None:
    """Print metrics of all projects and of Dagster in Prometheus' text format, or serve them.

    Example: mlops metrics | promtool check metrics
    """
    if context.invoked_subcommand:
        return
    with plain_errors(debug):
        from mlops_assets.workspace.metrics.collection import MetricsCollection
        from mlops_assets.workspace.metrics.exposition import plain_text
        from mlops_assets.workspace.workspace import Workspace

        typer.echo(plain_text(MetricsCollection(Workspace(find_project_root())).collect), nl=False)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port of the endpoint.", min=0, max=65_535)] = 9760,
    host: HostOption = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="Name or address under which Prometheus reads the endpoint, with the port if it is not that "
            "of the scheme; can be repeated.",
            show_default=False,
        ),
    ] = None,
    cache: Annotated[
        float, typer.Option(help="Seconds for which collected figures are answered again.", min=0)
    ] = 15.0,
    debug: DebugOption = False,
) -> None:
    """Serve the metrics at `/metrics`, until Ctrl-C.

    Example: mlops metrics serve --port 9760
    """
    with plain_errors(debug):
        from mlops_assets.workspace.metrics.collection import MetricsCollection
        from mlops_assets.workspace.metrics.declarations import Declarations
        from mlops_assets.workspace.metrics.server import Endpoint
        from mlops_assets.workspace.metrics.server import serve as serve_metrics
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        declarations = Declarations(workspace.defs_folder)
        serve_metrics(
            Endpoint(host, port, tuple(allow_host or ()), cache),
            MetricsCollection(workspace).collect,
            is_outdated=declarations.have_changed,
            echo=out.print,
        )
