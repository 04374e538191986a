"""`mlops serve`: champions over HTTP."""

from pathlib import Path
from typing import Annotated

import typer

from mlops_assets.cli.output.console import DebugOption, HostOption, err, out, plain_errors
from mlops_assets.stores.system.state_directory import StateDirectory, find_project_root


def serve(
    projects: Annotated[list[str], typer.Argument(help="Names of the projects.", show_default=False)],
    host: HostOption = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the service.", min=0, max=65_535)] = 8000,
    workers: Annotated[int, typer.Option(help="Number of processes that answer.", min=1)] = 1,
    export: Annotated[
        Path | None,
        typer.Option(help="Write the configuration of the service into this file, and exit.", dir_okay=False),
    ] = None,
    max_concurrency: Annotated[
        int,
        typer.Option(help="Requests that a worker answers at once; more are refused with status 429.", min=1),
    ] = 256,
    keys: Annotated[
        Path | None,
        typer.Option(
            help="File of API keys; by default that of `mlops keys`, if a key was created.", dir_okay=False
        ),
    ] = None,
    no_keys: Annotated[bool, typer.Option("--no-keys", help="Answer requests without an API key.")] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="Further name or address of the service, as in the header Host; can be repeated.",
            show_default=False,
        ),
    ] = None,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Origin of web pages that may send requests: https://app.example.com; can be repeated.",
            show_default=False,
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None,
        typer.Option(help="PEM file of the certificate chain, to answer over HTTPS.", dir_okay=False),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(help="PEM file of its private key, if it is another file.", dir_okay=False),
    ] = None,
    log_json: Annotated[
        bool,
        typer.Option(
            "--log-json", help="Log each request as a JSON line to stdout; all other output goes to stderr."
        ),
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Serve the champions of projects over HTTP, until Ctrl-C.

    Example: mlops serve customer_churn --port 8000
    """
    with plain_errors(debug):
        from mlops_assets.serving.operation import exposure_notes, service_options
        from mlops_assets.serving.process.supervisor import Endpoint
        from mlops_assets.serving.process.supervisor import serve as serve_projects
        from mlops_assets.workspace.serving.declared import read_config

        root, echo = find_project_root(), err.print if log_json else out.print
        options = service_options(
            StateDirectory.of(root).root,
            host,
            allowed_hosts=allow_host or (),
            cors_origins=cors_origin or (),
            keys=keys,
            no_keys=no_keys,
            max_concurrency=max_concurrency,
            log_json=log_json,
            tls_certificate=tls_cert,
            tls_key=tls_key,
        )
        config = read_config(root, projects)
        if export is not None:
            export.write_text(config.to_text(), "utf-8")
            out.print(f"wrote {export}")
            return
        for note in exposure_notes(options):
            echo(note)
        serve_projects(config, Endpoint(host, port, workers), options, echo=echo)
