"""`mlops serve`: champions over HTTP."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_assets.cli.output.console import DebugOption, err, out, plain_errors, print_line
from mlops_assets.core.errors import StoreError
from mlops_assets.stores.system.state_directory import StateDirectory, find_project_root

if TYPE_CHECKING:
    from mlops_assets.serving.config import ServingConfig


def serve(
    projects: Annotated[
        list[str] | None,
        typer.Argument(
            help="Names of the projects; with --config, by default all projects of the file.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="Interface to listen on. Any other than loopback requires keys, or --no-keys; `0.0.0.0` "
            "for all requires --allow-host if there are no keys."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 for a free one.", min=0, max=65_535)] = 8000,
    workers: Annotated[int, typer.Option(help="Number of processes that answer.", min=1, max=256)] = 1,
    drain: Annotated[
        float,
        typer.Option(
            help="Seconds after SIGTERM in which requests are still accepted, while /readyz answers 503 and "
            "connections are closed after an answer.",
            min=0,
            max=600,
        ),
    ] = 1.0,
    config: Annotated[
        Path | None,
        typer.Option(help="Start from an exported configuration, without Dagster.", dir_okay=False),
    ] = None,
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

    Workers follow the champion: a promotion or `mlops rollback` takes effect within seconds, without a
    restart. SIGTERM finishes the accepted requests, and SIGHUP replaces the workers one by one.

    Example: mlops serve customer_churn --port 8000 --workers 2
    """
    if not projects and config is None:
        raise typer.BadParameter("name the projects to serve, or a file: --config FILE")
    with plain_errors(debug):
        state, read_config = _source(projects or [], config)
        if export is not None:
            _write(export, read_config())
            return
        from mlops_assets.serving.checked_options import exposure_notes, service_options
        from mlops_assets.serving.process.supervisor import Endpoint
        from mlops_assets.serving.process.supervisor import serve as serve_projects

        echo = partial(print_line, console=err if log_json else out)
        options = service_options(
            state,
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
        for note in exposure_notes(options):
            echo(note)
        serve_projects(state, read_config, Endpoint(host, port, workers, drain), options, echo=echo)


def _source(projects: list[str], config: Path | None) -> "tuple[Path, Callable[[], ServingConfig]]":
    """The state directory, and what reads the configuration."""
    from mlops_assets.serving.config import ServingConfig

    if config is None:
        from mlops_assets.workspace.serving.read_declared import read_declared

        root = find_project_root()
        return StateDirectory.of(root).root, lambda: read_declared(root, projects)
    try:
        text = config.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text file"
        raise StoreError(
            f"the configuration {config} can't be read: {reason}",
            hint="write it: mlops serve PROJECT --export FILE",
        ) from error
    found = ServingConfig.from_text(text, subject=str(config)).restricted_to(projects)
    return Path(found.state), lambda: found


def _write(file: Path, config: "ServingConfig") -> None:
    try:
        file.write_text(config.to_text(), "utf-8")
    except OSError as error:
        raise StoreError(
            f"the configuration can't be written to {file}: {error.strerror}", hint="choose another file"
        ) from error
    print_line(f"wrote {file}")
