"""The HTTP endpoint of the metrics, which only reads, behind the gate of the user interface."""

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

import uvicorn
from prometheus_client import Metric
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mlops_assets.stores.system.host_addresses import Allowed, allowed_addresses, bracketed
from mlops_assets.stores.system.listening_socket import listening_socket
from mlops_assets.workspace.metrics.exposition import CachedCollector, response
from mlops_assets.workspace.ui.gate import Gate

PATH = "/metrics"
_GRACE_SECONDS = 5
"""How long open connections may last after SIGTERM."""


@dataclass(frozen=True)
class Endpoint:
    """Where the endpoint listens, and who may read it.

    Attributes
    ----------
    host, port
        Interface and port that it listens on.
    allow_hosts
        Names or addresses under which it is read, in addition to the host and the loopback names.
    seconds
        How long collected figures are answered again.
    """

    host: str = "127.0.0.1"
    port: int = 9760
    allow_hosts: tuple[str, ...] = ()
    seconds: float = 15.0


def application(collector: CachedCollector, allowed: Allowed) -> Starlette:
    """Return the ASGI application: `GET /metrics`, and a redirection to it."""

    async def metrics(request: Request) -> Response:
        # In a thread, so that requests are accepted during a collection.
        body, content_type = await run_in_threadpool(response, collector, request.headers.get("accept", ""))
        return Response(body, media_type=content_type, headers={"cache-control": "no-store"})

    async def index(_request: Request) -> Response:
        return RedirectResponse(PATH)

    routes = [Route(PATH, metrics, methods=["GET"]), Route("/", index, methods=["GET"])]
    gate = Middleware(Gate, allowed, command="mlops metrics serve")
    return Starlette(routes=routes, middleware=[gate, Middleware(GZipMiddleware)])


def serve(
    endpoint: Endpoint,
    collect: Callable[[], Iterable[Metric]],
    *,
    is_outdated: Callable[[], bool],
    echo: Callable[[str], None],
) -> None:
    """Answer requests until SIGINT or SIGTERM.

    Parameters
    ----------
    collect
        Collects the families; called by one thread at a time.
    is_outdated
        Whether the declarations have changed since they were loaded. Then the process starts itself again,
        because Python does not load modules twice.
    echo
        Called with each message for the user.

    Raises
    ------
    ProjectError
        When the host or an allowed host is not a name or an address.
    StoreError
        When the port can't be used.
    """
    allowed = allowed_addresses(endpoint.host, endpoint.allow_hosts)
    restart = False

    def collect_and_look() -> Iterable[Metric]:
        nonlocal restart
        if is_outdated():
            restart = server.should_exit = True
        return collect()

    collector = CachedCollector(collect_and_look, endpoint.seconds)
    config = uvicorn.Config(
        application(collector, allowed),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = uvicorn.Server(config)
    with listening_socket(endpoint.host, endpoint.port) as listening:
        port = listening.getsockname()[1]
        echo(f"metrics at http://{bracketed(endpoint.host)}:{port}{PATH}; press Ctrl-C to stop")
        with suppress(KeyboardInterrupt):  # uvicorn raises the signal again after it has stopped
            server.run(sockets=[listening])
    if restart:
        echo("the declarations have changed; they are loaded again")
        os.execv(sys.executable, sys.orig_argv)
