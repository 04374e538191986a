"""The supervisor: it listens, deploys versions and keeps workers alive; workers answer."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread

import uvicorn
from uvicorn.config import LOGGING_CONFIG

from mlops_assets.compat.uvicorn import LimitedHeaders
from mlops_assets.serving.config import ServingConfig
from mlops_assets.serving.json_log import logging_configuration
from mlops_assets.serving.options import ServiceOptions
from mlops_assets.serving.process.deployer import Deployer
from mlops_assets.serving.process.log_collection import collecting
from mlops_assets.serving.process.run_folder import running
from mlops_assets.serving.process.workers import Workers
from mlops_assets.stores.system.host_addresses import bracketed
from mlops_assets.stores.system.listening_socket import listening_socket

_GRACE_SECONDS = 30
_HUNG_SECONDS = 15
_STOP_SECONDS = 10.0
_DEFAULT_OPTIONS = ServiceOptions()


@dataclass(frozen=True)
class Endpoint:
    """Where the service listens, and with how many processes.

    Attributes
    ----------
    drain_seconds
        How long requests are still accepted after SIGTERM, while `/readyz` answers 503.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    drain_seconds: float = 1.0


def serve(
    state: Path,
    read_config: Callable[[], ServingConfig],
    endpoint: Endpoint,
    options: ServiceOptions = _DEFAULT_OPTIONS,
    *,
    echo: Callable[[str], None],
) -> None:
    """Answer requests until SIGINT or SIGTERM.

    Parameters
    ----------
    state
        The state directory, for the files of the service.
    read_config
        Returns what is served. It is called while workers start.
    echo
        Prints a line for the user.

    Raises
    ------
    MlopsError
        When a project has no champion, a version does not verify or load, or a port can't be used.
    """
    with listening_socket(endpoint.host, endpoint.port) as listening, running(state) as run:
        # prometheus_client looks for its folder when it is imported.
        from mlops_assets.serving.metrics.supervisor_metrics import SupervisorMetrics

        metrics = SupervisorMetrics(run.metrics)
        replace(options, workers=endpoint.workers).write(run.path)
        workers = Workers(_uvicorn_config(endpoint, options), [listening], run, metrics.forget_worker)
        address = f"{options.scheme}://{bracketed(endpoint.host)}:{listening.getsockname()[1]}"
        deployer = Deployer(run, workers, metrics, address, echo)
        thread = Thread(target=deployer.run, args=(read_config,), name="deployer", daemon=True)
        thread.start()
        try:
            with collecting(run, metrics.logged):
                workers.supervise(endpoint.drain_seconds)
        finally:
            deployer.stop()
            thread.join(_STOP_SECONDS)


def _uvicorn_config(endpoint: Endpoint, options: ServiceOptions) -> uvicorn.Config:
    return uvicorn.Config(
        "mlops_assets.serving.process.worker:create",
        factory=True,
        http=LimitedHeaders,
        ws="none",
        workers=endpoint.workers,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_worker_healthcheck=_HUNG_SECONDS,
        server_header=False,
        proxy_headers=False,
        ssl_certfile=options.tls_certificate,
        ssl_keyfile=options.tls_key,
        log_config=logging_configuration() if options.log_json else LOGGING_CONFIG,
    )
