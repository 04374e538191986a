"""The supervisor: it listens, deploys versions and keeps workers alive; workers answer."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import uvicorn
from uvicorn.config import LOGGING_CONFIG
from uvicorn.supervisors import Multiprocess

from mlops_assets.core.errors import MlopsError
from mlops_assets.serving.config import ServingConfig
from mlops_assets.serving.deployment.state import ProjectDeployment, write_deployment
from mlops_assets.serving.json_log import logging_configuration
from mlops_assets.serving.options import ServiceOptions
from mlops_assets.serving.process.worker import CONFIG_FILE, RUN_VARIABLE
from mlops_assets.stores.system.host_addresses import bracketed
from mlops_assets.stores.system.listening_socket import listening_socket

_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 2.0
_GRACE_SECONDS = 30

_DEFAULT_OPTIONS = ServiceOptions()


@dataclass(frozen=True)
class Endpoint:
    """Where the service listens, and with how many processes."""

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1


def serve(
    config: ServingConfig,
    endpoint: Endpoint,
    options: ServiceOptions = _DEFAULT_OPTIONS,
    *,
    echo: Callable[[str], None],
) -> None:
    """Answer requests until SIGINT or SIGTERM.

    Raises
    ------
    MlopsError
        When a project has no champion, or a port can't be used.
    """
    config.serving_folder.mkdir(parents=True, exist_ok=True)
    with (
        listening_socket(endpoint.host, endpoint.port) as listening,
        TemporaryDirectory(prefix="run-", dir=config.serving_folder) as folder,
    ):
        run, stop = Path(folder), Event()
        (run / CONFIG_FILE).write_text(config.to_text(), "utf-8")
        options.write(run)
        os.environ[RUN_VARIABLE] = folder
        _deploy(config, run, echo)
        Thread(target=_watch, args=(config, run, stop), daemon=True).start()
        port = listening.getsockname()[1]
        echo(f"serving at {options.scheme}://{bracketed(endpoint.host)}:{port}; press Ctrl-C to stop")
        server = uvicorn.Config(
            "mlops_assets.serving.process.worker:create",
            factory=True,
            workers=endpoint.workers,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            server_header=False,
            proxy_headers=False,
            ssl_certfile=options.tls_certificate,
            ssl_keyfile=options.tls_key,
            log_config=logging_configuration() if options.log_json else LOGGING_CONFIG,
        )
        Multiprocess(server, [listening]).run()
        stop.set()


def _deploy(config: ServingConfig, run: Path, echo: Callable[[str], None]) -> None:
    from mlops_assets.serving.deployment.versions import VersionFolders

    folders = VersionFolders(config, echo)
    found = {one.name: ProjectDeployment(folders.champion(one.name)) for one in config.projects}
    write_deployment(run, found)


def _watch(config: ServingConfig, run: Path, stop: Event) -> None:
    while not stop.wait(_POLL_SECONDS):
        try:
            _deploy(config, run, _LOG.info)
        except MlopsError as error:
            _LOG.error("the deployment is unchanged: %s", error)
