"""The answer to Prometheus: the metrics of all processes of the service, also of those that have ended."""

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from mlops_assets.serving.http.guards.paths import METRICS
from mlops_assets.serving.http.routing import TemplateRoute


def metrics_route(folder: Path) -> TemplateRoute:
    """The route `/metrics`.

    Parameters
    ----------
    folder
        The folder that the processes write their metrics to.
    """

    async def metrics(_request: Request) -> Response:
        text = await run_in_threadpool(_text, folder)
        return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})

    return TemplateRoute(METRICS, metrics)


def _text(folder: Path) -> bytes:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))
    return generate_latest(registry)
